"""Molecules first, then the configuration of their centers: trained, exported and evaluated as one model."""

import numpy as np
import pytest
import torch
from ase import Atoms

import gnncv
from benzene_runs import EXAMPLE, benzene_config, benzene_frames
from finite_differences import gradient_error, strain_error
from gnncv.data import rescaled_to
from gnncv.errors import InvalidArgument
from gnncv.explain import write_per_site
from gnncv.models.reference_evaluation import evaluate_reference
from gnncv.topology import Topology
from gnncv.training import TrainConfig, TrainedRun, fit, load_molecule_run, load_run
from systems import random_rotation


@pytest.fixture(scope="module")
def frames() -> list[Atoms]:
    return benzene_frames()


@pytest.fixture(scope="module")
def run(frames: list[Atoms], tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    return fit(benzene_config(), tmp_path_factory.mktemp("benzene") / "run", frames, progress=False)


@pytest.fixture(scope="module")
def exact(run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> gnncv.CollectiveVariable:
    path = tmp_path_factory.mktemp("exported") / "cv.pt"
    gnncv.export(run, path, "float64")
    return gnncv.CollectiveVariable(path, num_threads=1)


def embeddings(run: TrainedRun) -> dict[str, torch.Tensor]:
    assert run.model.encoder.molecules is not None
    return run.model.encoder.molecules.encoders[0].state_dict()


def test_phases_are_told_apart_at_one_density(exact: gnncv.CollectiveVariable, frames: list[Atoms]) -> None:
    """Site by site, where volumes say nothing."""
    topology = Topology.from_dict(exact.metadata["topology"])
    for atoms in frames:
        sites = exact.per_site(rescaled_to(atoms, 134.0, topology))
        assert sites["crystallinity"].shape == (72,)
        right = (sites["crystallinity"] > 0.5) == (atoms.info["phase"] == "crystal")
        assert right.mean() > 0.95, atoms.info


def test_gradients_of_a_trained_model(exact, frames, generator) -> None:
    """Atom by atom, through centers, axes and conformations; molecules are torn apart by the boundary."""
    atoms = frames[0].copy()
    atoms.positions += 0.02 * generator.normal(size=atoms.positions.shape)
    atoms.wrap()
    assert gradient_error(exact, atoms, generator, n_components=3).max() < 1e-6
    # stiff bonds are standardized by small spreads: what the stencil leaves out is large for larger steps
    assert strain_error(exact, atoms, step=2e-5).max() < 1e-6
    assert np.abs(exact.compute(atoms).gradients[exact.names.index("progress")]).max() > 1e-5


def test_the_file_is_the_pytorch_model(run, exact, frames) -> None:
    model = load_run(run.path).model.double()
    for atoms in (frames[0], frames[-1]):
        ours, reference = exact.compute(atoms), evaluate_reference(model, atoms)
        np.testing.assert_allclose(ours.values, reference.values, rtol=0, atol=1e-8)
        scale = np.abs(reference.gradients).max()
        np.testing.assert_allclose(ours.gradients, reference.gradients, rtol=0, atol=1e-7 * scale)


def test_identical_molecules_may_change_places(exact, frames, generator) -> None:
    atoms = frames[0]
    order = (12 * generator.permutation(72)[:, None] + np.arange(12)).ravel()
    before, after = exact.compute(atoms), exact.compute(atoms[order])
    np.testing.assert_allclose(after.values, before.values, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(after.gradients, before.gradients[:, order], rtol=0, atol=1e-9)


def test_equivalent_atoms_of_a_molecule_may_change_places(exact, frames, generator) -> None:
    """Turned by a sixth about its normal, or over: a molecule of benzene is the same."""
    atoms = frames[0]
    rings = np.array([[*np.roll(range(6), k), *(6 + np.roll(range(6), k))] for k in range(6)])
    flipped = np.array([0, 5, 4, 3, 2, 1, 6, 11, 10, 9, 8, 7])
    names = [rings[generator.integers(6)] for _ in range(72)]
    names = [name if generator.random() < 0.5 else flipped[name] for name in names]
    order = np.concatenate([12 * m + name for m, name in enumerate(names)])
    before, after = exact.compute(atoms), exact.compute(atoms[order])
    np.testing.assert_allclose(after.values, before.values, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(after.gradients, before.gradients[:, order], rtol=0, atol=1e-9)


def test_a_turned_box_is_the_same(exact, frames, generator) -> None:
    rotation = random_rotation(generator)
    turned = frames[-1].copy()
    turned.set_cell(turned.cell.array @ rotation.T)
    turned.positions = turned.positions @ rotation.T
    before, after = exact.compute(frames[-1]), exact.compute(turned)
    np.testing.assert_allclose(after.values, before.values, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(after.gradients @ rotation, before.gradients, rtol=0, atol=1e-9)


def test_a_replicated_box_is_the_same(exact, frames) -> None:
    topology = Topology.from_dict(exact.metadata["topology"])
    atoms = rescaled_to(frames[0], frames[0].get_volume() / 72, topology)  # molecules in one piece
    one, many = exact.compute(atoms, outputs=[]), exact.compute(atoms.repeat((2, 1, 1)), outputs=[])
    for output in exact.metadata["outputs"]:
        factor = 2 if output["kind"] == "extensive" else 1
        assert many[output["name"]] == pytest.approx(factor * one[output["name"]], rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("use", ["frozen", "along", "none"])
def test_stage_1_is_frozen_or_trained_along_or_left_out(run, frames, tmp_path, use) -> None:
    given = {} if use == "none" else {"run": run.path / "stage1"}
    config = benzene_config(stage1={"use": use, **given}, training={"epochs": 1})
    changed = fit(config, tmp_path / "run", frames[::2], progress=False)
    if use == "none":
        assert changed.model.encoder.molecules is None
    else:
        stage1 = load_molecule_run(run.path / "stage1" / "benzene").model.encoder.state_dict()
        same = all(torch.equal(embeddings(changed)[name], value) for name, value in stage1.items())
        assert same == (use == "frozen")
    loaded = load_run(changed.path)
    for name, value in changed.model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], value), name
    facts = gnncv.export(loaded, tmp_path / "cv.pt")
    assert facts["self_check"]["gradient_error"] < 2e-5
    assert gnncv.CollectiveVariable(tmp_path / "cv.pt").kinds == ["benzene"]


def test_an_interrupted_run_goes_on_as_it_would_have(run, frames, tmp_path) -> None:
    """Both stages; what is resumed ends with the same weights."""
    halfway = fit(benzene_config(training={"epochs": 5}), tmp_path / "run", frames, progress=False)
    for name, value in run.model.state_dict().items():
        assert torch.equal(halfway.model.state_dict()[name], value), name
    again = fit(benzene_config(), tmp_path / "run", frames, resume=True, progress=False)
    for name, value in run.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value), name


def test_stage_1_of_another_template_is_refused(run, frames, tmp_path) -> None:
    config = benzene_config(stage1={"run": run.path / "stage1"})
    other = config.molecules[0].model_copy(update={"distances": "bonds"})
    changed = config.model_copy(update={"molecules": [other]})
    with pytest.raises(InvalidArgument, match=r"is of another template of 'benzene'"):
        fit(changed, tmp_path / "run", frames, progress=False)


def test_columns_of_sites_are_columns_of_their_atoms(exact, frames, tmp_path) -> None:
    from ase.io import read

    path = write_per_site(exact, [frames[0]], tmp_path / "sites.extxyz", show_progress=False)
    written = read(path)
    expected = exact.per_site(frames[0])["crystallinity"]
    np.testing.assert_allclose(written.arrays["crystallinity"], np.repeat(expected, 12), atol=1e-7)


def test_the_example_is_a_configuration() -> None:
    config = TrainConfig.from_yaml(EXAMPLE / "train.yaml")
    assert config.molecules[0].name == "benzene" and config.stage1.use == "frozen"
    assert all(path.is_file() for paths in config.data.phases.values() for path in paths)
