"""The graph of a molecule: matched with another, its symmetries, rings and paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import networkx as nx
import numpy as np

Pair = tuple[int, int]
Quadruple = tuple[int, int, int, int]


@dataclass(frozen=True)
class MolecularGraph:
    """Elements and bonds.

    Attributes
    ----------
    symbols
        (n_atoms,) chemical symbols.
    bonds
        Pairs (i, j) of atoms, i < j, sorted.
    orders
        (n_bonds,) bond orders.
    charges
        (n_atoms,) formal charges.
    """

    symbols: tuple[str, ...]
    bonds: tuple[Pair, ...]
    orders: tuple[float, ...]
    charges: tuple[float, ...]

    @classmethod
    def of_bonds(cls, symbols: Sequence[str], bonds: Sequence[Sequence[int]]) -> MolecularGraph:
        """A graph of single bonds without charges, from pairs in any order."""
        pairs = sorted({(min(map(int, pair)), max(map(int, pair))) for pair in bonds})
        return cls(tuple(symbols), tuple(pairs), (1.0,) * len(pairs), (0.0,) * len(symbols))

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.symbols)

    @property
    def formula(self) -> str:
        """Elements and their numbers: carbon, hydrogen, then the others by the alphabet."""
        counts = Counter(self.symbols)
        order = sorted(counts, key=lambda symbol: (symbol != "C", symbol != "H", symbol))
        return "".join(symbol + (str(counts[symbol]) if counts[symbol] > 1 else "") for symbol in order)

    @cached_property
    def network(self) -> nx.Graph:
        """The same for networkx."""
        network = nx.Graph()
        network.add_nodes_from(range(self.n_atoms))
        network.add_edges_from(self.bonds)
        return network

    def colors(self, labels: Sequence[object]) -> list[int]:
        """Labels refined by those of the neighbors until they settle; equal for what a symmetry exchanges.

        Numbered by content, so that two graphs can be compared: Weisfeiler and Lehman's refinement.
        """
        current = [hash(label) for label in labels]
        for _ in range(self.n_atoms):
            refined = [
                hash((current[atom], tuple(sorted(current[other] for other in self.network[atom]))))
                for atom in range(self.n_atoms)
            ]
            if len(set(refined)) == len(set(current)):
                return current
            current = refined
        return current

    def match(self, other: MolecularGraph) -> list[int] | None:
        """For each atom of `other` the atom of this graph that takes its place; None if they differ.

        Elements and bonds must agree; orders and charges need not.
        """
        return _isomorphism(self, self.symbols, other, other.symbols)

    def has_symmetry_between(self, labels: Sequence[object], others: Sequence[object]) -> bool:
        """Whether a symmetry of the graph takes every atom with a label to one with the same other label."""
        ours = list(zip(self.symbols, labels, strict=True))
        theirs = list(zip(self.symbols, others, strict=True))
        return _isomorphism(self, ours, self, theirs) is not None

    def in_order(self, order: Sequence[int]) -> MolecularGraph:
        """The graph with its atoms in another order: atom `order[a]` becomes atom a."""
        place = {old: new for new, old in enumerate(order)}
        renamed = [(min(place[i], place[j]), max(place[i], place[j])) for i, j in self.bonds]
        sorting = sorted(range(len(renamed)), key=lambda number: renamed[number])
        return MolecularGraph(
            tuple(self.symbols[old] for old in order),
            tuple(renamed[number] for number in sorting),
            tuple(self.orders[number] for number in sorting),
            tuple(self.charges[old] for old in order),
        )

    def rings(self) -> list[tuple[int, ...]]:
        """The smallest rings, each in order around it from its lowest atom."""
        found = []
        for block in nx.biconnected_components(self.network):
            if len(block) > 2:
                cycles = nx.minimum_cycle_basis(self.network.subgraph(block))
                found += [_around(self.network.subgraph(cycle)) for cycle in cycles]
        return sorted(found)

    def near_pairs(self, most_bonds: int) -> list[Pair]:
        """Pairs of atoms with at most so many bonds between them."""
        lengths = nx.all_pairs_shortest_path_length(self.network, cutoff=most_bonds)
        return sorted((i, j) for i, reach in lengths for j in reach if i < j)

    def torsions(self) -> list[Quadruple]:
        """Every i-j-k-l along bonds, j < k."""
        return sorted(
            (i, j, k, l)
            for j, k in self.bonds
            for i in self.network[j]
            for l in self.network[k]  # noqa: E741
            if len({i, j, k, l}) == 4
        )

    def difference(self, other: MolecularGraph) -> str:
        """How two graphs differ, for the end of a sentence; empty if formula and kinds of bonds agree."""
        if self.formula != other.formula:
            return f"{other.formula} in place of {self.formula}"
        mine, others = self._kinds_of_bonds(), other._kinds_of_bonds()
        kinds = sorted(kind for kind in mine | others if mine[kind] != others[kind])
        return ", ".join(f"{others[kind]} bonds {kind} in place of {mine[kind]}" for kind in kinds)

    def _kinds_of_bonds(self) -> Counter[str]:
        return Counter("-".join(sorted((self.symbols[i], self.symbols[j]))) for i, j in self.bonds)


def _isomorphism(
    one: MolecularGraph, labels: Sequence[object], other: MolecularGraph, others: Sequence[object]
) -> list[int] | None:
    """Atom of `one` for each atom of `other`, or None."""
    ours, theirs = one.colors(labels), other.colors(others)
    if sorted(ours) != sorted(theirs) or len(one.bonds) != len(other.bonds):
        return None
    left, right = one.network.copy(), other.network.copy()
    nx.set_node_attributes(left, dict(enumerate(ours)), "color")
    nx.set_node_attributes(right, dict(enumerate(theirs)), "color")
    matcher = nx.isomorphism.GraphMatcher(right, left, lambda a, b: a["color"] == b["color"])
    if not matcher.is_isomorphic():
        return None
    return [matcher.mapping[atom] for atom in range(other.n_atoms)]


def _around(ring: nx.Graph) -> tuple[int, ...]:
    """Atoms of a ring without chords, in order."""
    order = [min(ring), min(ring[min(ring)])]
    while len(order) < len(ring):
        order.append(next(atom for atom in sorted(ring[order[-1]]) if atom not in order))
    return tuple(order)


def out_of_plane(corners: np.ndarray) -> np.ndarray:
    """Root mean square distance (...,), angstrom, of points (..., n, 3) from the plane nearest to them."""
    centered = corners - corners.mean(axis=-2, keepdims=True)
    smallest = np.linalg.svd(centered, compute_uv=False)[..., -1]
    return np.asarray(smallest / np.sqrt(corners.shape[-2]))
