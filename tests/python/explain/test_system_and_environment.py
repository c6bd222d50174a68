"""System atoms are scored one by one, their environment by mean and sum, frame by frame."""

import numpy as np
import pytest
from ase import Atoms
from ase.io import read

from analytic_cv import AnalyticCV, random_atoms
from gnncv.errors import InvalidArgument
from gnncv.explain import graph_node_sensitivity, node_sensitivity, write_sensitivity_report

AGGREGATED = ["environment_atoms_mean", "environment_atoms_sum"]


def frames_of(generator, sizes=(30, 30, 30)):
    """Boxes with two krypton atoms among argon; their number may change."""
    frames = [random_atoms(generator, n_atoms, triclinic=True) for n_atoms in sizes]
    for atoms in frames:
        atoms.symbols[[3, 7]] = "Kr"
    return frames


def cv():
    return AnalyticCV(species=["Ar", "Kr"])


@pytest.mark.parametrize("name", ["coordination", "novelty"])
def test_mean_and_sum_of_the_environment_come_last(generator, name):
    frames = frames_of(generator)
    whole = graph_node_sensitivity(cv(), frames, name, show_progress=False)["raw_sensitivities"]
    mask = np.zeros(30, dtype=bool)
    mask[[3, 7]] = True
    for system in ([3, 7], "Kr", ["Kr"], mask, np.array([3, 7], dtype=np.int32)):
        result = graph_node_sensitivity(cv(), frames, name, system=system, show_progress=False)
        assert result["node_labels"] == result["atoms_list"] == ["Kr4", "Kr8", *AGGREGATED]
        others = np.delete(whole, [3, 7], axis=1)
        expected = np.column_stack([whole[:, [3, 7]], others.mean(axis=1), others.sum(axis=1)])
        assert np.allclose(result["avg_sensitivities"], expected.mean(axis=0), rtol=1e-12)
        assert np.allclose(result["std_sensitivities"], expected.std(axis=0), rtol=1e-9)
        assert np.array_equal(result["raw_sensitivities"], whole)  # of all atoms, in the frame's order
    explanation = node_sensitivity(cv(), frames, name, system="Kr", show_progress=False)
    assert explanation.over == "groups" and list(explanation.labels) == result["node_labels"]
    assert np.array_equal(explanation.scores, result["avg_sensitivities"])
    of_species = graph_node_sensitivity(
        cv(), frames, name, system=[3, 8], environment=["Ar", "Kr"], show_progress=False
    )
    others = np.delete(whole, [3, 8], axis=1)  # those of the system are left out
    assert of_species["avg_sensitivities"][-1] == pytest.approx(others.sum(axis=1).mean(), rel=1e-12)
    backward = graph_node_sensitivity(cv(), frames, name, system=[7, 3], show_progress=False)
    assert backward["node_labels"][:2] == ["Kr8", "Kr4"]
    assert np.array_equal(backward["avg_sensitivities"][:2], result["avg_sensitivities"][[1, 0]])


def test_the_environment_can_be_chosen_and_bounded(generator):
    """Within a length of the system, over all images, from distances taken one by one."""
    frames = frames_of(generator)
    frames[1].pbc = False
    length = 5.0
    result = graph_node_sensitivity(
        cv(), frames, environment=range(10, 30), environment_within=length, system="Kr", show_progress=False
    )
    expected = []
    for k, atoms in enumerate(frames):
        distances = np.array([atoms.get_distances(i, range(len(atoms)), mic=True) for i in (3, 7)]).min(
            axis=0
        )
        near = [i for i in range(10, 30) if distances[i] <= length]
        assert 0 < len(near) < 20
        assert np.flatnonzero(result["rows"][k] == -1).tolist() == near
        scores = result["raw_sensitivities"][k]
        expected.append([scores[3], scores[7], scores[near].mean(), scores[near].sum()])
    assert np.allclose(result["avg_sensitivities"], np.mean(expected, axis=0), rtol=1e-12)


def test_the_environment_may_change_in_number(generator, tmp_path):
    """As with mlcolvar's truncated graphs; a frame without environment adds zeros, not what is no number."""
    frames = frames_of(generator, sizes=(30, 12, 40))
    lonely = Atoms("Kr2", positions=[[0, 0, 0], [0, 0, 3.9]])
    order = [[3, 7], [3, 7], [3, 7]]
    pairs = [
        atoms[chosen + [i for i in range(len(atoms)) if i not in chosen]]
        for atoms, chosen in zip(frames, order, strict=True)
    ]
    pairs.append(lonely)
    path = tmp_path / "S.extxyz"
    result = graph_node_sensitivity(cv(), pairs, system=[0, 1], show_progress=False, extxyz_filename=path)
    raw = result["raw_sensitivities"]
    assert [len(scores) for scores in raw] == [30, 12, 40, 2]
    last = [[scores[2:].mean() if len(scores) > 2 else 0.0, scores[2:].sum()] for scores in raw]
    expected = np.column_stack([[scores[:2] for scores in raw], last])
    assert np.allclose(result["avg_sensitivities"], expected.mean(axis=0), rtol=1e-12)
    for atoms, scores in zip(read(path, ":"), raw, strict=True):
        assert np.allclose(atoms.arrays["sensitivities"], scores, atol=1e-8)
    table, _ = write_sensitivity_report(result, path)
    assert table.read_text().splitlines()[3].startswith("environment_atoms_mean,,3,")


def test_selections_that_cannot_be_used(generator):
    frames = frames_of(generator)
    other = frames[1].copy()
    other.symbols[3] = "Ar"
    for options, message in [
        ({"system": "Xe"}, "system='Xe' selects none of the 30 atoms"),
        ({"system": []}, "selects none"),
        ({"system": [30]}, "system names atom 30; there are 30, from 0"),
        ({"system": [-1]}, "names atom -1"),
        ({"system": [1, 1]}, "names an atom twice"),
        ({"system": np.ones(7, dtype=bool)}, r"mask system has shape \(7,\) for 30 atoms"),
        ({"system": [0.5]}, "holds float64 values"),
        ({"system": [3], "environment": [3, 4]}, "atom 3 is in the system and in the environment"),
        ({"environment": "Ar"}, "give system too"),
        ({"environment_within": 3.0}, "give system too"),
        ({"system": [3], "environment_within": 0.0}, "environment_within is 0.0"),
    ]:
        with pytest.raises(InvalidArgument, match=message):
            graph_node_sensitivity(cv(), frames, show_progress=False, **options)
    with pytest.raises(InvalidArgument, match="other species in frame 1 than in frame 0"):
        graph_node_sensitivity(cv(), [frames[0], other], system="Kr", show_progress=False)
