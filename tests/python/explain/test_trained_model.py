"""The same through a trained, exported model and the C++ core."""

import numpy as np
import pytest
from ase.io import read

from gnncv import CollectiveVariable
from gnncv.errors import InvalidArgument, ModelError
from gnncv.explain import graph_node_sensitivity, perturbation, write_per_site, write_sensitivity_report


@pytest.fixture
def frames(argon_frames):
    return [argon_frames[0], argon_frames[-1]]  # crystal, melt


def test_scores_are_the_gradients_of_the_core(exported, frames, tmp_path):
    path = tmp_path / "S.extxyz"
    result = graph_node_sensitivity(
        exported, frames, "progress", show_progress=False, extxyz_filename=path, crystallinity=True
    )
    cv = CollectiveVariable(exported)
    for k, atoms in enumerate(frames):
        direct = cv.compute(atoms, outputs=["progress"])
        assert np.allclose(
            result["raw_sensitivities"][k], np.linalg.norm(direct.gradient("progress"), axis=1), rtol=1e-9
        )
        assert result["values"][k] == pytest.approx(direct["progress"])
        assert np.allclose(result["crystallinity"][k], cv.per_site(atoms)["crystallinity"])
    assert np.all(result["avg_sensitivities"] > 0)
    assert np.allclose(read(path, "-1").arrays["sensitivities"], result["raw_sensitivities"][-1], atol=1e-8)
    assert [written.suffix for written in write_sensitivity_report(result, path)] == [".csv", ".png"]


def test_scores_are_central_differences(exported, frames):
    if "float32" in exported.name:
        pytest.skip("central differences need the float64 model")
    result = graph_node_sensitivity(exported, frames[1], "progress", show_progress=False)
    cv = CollectiveVariable(exported)
    atom, h, slopes = int(np.argmax(result["raw_sensitivities"][0])), 1e-4, []
    for axis in range(3):
        values = []
        for sign in (1, -1):
            moved = frames[1].copy()
            moved.positions[atom, axis] += sign * h
            values.append(cv.compute(moved, outputs=[])["progress"])
        slopes.append((values[0] - values[1]) / (2 * h))
    assert np.linalg.norm(slopes) == pytest.approx(result["raw_sensitivities"][0, atom], rel=1e-5)


def test_values_per_site(exported, frames, tmp_path):
    cv = CollectiveVariable(exported)
    path = write_per_site(exported, frames, tmp_path / "sites.extxyz", show_progress=False)
    for original, atoms in zip(frames, read(path, ":"), strict=True):
        expected = cv.per_site(original)
        assert list(expected) == cv.site_names
        for name, values in expected.items():
            assert np.allclose(atoms.arrays[name], values, atol=1e-7)
        values = cv.compute(original, outputs=[])
        for name in cv.names:
            assert atoms.info[name] == pytest.approx(values[name], rel=1e-6, abs=1e-7)


def test_bad_models_and_species(exported, frames, tmp_path):
    with pytest.raises(ModelError, match=r"none\.pt"):
        graph_node_sensitivity(tmp_path / "none.pt", frames, show_progress=False)
    xenon = frames[0].copy()
    xenon.symbols[:] = "Xe"
    with pytest.raises(InvalidArgument, match="Xe"):
        write_per_site(exported, xenon, tmp_path / "sites.extxyz", show_progress=False)
    assert list(tmp_path.iterdir()) == []


def test_removal_through_the_core_and_through_graph_functions(exported, small_run, frames):
    """Atoms are deleted for the core; a stretched pair of the file is the trained one with closed gates."""
    cv, atoms = CollectiveVariable(exported), frames[1]
    found = perturbation(exported, atoms, "neighbor", "ncrystal", center=7, within=5.0, show_progress=False)
    assert len(found.labels) > 5
    for label, score in zip(found.labels[:3], found.scores[:3], strict=True):
        left = atoms[[i for i in range(len(atoms)) if i != int(label[2:]) - 1]]
        direct = cv.compute(atoms, outputs=[])["ncrystal"] - cv.compute(left, outputs=[])["ncrystal"]
        assert score == pytest.approx(direct, rel=1e-12)
    assert found.model_hash == cv.hash
    file, trained = (
        perturbation(model, atoms, "pair", "progress", only=[0, 100, 2000], show_progress=False)
        for model in (cv, small_run)
    )
    assert file.labels == trained.labels
    close = 1e-9 if "float64" in exported.name else 1e-5
    assert np.allclose(file.scores, trained.scores, rtol=1e-3, atol=close)
    assert np.abs(trained.scores).max() > 10 * close
