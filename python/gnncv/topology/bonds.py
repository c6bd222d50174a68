"""Bonds guessed from a structure, and the molecules that they join."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from gnncv.topology.graph import MolecularGraph

# Two atoms closer than this times the sum of their covalent radii are bonded: C-H up to 1.34 A, C-C 1.90 A,
# O-H 1.21 A. A hot bond is shorter, and a hydrogen bond (1.5 A) or a pair of geminal hydrogens (1.6 A against
# 0.78 A) longer.
REACH = 1.25
# Ions and noble gases: what is close to them is not bonded to them.
ALONE = ("He", "Ne", "Ar", "Kr", "Xe", "Rn", "Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Ba")


@dataclass(frozen=True)
class Component:
    """Atoms of a frame that bonds join.

    Attributes
    ----------
    atoms
        Numbers in the frame, ascending.
    graph
        Elements and bonds, in that order.
    """

    atoms: tuple[int, ...]
    graph: MolecularGraph


def covalent_lengths(symbols: tuple[str, ...], bonds: tuple[tuple[int, int], ...]) -> tuple[float, ...]:
    """Sum of the covalent radii of the atoms of each bond, angstrom."""
    radii = covalent_radii[[atomic_numbers[symbol] for symbol in symbols]]
    return tuple(float(radii[i] + radii[j]) for i, j in bonds)


def guess_bonds(atoms: Atoms) -> np.ndarray:
    """Bonds of a frame, from distances and covalent radii, across periodic boundaries.

    Parameters
    ----------
    atoms
        The frame.

    Returns
    -------
    (B, 2) int64 pairs of atoms i < j, sorted. Ions of alkali and alkaline earth metals and noble gases have
    none.
    """
    from vesin import ase_neighbor_list

    numbers = atoms.numbers
    alone = np.isin(numbers, [atomic_numbers[symbol] for symbol in ALONE])
    radii = np.where(alone, 0.0, REACH * covalent_radii[numbers])
    if alone.all():
        return np.zeros((0, 2), dtype=np.int64)
    i, j, distance = ase_neighbor_list("ijd", atoms, float(2 * radii.max()))
    bonded = (distance < radii[i] + radii[j]) & ~alone[i] & ~alone[j] & (i < j)
    return np.unique(np.stack([i[bonded], j[bonded]], 1).astype(np.int64), axis=0)


def components(atoms: Atoms) -> list[Component]:
    """Molecules and single atoms of a frame, by guessed bonds, in the order of their first atoms."""
    bonds = guess_bonds(atoms)
    network = nx.Graph()
    network.add_nodes_from(range(len(atoms)))
    network.add_edges_from(bonds.tolist())
    symbols = atoms.get_chemical_symbols()
    members = sorted(sorted(int(a) for a in part) for part in nx.connected_components(network))
    owner = np.empty(len(atoms), dtype=np.int64)
    place = np.empty(len(atoms), dtype=np.int64)
    for number, part in enumerate(members):
        owner[part], place[part] = number, np.arange(len(part))
    inside: list[list[tuple[int, int]]] = [[] for _ in members]
    for component, pair in zip(owner[bonds[:, 0]].tolist(), place[bonds].tolist(), strict=True):
        inside[component].append((pair[0], pair[1]))
    return [
        Component(tuple(part), MolecularGraph.of_bonds([symbols[a] for a in part], pairs))
        for part, pairs in zip(members, inside, strict=True)
    ]
