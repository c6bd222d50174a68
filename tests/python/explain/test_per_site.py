"""Values per atom come back from the file, frame by frame."""

import os

import numpy as np
import pytest
from ase.io import read

from analytic_cv import AnalyticCV, random_atoms
from gnncv.errors import InvalidArgument, OutputExists
from gnncv.explain import write_per_site


@pytest.mark.parametrize("sizes", [[1], [2, 7], [30, 30, 64]])
def test_round_trip(tmp_path, sizes):
    seed = 31
    print("seed", seed)
    rng = np.random.default_rng(seed)
    frames = [random_atoms(rng, n, triclinic=True) for n in sizes]
    for k, atoms in enumerate(frames):
        atoms.info["time_ps"] = 2.0 * k
        atoms.set_array("velocities", rng.normal(size=(len(atoms), 3)))  # not one of the fixed columns
    cv = AnalyticCV()
    path = write_per_site(cv, frames, tmp_path / "sites.extxyz", show_progress=False)
    with open(path) as file:
        file.readline()
        header = file.readline()
    assert "Properties=species:S:1:pos:R:3:coordination:R:1:crystallinity:R:1:novelty:R:1" in header
    for original, atoms in zip(frames, read(path, ":"), strict=True):
        cv.bind(original.get_chemical_symbols())
        expected, values = cv.per_site(original), cv.compute(original, outputs=[])
        for name in cv.site_names:
            assert np.allclose(atoms.arrays[name], expected[name], atol=1e-7)
        for name in cv.names:
            assert atoms.info[name] == pytest.approx(values[name], abs=1e-7)
        assert atoms.info["time_ps"] == original.info["time_ps"]
        assert np.allclose(atoms.positions, original.positions, atol=1e-7)


def test_names_with_a_hyphen(tmp_path):
    """Latents are called latent-1, latent-2."""

    class Latent(AnalyticCV):
        site_names = ["latent-1", "crystallinity", "novelty"]  # noqa: RUF012

        def per_site(self, *args):
            sites = super().per_site(*args)
            return {"latent-1": sites.pop("coordination"), **sites}

    atoms = random_atoms(np.random.default_rng(1), 9)
    path = write_per_site(Latent(), atoms, tmp_path / "a.extxyz", show_progress=False)
    assert np.allclose(read(path).arrays["latent-1"], AnalyticCV().per_site(atoms)["coordination"], atol=1e-7)


def test_bad_input_leaves_nothing(tmp_path):
    atoms = random_atoms(np.random.default_rng(1), 9)
    path = tmp_path / "a.extxyz"
    with pytest.raises(InvalidArgument, match="no values per site"):
        write_per_site(lambda frame: (0.0, np.zeros((9, 3))), atoms, path, show_progress=False)
    broken = atoms.copy()
    broken.positions[4] = np.nan
    with pytest.raises(InvalidArgument, match="atom 4"):
        write_per_site(AnalyticCV(), [atoms, broken], path, show_progress=False)
    assert os.listdir(tmp_path) == []
    path.write_text("mine")
    with pytest.raises(OutputExists):
        write_per_site(AnalyticCV(), atoms, path)
    assert path.read_text() == "mine"
