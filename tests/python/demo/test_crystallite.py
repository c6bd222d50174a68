"""A crystallite in a melt: as many sites as asked for, whole, with nothing in their way."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.geometry import get_distances

from molecules import random_system, some_topology

SOURCE = Path(__file__).parents[3] / "benchmarks" / "crystallite.py"
CONTACT = 3.0


@pytest.fixture(scope="module")
def crystallite():
    import sys

    spec = importlib.util.spec_from_file_location("crystallite", SOURCE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["crystallite"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("n_sites", [0, 1, 13, 60])
def test_atoms_are_planted_whole_and_apart(crystallite, argon_frames: list[Atoms], n_sites, generator):
    melt = next(atoms for atoms in argon_frames if atoms.info["phase"] == "melt")
    crystal = next(atoms for atoms in argon_frames if atoms.info["phase"] == "crystal")
    planted = crystallite.plant(melt, crystal, n_sites, CONTACT, generator)
    assert int(planted.crystalline.sum()) == n_sites and len(planted.crystalline) == len(planted.atoms)
    assert abs(len(planted.atoms) - len(melt)) < 0.05 * len(melt)
    ball = planted.atoms.positions[planted.crystalline]
    rest = planted.atoms.positions[~planted.crystalline]
    cell, pbc = melt.cell.array, True
    if n_sites:
        assert get_distances(ball, rest, cell=cell, pbc=pbc)[1].min() >= CONTACT
    if n_sites > 1:
        spacing = get_distances(ball, cell=cell, pbc=pbc)[1]
        nearest = spacing[np.triu_indices(n_sites, 1)].min()
        assert nearest > 3.0  # as in the crystal
        radius = np.linalg.norm(ball - ball.mean(axis=0), axis=1).max()
        expected = (3.0 * n_sites * crystal.get_volume() / len(crystal) / (4.0 * np.pi)) ** (1 / 3)
        assert 0.6 * expected < radius < 1.4 * expected
    kept = get_distances(rest, melt.positions, cell=cell, pbc=pbc)[1].min(axis=1)
    assert kept.max() < 1e-6


def test_molecules_stay_whole(crystallite, generator):
    """Every molecule of the result is one of the two frames, turned as a whole."""
    topology = some_topology()
    counts, side = (0, 0, 40, 0, 0), 16.0
    melt, crystal = (
        random_system(topology, counts, side * np.eye(3), True, generator, spread=0.0)[0] for _ in range(2)
    )
    planted = crystallite.plant(melt, crystal, 6, 1.5, generator, topology)
    layout = topology.match(planted.atoms.get_chemical_symbols())
    assert layout.n_sites == len(planted.crystalline) and int(planted.crystalline.sum()) == 6
    water = melt.get_all_distances(mic=True)[:3, :3]
    for site in range(layout.n_sites):
        own = planted.atoms[layout.site_of_atom == site].get_all_distances(mic=False)
        np.testing.assert_allclose(own, water, atol=1e-6)
    ball = planted.crystalline[layout.site_of_atom]
    positions = planted.atoms.positions
    apart = get_distances(positions[ball], positions[~ball], cell=side * np.eye(3), pbc=True)[1]
    assert apart.min() >= 1.5
