"""Sensitivities are gradient norms, in mlcolvar's shape, for CVs and for plain functions."""

import os

import numpy as np
import pytest
from ase import Atoms
from ase.io import read

from analytic_cv import AnalyticCV, random_atoms
from gnncv.errors import InvalidArgument, OutputExists
from gnncv.explain import graph_node_sensitivity, write_sensitivity_report


def trajectory(n_atoms=30, n_frames=4, seed=21):
    print("seed", seed)
    rng = np.random.default_rng(seed)
    frames = [random_atoms(rng, n_atoms) for _ in range(n_frames)]
    for k, atoms in enumerate(frames):
        atoms.info["phase"] = "melt" if k % 2 else "crystal"
    return frames


@pytest.mark.parametrize("component", [0, 2, -1, "progress"])
@pytest.mark.parametrize("n_atoms", [1, 2, 7, 64])
def test_scores_are_norms_of_the_derivatives(n_atoms, component):
    frames = trajectory(n_atoms)
    cv = AnalyticCV(middle=1.5)
    result = graph_node_sensitivity(cv, frames, component=component, show_progress=False)
    name = component if isinstance(component, str) else cv.names[component]
    assert result["component"] == name
    assert result["raw_sensitivities"].shape == (len(frames), n_atoms)
    assert np.allclose(result["avg_sensitivities"], result["raw_sensitivities"].mean(axis=0))
    assert result["node_labels"] == [f"Ar{i + 1}" for i in range(n_atoms)]
    h = 1e-5
    for k, atoms in enumerate(frames[:2]):
        atom = k % n_atoms
        slopes = []
        for axis in range(3):
            values = []
            for sign in (1, -1):
                moved = atoms.copy()
                moved.positions[atom, axis] += sign * h
                values.append(cv.compute(moved, outputs=[])[name])
            slopes.append((values[0] - values[1]) / (2 * h))
        expected = np.linalg.norm(slopes)
        assert result["raw_sensitivities"][k, atom] == pytest.approx(expected, rel=1e-6, abs=1e-9)
        assert result["values"][k] == pytest.approx(cv.compute(atoms)[name])


@pytest.mark.parametrize("batch_size", [None, 0, 1, 3, 100])
def test_every_frame_is_returned_whatever_the_batch_size(batch_size):
    frames = trajectory(n_frames=7)
    all_at_once = graph_node_sensitivity(AnalyticCV(), frames, show_progress=False)
    result = graph_node_sensitivity(AnalyticCV(), frames, batch_size=batch_size, show_progress=False)
    assert np.array_equal(result["raw_sensitivities"], all_at_once["raw_sensitivities"])
    assert len(result["frames"]) == result["n_frames"] == 7


def test_the_file_has_the_frames_and_the_column(tmp_path):
    frames = trajectory()
    before = [atoms.copy() for atoms in frames]
    path = tmp_path / "S.extxyz"
    result = graph_node_sensitivity(
        AnalyticCV(), frames, "progress", show_progress=False, extxyz_filename=path, crystallinity=True
    )
    written = read(path, ":")
    assert len(written) == len(frames)
    for k, atoms in enumerate(written):
        assert np.allclose(atoms.positions, frames[k].positions, atol=1e-7)
        assert np.allclose(atoms.cell.array, frames[k].cell.array) and np.array_equal(
            atoms.pbc, frames[k].pbc
        )
        assert np.allclose(atoms.arrays["sensitivities"], result["raw_sensitivities"][k], atol=1e-8)
        assert np.allclose(atoms.arrays["crystallinity"], result["crystallinity"][k], atol=1e-8)
        assert atoms.info["phase"] == frames[k].info["phase"]
        assert atoms.info["progress"] == pytest.approx(result["values"][k], abs=1e-8)
    assert frames == before  # the caller's frames are as they were
    assert all("sensitivities" not in atoms.arrays for atoms in frames)
    with pytest.raises(OutputExists):
        graph_node_sensitivity(AnalyticCV(), frames, extxyz_filename=path, show_progress=False)


def test_any_function_will_do():
    """The sum of squared positions: the score of an atom is twice its distance from the origin."""

    def moment(atoms):
        return float(np.sum(atoms.positions**2)), 2.0 * atoms.positions

    frames = trajectory()
    result = graph_node_sensitivity(moment, frames, show_progress=False)
    expected = [2 * np.linalg.norm(atoms.positions, axis=1) for atoms in frames]
    assert result["component"] == "moment" and np.allclose(result["raw_sensitivities"], expected)
    assert "crystallinity" not in graph_node_sensitivity(
        moment, frames, crystallinity=True, show_progress=False
    )


@pytest.mark.parametrize("crystallinity", [False, True])
@pytest.mark.parametrize("n_atoms", [1, 2, 30])
def test_table_and_picture(tmp_path, n_atoms, crystallinity):
    frames = trajectory(n_atoms)
    cv = AnalyticCV(species=["Ar", "Kr"])
    for atoms in frames:
        atoms.symbols[: n_atoms // 2] = "Kr"
    result = graph_node_sensitivity(cv, frames, "progress", show_progress=False, crystallinity=crystallinity)
    table, picture = write_sensitivity_report(result, tmp_path / "S.extxyz")
    rows = np.genfromtxt(table, delimiter=",", names=True, dtype=None, encoding="utf-8", ndmin=1)
    assert len(rows) == n_atoms and ("crystallinity" in rows.dtype.names) == crystallinity
    assert np.allclose(rows["average"], result["avg_sensitivities"], rtol=1e-6)
    assert np.all(np.diff(rows["average"][np.argsort(rows["rank"])]) <= 0)
    assert rows["species"].tolist() == frames[0].get_chemical_symbols()
    assert picture.read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(OutputExists):
        write_sensitivity_report(result, tmp_path / "S.extxyz")
    table.unlink()
    with pytest.raises(OutputExists):
        write_sensitivity_report(result, tmp_path / "S.extxyz")
    assert not table.exists()  # names are checked before the first file is written


def test_bad_input_leaves_nothing(tmp_path):
    frames, cv = trajectory(), AnalyticCV()
    path = tmp_path / "S.extxyz"
    mixed = [frames[0], random_atoms(np.random.default_rng(0), 5)]
    xenon = Atoms("Xe2", positions=[[0, 0, 0], [0, 0, 3]])

    def infinite(atoms):
        gradient = np.zeros((len(atoms), 3))
        gradient[3, 1] = np.nan
        return 0.0, gradient

    def wrong_shape(atoms):
        return 0.0, np.zeros(3)

    for model, given, component, message in [
        (cv, frames, "nothing", "no output 'nothing'; its outputs are coordination"),
        (cv, frames, 4, "no output number 4; it has 4"),
        (cv, [], 0, "no frames"),
        (cv, [Atoms()], 0, "frame 0 has no atoms"),
        (cv, ["melt.xyz"], 0, "frame 0 is a str"),
        (cv, mixed, 0, "frame 1 has Ar5"),
        (AnalyticCV(), xenon, 0, "species 'Xe' of atom 0 is unknown; it knows Ar"),
        (infinite, frames, 0, "gradient of infinite on atom 3 is not finite in frame 0"),
        (wrong_shape, frames, 0, "has shape"),
        (3.0, frames, 0, "cannot explain a float"),
    ]:
        with pytest.raises(InvalidArgument, match=message):
            graph_node_sensitivity(model, given, component, show_progress=False, extxyz_filename=path)
    with pytest.raises(InvalidArgument, match="batch_size is -1"):
        graph_node_sensitivity(cv, frames, batch_size=-1)
    with pytest.raises(InvalidArgument, match="the folder"):
        graph_node_sensitivity(cv, frames, extxyz_filename=tmp_path / "none" / "S.extxyz")
    assert os.listdir(tmp_path) == []
