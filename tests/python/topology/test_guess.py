"""Frames taken apart by guessed bonds, and atoms brought into the order of a template."""

import numpy as np
import pytest
import torch
from ase import Atoms

from gnncv.errors import InvalidArgument
from gnncv.topology import (
    atom_order,
    group_by_molecule,
    guess_topology,
    make_whole,
    reorder,
    site_geometry,
)
from gnncv.topology.bonds import guess_bonds
from molecules import geometry, template
from systems import random_rotation

NAMES = ["C6H6", "CH3CH2OH", "H2O", "CH3CN"]
CELL = 30.0 * np.array([[1, 0, 0], [0.4, 1.1, 0], [-0.3, 0.5, 0.95]])


def liquid(
    generator: np.random.Generator, orders: dict[str, np.ndarray] | None = None, names: list[str] = NAMES
) -> Atoms:
    """Twelve molecules and two ions far apart in a triclinic box, hot, every atom wrapped into it."""
    frame = Atoms()
    places = [np.array([i, j, k]) / 3 for i in range(3) for j in range(3) for k in range(3)]
    for number in range(12):
        name = names[number % len(names)]
        atoms = geometry(name)
        if orders:
            atoms = atoms[orders[name]]
        atoms.positions = (atoms.positions + generator.normal(0, 0.03, atoms.positions.shape)) @ (
            random_rotation(generator).T
        ) + places[number] @ CELL
        frame += atoms
    frame += Atoms("NaCl", [places[20] @ CELL, places[20] @ CELL + [0, 0, 2.4]])
    frame.cell, frame.pbc = CELL, True
    frame.positions -= [1.0, 1.0, 1.0]
    frame.wrap()
    return frame


def test_bonds_across_boundaries(generator):
    frame = liquid(generator)
    bonds = guess_bonds(frame)
    expected, first = [], 0
    for number in range(12):
        molecule = template(NAMES[number % 4])
        expected += [(first + i, first + j) for i, j in molecule.bonds]
        first += molecule.n_atoms
    assert bonds.tolist() == [list(pair) for pair in sorted(expected)]
    assert guess_bonds(Atoms("NaAr", [[0, 0, 0], [0, 0, 1]])).shape == (0, 2)


def test_kinds_of_a_frame(generator):
    frame = liquid(generator)
    topology = guess_topology(frame, {"C2H3N": "acetonitrile"}, center="geometric")
    assert topology.kinds == ["C6H6", "C2H6O", "H2O", "acetonitrile", "Na", "Cl"]
    layout = topology.match(frame.get_chemical_symbols())
    assert layout.kind.tolist() == [0, 1, 2, 3] * 3 + [4, 5]
    for name, molecule in zip(NAMES, topology.molecules, strict=True):
        assert molecule.bonds == template(name).bonds
    make_whole(frame.positions, frame.cell.array, frame.pbc, topology, layout)


def test_molecules_that_are_scattered_or_in_another_order(generator):
    frame = liquid(generator)
    by_element = frame[np.argsort(frame.numbers, kind="stable")]
    with pytest.raises(
        InvalidArgument,
        match="begins at atom 0 are not consecutive: atom 6 is not bonded .*group_by_molecule",
    ):
        guess_topology(by_element)
    grouped = guess_topology(group_by_molecule(by_element))
    assert sorted(grouped.kinds) == sorted(["C6H6", "C2H6O", "H2O", "C2H3N", "Na", "Cl"])
    first = 12 + 9 + 3 + 6
    order = np.arange(len(frame))
    order[first : first + 12] = first + np.array([6, *range(6), *range(7, 12)])
    with pytest.raises(
        InvalidArgument,
        match="C6H6 that begins at atom 30 has its atoms in another order than the one that begins at atom "
        "0: its atom 0 is H, not C; gnncv.topology.reorder",
    ):
        guess_topology(frame[order])
    order[first : first + 12] = first + np.array([0, 2, 1, *range(3, 12)])
    with pytest.raises(
        InvalidArgument, match=r"begins at atom 30 .* its atoms 0 \(C\) and 1 \(C\) are not bonded"
    ):
        guess_topology(frame[order])


def test_a_contact_that_is_taken_for_a_bond_is_named(generator):
    frame = liquid(generator)
    frame.positions[30 + 6] = frame.positions[30 + 7] + [0, 0, 0.6]
    with pytest.raises(InvalidArgument, match=r"begins at atom 30 (has|lacks) a bond between its atoms"):
        guess_topology(frame)


def test_reordering_restores_every_molecule(generator):
    """Whatever the order in a frame, after `reorder` centers and descriptors are those before."""
    frame = liquid(generator)
    topology = guess_topology(frame)
    layout = topology.match(frame.get_chemical_symbols())
    shuffle = np.arange(len(frame))
    for site in range(layout.n_sites):
        own = np.flatnonzero(layout.site_of_atom == site)
        shuffle[own] = generator.permutation(own)
    other = frame[shuffle]
    with pytest.raises(InvalidArgument):
        make_whole(other.positions, CELL, True, topology, topology.match(other.get_chemical_symbols()))
    restored = reorder(other, topology)
    assert sorted(atom_order(other, topology)) == list(range(len(frame)))
    assert restored.get_chemical_symbols() == frame.get_chemical_symbols()
    before, after = (
        site_geometry(
            torch.from_numpy(make_whole(atoms.positions, CELL, True, topology, layout)), topology, layout
        )
        for atoms in (frame, restored)
    )
    offset = (after.centers - before.centers).numpy() @ np.linalg.inv(CELL)
    np.testing.assert_allclose(offset, np.round(offset), atol=1e-9)
    for new, old in zip(after.descriptors, before.descriptors, strict=True):
        # A symmetry of a molecule may have exchanged equal atoms.
        np.testing.assert_allclose(np.sort(new.numpy(), 1), np.sort(old.numpy(), 1), atol=1e-9)


def test_reordering_names_what_is_in_no_template(generator):
    topology = guess_topology(liquid(generator, names=["C6H6", "H2O"]))
    with pytest.raises(
        InvalidArgument,
        match="the C2H6O that begins at atom 12 is none of C6H6, H2O, Na, Cl; it is not 'C6H6'",
    ):
        reorder(liquid(generator), topology)
