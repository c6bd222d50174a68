"""The same on trained models, and on the files that simulations use."""

import numpy as np
import pytest
from ase import Atoms

from gnncv import CollectiveVariable
from gnncv.demo import shipped_model
from gnncv.explain import graph_node_sensitivity, integrated_gradients, saliency
from molecule_models import molecular_system, molecule_model, write_molecule_model

pytest.importorskip("captum")


@pytest.fixture
def cluster(argon_frames) -> Atoms:
    """The middle of a frame of the melt in an open box, and one atom out of reach of all others."""
    melt = argon_frames[-1]
    inner = np.argsort(np.linalg.norm(melt.positions - melt.positions.mean(axis=0), axis=1))[:32]
    atoms = melt[inner]
    atoms.pbc = False
    atoms.positions[-1] = atoms.positions.max(axis=0) + 20.0
    return atoms


def close(scores, others, tolerance):
    return np.abs(scores - others).max() < tolerance * np.abs(others).max()


def test_gradients_of_the_shipped_model_sum_to_zero_and_carry_no_torque(cluster):
    cv = CollectiveVariable(shipped_model(), precision="float64")
    for name in cv.names:
        gradient = cv.compute(cluster).gradient(name)
        explanation = saliency(cv, cluster, "nodes", name)
        assert close(explanation.scores, np.linalg.norm(gradient, axis=1), 1e-6)
        assert explanation.scores[-1] == 0.0
        assert explanation.model_hash == cv.hash
        size = explanation.scores.sum()
        assert size > 1e-4
        assert np.abs(gradient.sum(axis=0)).max() < 1e-12 * size
        torque = np.cross(cluster.positions, gradient).sum(axis=0)
        assert np.abs(torque).max() < 1e-12 * size * np.abs(cluster.positions).max()


@pytest.mark.filterwarnings("ignore:the scores add up")  # few steps are enough for what is compared
def test_the_file_and_the_trained_model_score_alike(exported, small_run, cluster):
    cv = CollectiveVariable(exported)
    tolerance = 1e-6 if cv.precision == "float64" else 1e-4
    for explain, over, options in (
        (saliency, "nodes", {}),
        (saliency, "vectors", {}),
        (integrated_gradients, "vectors", {"steps": 5}),
    ):
        of_file = explain(cv, cluster, over, "progress", **options)
        of_model = explain(small_run, cluster, over, "progress", **options)
        assert np.array_equal(of_file.edge_index, of_model.edge_index)
        assert close(of_file.scores, of_model.scores, tolerance), explain.__name__
    sensitivity = graph_node_sensitivity(cv, cluster, "progress", show_progress=False)["raw_sensitivities"][0]
    assert close(saliency(small_run, cluster, "nodes", "progress").scores, sensitivity, tolerance)


def test_the_file_and_the_model_of_molecules_score_alike(tmp_path, generator):
    path = write_molecule_model(tmp_path / "molecules.pt")
    atoms = molecular_system("open", 12, generator)[0]
    of_file, of_model = (
        saliency(model, atoms, "nodes", "progress") for model in (path, molecule_model("invariants"))
    )
    assert of_file.scores.shape == (len(of_file.node_labels),) != (len(atoms),)
    assert close(of_file.scores, of_model.scores, 1e-6)


def test_a_trained_model_is_complete(small_run, argon_frames, cluster):
    """Descriptors as fast as a smooth function; gates more slowly: roots of densities start at them."""
    baseline = [argon_frames[0][:100]]
    for over, steps, options in (
        ("node_features", 50, {}),
        ("node_features", 50, {"baseline": baseline}),
        ("edges", 100, {}),
    ):
        explanation = integrated_gradients(small_run, cluster, over, "progress", steps=steps, **options)
        change = explanation.value - explanation.details["baseline_value"]
        assert abs(change) > 1e-3
        assert abs(explanation.completeness_gap) < 1e-4 * abs(change), over


def test_scores_of_a_trained_model_permute_and_ignore_images(small_run, argon_frames, generator):
    atoms = argon_frames[0].copy()
    order = generator.permutation(len(atoms))
    moved = atoms[order]
    moved.positions += generator.integers(-2, 3, (len(atoms), 3)) @ atoms.cell.array
    scores, others = (saliency(small_run, frame, "nodes", "progress").scores for frame in (atoms, moved))
    assert close(others, scores[order], 1e-9)
