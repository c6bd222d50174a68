"""Order parameters have their published values, in every kind of box."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from analytic_cv import random_atoms
from gnncv.errors import InvalidArgument

pytest.importorskip("freud", reason="freud-analysis is not installed (extra gnncv[analysis])")
from gnncv.analysis import order_parameter_table, order_parameters

# Steinhardt, Nelson, Ronchetti (1983); Mickel et al., JCP 138, 044501 (2013), table I
PERFECT = [
    ("fcc", {}, 1.2, 12, 0.57452),
    ("hcp", {"c": np.sqrt(8 / 3)}, 1.2, 12, 0.48476),
    ("sc", {}, 1.2, 6, 0.35355),
]


@pytest.mark.parametrize(("structure", "shape", "cutoff", "neighbors", "expected"), PERFECT)
@pytest.mark.parametrize("repeat", [1, 2, 4])
def test_perfect_crystals(structure, shape, cutoff, neighbors, expected, repeat):
    """Neighbors at distance 1; primitive boxes smaller than the cutoff too."""
    lattice = {"fcc": np.sqrt(2.0), "hcp": 1.0, "sc": 1.0}[structure]
    shape = {key: value * lattice for key, value in shape.items()}
    atoms = bulk("Ar", structure, a=lattice, **shape) * repeat
    found = order_parameters(atoms, cutoff)
    assert np.all(found.neighbors == neighbors)
    assert np.allclose(found.q6, expected, atol=2e-5)
    if structure != "hcp":  # in hcp the two sites differ by a rotation, and the averages are lower
        assert np.allclose(found.averaged_q6, expected, atol=2e-5)
        assert found.global_q6 == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("triclinic", [False, True])
@pytest.mark.parametrize("pbc", [True, False, [True, True, False], [False, True, False]])
@pytest.mark.parametrize("n_atoms", [2, 7, 64])
def test_against_plain_sums(n_atoms, pbc, triclinic):
    """The definition, with all images looped over and SciPy's harmonics; freud works in float32."""
    from ase.neighborlist import neighbor_list
    from scipy.special import sph_harm_y

    seed = n_atoms + 100 * triclinic
    print("seed", seed)
    atoms = random_atoms(np.random.default_rng(seed), n_atoms, pbc, triclinic)
    cutoff = 5.1
    i, j, d, v = neighbor_list("ijdD", atoms, cutoff, self_interaction=False)
    counts = np.bincount(i, minlength=n_atoms)
    theta, phi = np.arccos(np.clip(v[:, 2] / d, -1, 1)), np.arctan2(v[:, 1], v[:, 0])
    harmonics = np.stack([sph_harm_y(6, m, theta, phi) for m in range(-6, 7)], axis=1)
    q = np.zeros((n_atoms, 13), dtype=complex)
    np.add.at(q, i, harmonics)
    q /= np.maximum(counts, 1)[:, None]
    mean = q.copy()
    np.add.at(mean, i, q[j])
    mean /= (counts + 1)[:, None]

    def size(values):
        return np.sqrt(4 * np.pi / 13 * np.sum(np.abs(values) ** 2, axis=-1))

    found = order_parameters(atoms, cutoff)
    assert np.array_equal(found.neighbors, counts)
    assert np.allclose(found.q6, size(q), atol=2e-4)
    assert np.allclose(found.averaged_q6, size(mean), atol=2e-4)
    assert found.global_q6 == pytest.approx(size(harmonics.sum(axis=0) / max(len(i), 1)), abs=2e-4)


def test_the_values_of_argon():
    """Crystal and melt of the shipped frames lie where they should, far from each other."""
    folder = Path(__file__).parents[3] / "python" / "gnncv" / "demo" / "data"
    files = {phase: sorted(folder.glob(f"*{phase}*.extxyz*")) for phase in ("crystal", "melt")}
    if not all(files.values()):
        pytest.skip("the demo's argon frames are not in the repository")
    import ase.io

    for phase, low, high in [("crystal", 0.41, 0.46), ("melt", 0.14, 0.17)]:
        frames = ase.io.read(files[phase][0], ":3")
        table = order_parameter_table(frames, 1.5 * 3.405)
        assert np.all((table["averaged_q6"] > low) & (table["averaged_q6"] < high))
        assert np.all(table["global_q6"] > 0.4) if phase == "crystal" else np.all(table["global_q6"] < 0.1)


def test_few_atoms_and_none():
    empty = order_parameters(Atoms(), 5.0)
    assert len(empty.q6) == 0 and empty.global_q6 == 0.0
    lone = order_parameters(Atoms("Ar", positions=[[0, 0, 0]]), 5.0)
    assert lone.q6.tolist() == [0.0] and lone.averaged_q6.tolist() == [0.0] and lone.neighbors.tolist() == [0]
    table = order_parameter_table([Atoms(), Atoms("Ar", cell=[9, 9, 9], pbc=True)], 5.0)
    assert np.isnan(table["volume_per_atom"][0]) and table["volume_per_atom"][1] == pytest.approx(729)


def test_bad_input():
    atoms = bulk("Ar", "fcc", a=5.26, cubic=True)
    for cutoff in (0.0, -1.0, np.nan):
        with pytest.raises(InvalidArgument, match="cutoff is"):
            order_parameters(atoms, cutoff)
    atoms.positions[2, 1] = np.nan
    with pytest.raises(InvalidArgument, match="position of atom 2"):
        order_parameters(atoms, 4.0)
    flat = Atoms("Ar2", positions=[[0, 0, 0], [1, 0, 0]], cell=[[1, 0, 0], [2, 0, 0], [0, 0, 1]], pbc=True)
    with pytest.raises(InvalidArgument, match="singular"):
        order_parameters(flat, 4.0)
