"""Molecules put together across boundaries in every kind of box, and orders of atoms that are not theirs."""

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest
from ase.collections import g2

from gnncv.errors import InvalidArgument
from gnncv.topology import Molecule, Topology, longest_bonds, make_whole
from molecules import geometry, random_system, some_topology, template
from systems import random_rotation

CELLS = {
    "orthorhombic": np.diag([9.0, 11.0, 14.0]),
    "triclinic": np.array([[10.0, 0, 0], [-4.0, 9.0, 0], [3.0, 4.0, 9.5]]),
    "turned": np.array([[10.0, 0, 0], [-4.0, 9.0, 0], [3.0, 4.0, 9.5]])
    @ random_rotation(np.random.default_rng(1)),
    "very skewed": np.array([[1, 0, 0], [3, 1, 0], [-2, 4, 1]]) @ np.diag([9.0, 9.5, 10.0]),
    "thin": np.array([[4.5, 0, 0], [1.0, 4.2, 0.5], [-1.5, 2.0, 4.4]]),
}
COUNTS = (4, 5, 6, 3, 2)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("pbc", [(1, 1, 1), (1, 1, 0), (0, 0, 1), (0, 1, 0), (0, 0, 0)])
def test_molecules_come_in_one_piece(cell, pbc, generator):
    topology = some_topology()
    atoms, expected = random_system(topology, COUNTS, CELLS[cell], pbc, generator)
    layout = topology.match(atoms.get_chemical_symbols())
    whole = make_whole(atoms.positions, atoms.cell.array, atoms.pbc, topology, layout)
    firsts = layout.first_atom[layout.site_of_atom]
    np.testing.assert_allclose(whole - whole[firsts], expected - expected[firsts], rtol=0, atol=1e-11)
    np.testing.assert_array_equal(whole[layout.first_atom], atoms.positions[layout.first_atom])
    images = (whole - atoms.positions) @ np.linalg.inv(atoms.cell.array)
    np.testing.assert_allclose(images, np.round(images), rtol=0, atol=1e-11)
    np.testing.assert_allclose(images * ~atoms.pbc, 0, atol=1e-11)


def test_what_is_whole_stays_to_the_last_bit(generator):
    topology = some_topology()
    atoms, whole = random_system(topology, COUNTS, CELLS["triclinic"], True, generator)
    layout = topology.match(atoms.get_chemical_symbols())
    for cell, pbc in ((CELLS["triclinic"], True), (CELLS["very skewed"], True), (np.zeros((3, 3)), False)):
        np.testing.assert_array_equal(make_whole(whole, cell, pbc, topology, layout), whole)


def test_vectors_of_open_directions_are_ignored(generator):
    topology = some_topology()
    atoms, _ = random_system(topology, COUNTS, CELLS["triclinic"], (True, True, False), generator)
    layout = topology.match(atoms.get_chemical_symbols())
    cell = atoms.cell.array
    before = make_whole(atoms.positions, cell, atoms.pbc, topology, layout)
    for third in ([0.0, 0, 0], [np.nan, 0, 0], cell[0]):
        cell[2] = third
        np.testing.assert_allclose(
            make_whole(atoms.positions, cell, atoms.pbc, topology, layout), before, rtol=0, atol=1e-12
        )


def is_symmetry(order: np.ndarray, molecule: Molecule) -> bool:
    bonds = {tuple(sorted((int(order[i]), int(order[j])))) for i, j in molecule.bonds}
    return bonds == set(molecule.bonds)


def shuffled(molecule: Molecule, with_hydrogens: bool, generator: np.random.Generator) -> np.ndarray:
    """Another order with the same elements; groups like CH3 move as a whole, or every atom by itself."""
    order = np.arange(molecule.n_atoms)

    def hydrogens(atom: int) -> list[int]:
        return [a for a in molecule.neighbors[atom] if with_hydrogens and molecule.symbols[a] == "H"]

    groups = [a for a in order if not (with_hydrogens and molecule.symbols[a] == "H")]
    names = [(molecule.symbols[a], len(hydrogens(a))) for a in groups]
    for name in set(names):
        same = [a for a, own in zip(groups, names, strict=True) if own == name]
        for atom, other in zip(same, generator.permutation(same), strict=True):
            order[[atom, *hydrogens(atom)]] = [other, *hydrogens(other)]
    return order


# Atoms across a ring of four are no further apart than a long bond: the exception named in `longest_bonds`.
RINGS_OF_FOUR = {"cyclobutane", "cyclobutene"}


@pytest.mark.parametrize("with_hydrogens", [False, True])
@pytest.mark.parametrize("name", [name for name in g2.names if len(geometry(name)) > 2])
def test_every_other_order_is_refused_and_hot_molecules_are_not(name, with_hydrogens, generator):
    molecule = template(name)
    topology = Topology([molecule])
    layout = topology.match(molecule.symbols * 2)
    shape = geometry(name).positions
    for _ in range(40):
        order = shuffled(molecule, with_hydrogens, generator)
        positions = np.concatenate([shape, shape[order] + 10])
        if is_symmetry(order, molecule):
            make_whole(positions, np.eye(3), False, topology, layout)
        elif not (name in RINGS_OF_FOUR and with_hydrogens):
            with pytest.raises(InvalidArgument, match=f"molecule 1 .{name}, atoms .* in another order"):
                make_whole(positions, np.eye(3), False, topology, layout)
    room = longest_bonds(molecule) - molecule.bond_lengths
    hydrogen = ["H" in (molecule.symbols[i], molecule.symbols[j]) for i, j in molecule.bonds]
    # Six standard deviations of C-H with its zero-point motion; ten of heavier bonds at 1000 K.
    assert (room > np.where(hydrogen, 0.42, 0.5)).all()


def test_another_order_is_named(generator):
    topology = Topology([template("CH3CH2OH")])
    shape = geometry("CH3CH2OH").positions
    order = [0, 1, 2, 6, 4, 5, 3, 7, 8]
    positions = np.concatenate([shape, shape[order]])
    symbols = topology.molecules[0].symbols
    with pytest.raises(
        InvalidArgument,
        match=r"molecule 1 \(CH3CH2OH, atoms 9 to 17\): the bond between its atoms 0 \(C\) and 6 \(H\) is "
        r"\d\.\d\d angstrom long, typically 1.09",
    ):
        make_whole(positions, np.eye(3), False, topology, topology.match(symbols * 2))


def test_bad_input():
    topology = Topology([template("H2O")])
    layout = topology.match(["O", "H", "H"])
    shape = geometry("H2O").positions
    with pytest.raises(InvalidArgument, match=r"expected shape \(3, 3\), got \(2, 3\)"):
        make_whole(shape[:2], np.eye(3), True, topology, layout)
    with pytest.raises(InvalidArgument, match="position of atom 2 is .*not finite"):
        make_whole(np.where(np.arange(3)[:, None] == 2, np.nan, shape), np.eye(3), True, topology, layout)
    with pytest.raises(InvalidArgument, match="no finite length"):
        make_whole(shape, np.diag([9, 9, 0]), True, topology, layout)
    with pytest.raises(InvalidArgument, match="span no volume"):
        make_whole(shape, [[9, 0, 0], [0, 9, 0], [9, 9, 0]], True, topology, layout)


def test_a_large_system_takes_milliseconds(generator):
    """864 molecules of 20 atoms; the bound is ten times what one core of 2026 needs."""
    topology = Topology([template("isobutane"), template("H2O")])
    cell = 64 * np.eye(3)
    atoms, _ = random_system(topology, [1200, 0], cell, True, generator)
    layout = topology.match(atoms.get_chemical_symbols())
    times = []
    for _ in range(5):
        begin = time.process_time()
        make_whole(atoms.positions, cell, True, topology, layout)
        times.append(time.process_time() - begin)
    assert min(times) < 0.2, times


@pytest.mark.parametrize("skew", [0.0, 0.5, 1.2])
def test_shortest_images_in_cells_of_any_shape(skew, generator):
    """Two bonded atoms, against all images written out, in cells hardly larger than the bond."""
    topology = Topology([replace(template("H2"), bond_lengths=(2.0,))])
    layout = topology.match(["H", "H"])
    numbers = np.array(list(itertools.product(range(-9, 10), repeat=3)))
    for _ in range(200):
        cell = np.diag(generator.uniform(1.2, 1.6, 3)) + skew * np.tril(generator.normal(size=(3, 3)), -1)
        vector = generator.uniform(-0.8, 0.8, 3)
        shortest = np.linalg.norm(vector + numbers @ cell, axis=1).min()
        positions = np.array([[0.0] * 3, vector + generator.integers(-3, 4, 3) @ cell])
        whole = make_whole(positions, cell, True, topology, layout)
        np.testing.assert_allclose(np.linalg.norm(whole[1]), shortest, rtol=1e-12)
