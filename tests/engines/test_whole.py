"""Molecules of OpenMM's first configuration are in one piece, wherever the structure file cuts them."""

from __future__ import annotations

import numpy as np
import openmm
import pytest
from ase import Atoms
from openmm import unit

from gnncv.engines.openmm.whole import whole_molecules
from gnncv.errors import InvalidArgument
from systems import box_vectors

LENGTH = 1.1  # angstrom
SIZE = 5
SIDE = 9.0
FORCES = {
    "harmonic": lambda: openmm.HarmonicBondForce(),
    "custom": lambda: openmm.CustomBondForce("1000*(r - 0.11)^2"),
    "constraints": lambda: None,
}


def bonded(kind: str, bonds: list[tuple[int, int]], periodic: bool = False) -> openmm.System:
    system, force = openmm.System(), FORCES[kind]()
    for _ in range(1 + max(map(max, bonds))):
        system.addParticle(12.0)
    for i, j in bonds:
        if kind == "harmonic":
            force.addBond(i, j, 0.1 * LENGTH, 1000.0)
        elif kind == "custom":
            force.addBond(i, j)
        else:
            system.addConstraint(i, j, 0.1 * LENGTH)
    if force is not None:
        force.setUsesPeriodicBoundaryConditions(periodic)
        system.addForce(force)
    return system


def chains(box: str, generator: np.random.Generator) -> tuple[Atoms, list[tuple[int, int]]]:
    """Branched molecules in one piece, their bonds listed in any order and direction."""
    positions, bonds = [], []
    cell = box_vectors(box, SIDE**3, SIDE)
    for first in range(0, 8 * SIZE, SIZE):
        molecule = [generator.random(3) @ cell]
        for k in range(1, SIZE):
            parent = int(generator.integers(k))
            direction = generator.normal(size=3)
            molecule.append(molecule[parent] + LENGTH * direction / np.linalg.norm(direction))
            bonds.append((first + k, first + parent)[:: int(generator.choice([-1, 1]))])
        positions += molecule
    generator.shuffle(bonds)
    return Atoms(f"C{len(positions)}", positions, cell=cell, pbc=True), [tuple(map(int, b)) for b in bonds]


def energy(system: openmm.System, atoms: Atoms) -> float:
    context = openmm.Context(
        system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference")
    )
    context.setPositions(atoms.positions / 10.0)
    return context.getState(energy=True).getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)


@pytest.mark.parametrize("kind", FORCES)
@pytest.mark.parametrize("box", ["cubic", "triclinic"])
def test_cut_molecules_are_put_together(box: str, kind: str, generator: np.random.Generator) -> None:
    whole, bonds = chains(box, generator)
    system = bonded(kind, bonds)
    assert whole_molecules(system, whole) is whole
    cut = whole.copy()
    cut.positions += generator.integers(-2, 3, whole.positions.shape) @ whole.cell.array
    found = whole_molecules(system, cut)
    i, j = np.array(bonds).T
    assert np.linalg.norm(found.positions[i] - found.positions[j], axis=1) == pytest.approx(LENGTH)
    steps = (found.positions - cut.positions) @ np.linalg.inv(cut.cell.array)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    if kind != "constraints":
        assert energy(system, cut) > 1.0 > energy(system, found)


def test_what_is_not_cut_stays(generator: np.random.Generator) -> None:
    """Bonds that are periodic themselves, and a long restraint that is as it should be."""
    whole, bonds = chains("cubic", generator)
    cut = whole.copy()
    cut.wrap()
    assert np.abs(cut.positions - whole.positions).max() > 1.0
    assert whole_molecules(bonded("harmonic", bonds, periodic=True), cut) is cut
    apart = Atoms("C2", [[1.0, 1.0, 1.0], [7.5, 1.0, 1.0]], cell=SIDE * np.eye(3), pbc=True)
    restraint = openmm.HarmonicBondForce()
    restraint.addBond(0, 1, 0.65, 1000.0)
    system = bonded("constraints", [(0, 1)])
    system.removeConstraint(0)
    system.addForce(restraint)
    assert whole_molecules(system, apart) is apart
    open_box = Atoms("C2", [[1.0, 1.0, 1.0], [7.5, 1.0, 1.0]], cell=SIDE * np.eye(3))
    assert whole_molecules(bonded("harmonic", [(0, 1)]), open_box) is open_box


def test_a_network_through_the_boundary_is_refused() -> None:
    positions = [[LENGTH * k, 0.0, 0.0] for k in range(4)]
    ring = Atoms("C4", positions, cell=np.diag([4 * LENGTH, 9.0, 9.0]), pbc=True)
    bonds = [(0, 1), (1, 2), (2, 3), (3, 0)]
    with pytest.raises(InvalidArgument, match=r"atoms \d and \d crosses the boundary.*setUsesPeriodic"):
        whole_molecules(bonded("harmonic", bonds), ring)
    assert whole_molecules(bonded("harmonic", bonds, periodic=True), ring) is ring
