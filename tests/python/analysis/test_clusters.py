"""The largest cluster of crystal-like sites, against clusters that were made."""

from types import SimpleNamespace

import numpy as np
import pytest
from ase import Atoms

from gnncv.analysis import largest_cluster
from gnncv.errors import InvalidArgument
from gnncv.topology import Molecule, Topology

SPACING, CUTOFF = 4.0, 4.5


def lattice(rng, repeats=(6, 7, 8), shear=0.0):
    """A shaken, sheared simple cubic lattice in random order, and where each site is on it."""
    places = np.stack(np.meshgrid(*(np.arange(n) for n in repeats), indexing="ij"), axis=-1).reshape(-1, 3)
    places = places[rng.permutation(len(places))]
    cell = np.diag(SPACING * np.array(repeats)).astype(float)
    positions = SPACING * places + rng.uniform(-0.1, 0.1, places.shape)
    cell[1, 0] = shear * SPACING  # whole spacings: the lattice stays one
    return Atoms(f"Ar{len(places)}", positions, cell=cell, pbc=True), places


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("shear", [0, 2])
def test_planted_cluster(seed, across, shear):
    """A block of sites is found whole, also where it crosses the boundaries, beside a smaller one."""
    print("seed", seed)
    rng = np.random.default_rng(seed)
    atoms, places = lattice(rng, shear=shear)
    start = np.array([4, 5, 6]) if across else np.array([1, 1, 1])
    inside = np.all((places - start) % [6, 7, 8] < 3, axis=1)
    if shear and across:  # the image along y is shifted by two places along x
        wrapped = places[:, 1] < start[1]
        shifted = (places - start + np.array([2, 0, 0]) * wrapped[:, None]) % [6, 7, 8]
        inside = np.all(shifted < 3, axis=1)
    apart = np.all((places - start - 4) % [6, 7, 8] < [1, 2, 2], axis=1) & ~inside
    values = np.where(inside | apart, rng.uniform(0.51, 1.0, len(atoms)), rng.uniform(0.0, 0.49, len(atoms)))
    found = largest_cluster(values, atoms, CUTOFF)
    assert found.size == 27
    assert np.array_equal(found.members, np.flatnonzero(inside))
    assert np.array_equal(found.atoms, found.members)
    assert found.sizes[0] == 27 and found.sizes.sum() == np.sum(inside | apart)
    atoms.pbc = False  # in pieces where it crosses boundaries
    assert (largest_cluster(values, atoms, CUTOFF).size == 27) == (not across)


def test_threshold_and_cutoff_decide():
    rng = np.random.default_rng(7)
    atoms, _ = lattice(rng)
    values = rng.random(len(atoms))
    none = largest_cluster(values, atoms, CUTOFF, threshold=1.0)
    assert none.size == 0 and len(none.atoms) == 0 and len(none.sizes) == 0
    assert largest_cluster(values, atoms, CUTOFF, threshold=-1.0).size == len(atoms)
    single = largest_cluster(values, atoms, 1.0)
    assert single.size == 1 and np.all(single.sizes == 1) and len(single.sizes) == np.sum(values > 0.5)
    assert single.members[0] == np.flatnonzero(values > 0.5)[0]
    assert largest_cluster(np.zeros(0), Atoms(), CUTOFF).size == 0


def molecules(rng):
    """Molecules of two atoms on a lattice, some of them torn by the boundary, and two atoms beside them."""
    bond = Molecule.from_structure(Atoms("CO", [[0, 0, 0], [1.13, 0, 0]]), "co")
    centers, places = lattice(rng)
    axis = rng.normal(size=(len(centers), 3))
    axis /= np.linalg.norm(axis, axis=1)[:, None]
    ends = np.stack([centers.positions - 0.6 * axis, centers.positions + 0.53 * axis], axis=1).reshape(-1, 3)
    atoms = Atoms("CO" * len(centers) + "Ar2", np.concatenate([ends, centers.positions[:2] + 0.5 * SPACING]))
    atoms.set_cell(centers.cell)
    atoms.pbc = True
    atoms.wrap()
    return atoms, places, Topology([bond], ["Ar"])


@pytest.mark.parametrize("by_model", [False, True])
def test_molecules(by_model):
    """Members are molecules, joined by their centers; `atoms` are theirs."""
    atoms, places, topology = molecules(np.random.default_rng(3))
    inside = np.all((places - [5, 6, 7]) % [6, 7, 8] < 2, axis=1)
    values = np.concatenate([np.where(inside, 0.9, 0.1), [0.0, 0.0]])
    given = values
    if by_model:
        given = SimpleNamespace(
            per_site=lambda frame: {"crystallinity": values},
            site_names=["crystallinity"],
            metadata={"topology": topology.as_dict()},
            path="cv.pt",
        )
        topology = None
    found = largest_cluster(given, atoms, CUTOFF, topology=topology)
    assert np.array_equal(found.members, np.flatnonzero(inside)) and found.size == 8
    assert np.array_equal(found.atoms, np.sort(np.concatenate([2 * found.members, 2 * found.members + 1])))


def test_refusals():
    atoms, _ = lattice(np.random.default_rng(0), (2, 2, 2))
    with pytest.raises(InvalidArgument, match=r"shape \(7,\); the frame has 8 atoms"):
        largest_cluster(np.ones(7), atoms, CUTOFF)
    with pytest.raises(InvalidArgument, match="the cutoff is 0"):
        largest_cluster(np.ones(8), atoms, 0.0)
    with pytest.raises(InvalidArgument, match="crystallinity of site 3 is nan"):
        largest_cluster(np.where(np.arange(8) == 3, np.nan, 1.0), atoms, CUTOFF)
    unlabeled = SimpleNamespace(per_site=None, site_names=["latent-1"], metadata={}, path="cv.pt")
    with pytest.raises(
        InvalidArgument, match=r"cv.pt has no per-site output 'crystallinity' \(it has latent-1\)"
    ):
        largest_cluster(unlabeled, atoms, CUTOFF)
