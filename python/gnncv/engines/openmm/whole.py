"""Molecules of the first configuration in one piece: most bonds of OpenMM are taken as they lie."""

from __future__ import annotations

from collections.abc import Iterator

import networkx
import numpy as np
import openmm
from ase import Atoms
from ase.geometry import find_mic
from numpy.typing import NDArray
from openmm import unit

from gnncv.errors import InvalidArgument

# A bond longer than STRETCH times its length plus SLACK (angstrom) that is shorter across the boundary is cut
# by it; what is shorter may be a restraint, of a length of its own.
STRETCH = 1.3
SLACK = 0.2


def whole_molecules(system: openmm.System, atoms: Atoms) -> Atoms:
    """Move atoms by lattice vectors so that no bond without periodic boundaries reaches across the box.

    Parameters
    ----------
    system : openmm.System
        Its harmonic and custom bonds, unless they use periodic boundary conditions, and its constraints.
    atoms : ase.Atoms
        The configuration; of periodic ones only.

    Returns
    -------
    ase.Atoms
        `atoms` itself where nothing is cut.

    Raises
    ------
    InvalidArgument
        A network of bonds that closes through the boundary: it is cut wherever its atoms are.
    """
    found = list(_links(system))
    if not atoms.pbc.all() or not found:
        return atoms
    pairs = np.array([pair for pair, _ in found])
    longest = STRETCH * np.array([length for _, length in found]) + SLACK
    steps = _steps(atoms, pairs, longest)
    if not steps.any():
        return atoms
    graph = networkx.Graph()
    graph.add_edges_from((i, j, {"from": i, "step": step}) for (i, j), step in zip(pairs, steps, strict=True))
    moves = np.zeros((len(atoms), 3))
    for part in networkx.connected_components(graph):
        for parent, child in networkx.bfs_edges(graph, min(part)):
            edge = graph.edges[parent, child]
            moves[child] = moves[parent] + (edge["step"] if edge["from"] == parent else -edge["step"])
    whole = atoms.copy()
    whole.positions = atoms.positions + moves @ atoms.cell.array
    left = np.flatnonzero(_steps(whole, pairs, longest).any(axis=1))
    if len(left):
        i, j = pairs[left[0]]
        raise InvalidArgument(
            f"start.structure: the bond between atoms {i} and {j} crosses the boundary of the box wherever "
            "its atoms are put, and the system's bonds are not periodic: save it with "
            "setUsesPeriodicBoundaryConditions(True) for its bonded forces"
        )
    return whole


def _links(system: openmm.System) -> Iterator[tuple[tuple[int, int], float]]:
    """Pairs of atoms that must lie together, with their length in angstrom; 0 where it is not known."""
    for k in range(system.getNumConstraints()):
        i, j, length = system.getConstraintParameters(k)
        yield (i, j), length.value_in_unit(unit.angstrom)
    for force in system.getForces():
        if not isinstance(force, openmm.HarmonicBondForce | openmm.CustomBondForce):
            continue
        if force.usesPeriodicBoundaryConditions():
            continue
        for k in range(force.getNumBonds()):
            i, j, parameter, *_ = force.getBondParameters(k)
            known = isinstance(force, openmm.HarmonicBondForce)
            yield (i, j), parameter.value_in_unit(unit.angstrom) if known else 0.0


def _steps(atoms: Atoms, pairs: NDArray[np.int64], longest: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(n, 3)`` lattice vectors to add to the second atom of each pair; zeros where a bond is not cut."""
    vectors = atoms.positions[pairs[:, 1]] - atoms.positions[pairs[:, 0]]
    shortest, _ = find_mic(vectors, atoms.cell, pbc=True)
    steps = np.round((shortest - vectors) @ np.linalg.inv(atoms.cell.array))
    return np.where((np.linalg.norm(vectors, axis=1) > longest)[:, None], steps, 0.0)
