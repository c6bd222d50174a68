"""Which atoms and descriptors of a molecule are equivalent, from its graph."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import networkx
import numpy as np
from networkx.algorithms.isomorphism import GraphMatcher

from gnncv.topology import Molecule


def bonds_apart(molecule: Molecule) -> np.ndarray:
    """(n_atoms, n_atoms) int: the number of bonds on the shortest way between two atoms."""
    steps = np.zeros((molecule.n_atoms, molecule.n_atoms), dtype=np.int64)
    for source, targets in networkx.all_pairs_shortest_path_length(_graph(molecule)):
        for target, length in targets.items():
            steps[source, target] = length
    return steps


def equivalent_atoms(molecule: Molecule) -> list[int]:
    """A number for each atom, equal where elements, charges and bonds, near and far, are.

    Color refinement (Weisfeiler and Leman, 1968): atoms that a symmetry of the graph exchanges always get the
    same number; the converse fails only for unusual graphs.
    """
    graph = _graph(molecule)
    colors = _numbered([graph.nodes[atom]["kind"] for atom in range(molecule.n_atoms)])
    while True:
        around = [
            (colors[i], tuple(sorted((graph.edges[i, j]["order"], colors[j]) for j in graph[i])))
            for i in range(molecule.n_atoms)
        ]
        refined = _numbered(around)
        if len(set(refined)) == len(set(colors)):
            return refined
        colors = refined


def descriptor_classes(molecule: Molecule) -> np.ndarray:
    """(n_descriptors,) int: a number for each descriptor, equal for equivalent ones.

    Distances are equivalent if their atoms are and as many bonds lie between them; torsions if their atoms
    are, read from either end.
    """
    colors, apart = equivalent_atoms(molecule), bonds_apart(molecule)
    keys: list[Hashable] = [
        ("distance", tuple(sorted((colors[i], colors[j]))), int(apart[i, j])) for i, j in molecule.distances
    ]
    for torsion in molecule.torsions:
        ends = tuple(colors[atom] for atom in torsion)
        keys.append(("torsion", min(ends, ends[::-1]), 0))
    return np.array(_numbered(keys), dtype=np.int64)


def descriptor_permutations(molecule: Molecule, most: int) -> np.ndarray | None:
    """How the symmetries of the molecular graph permute the descriptors.

    Returns
    -------
    (G, n_descriptors) int: each different permutation once, the identity among them, so that
    ``descriptors[:, permutations[g]]`` are the descriptors of the same conformation with equivalent atoms
    renamed; ``None`` if the graph has more than ``most`` symmetries. A symmetry that takes one of the
    descriptors to a pair or torsion that is none is left out.
    """
    place = {frozenset(pair): number for number, pair in enumerate(molecule.distances)}
    turns = {}
    for number, torsion in enumerate(molecule.torsions):
        turns[torsion] = turns[torsion[::-1]] = len(molecule.distances) + number
    graph = _graph(molecule)
    matcher = GraphMatcher(
        graph,
        graph,
        node_match=lambda one, other: one["kind"] == other["kind"],
        edge_match=lambda one, other: one["order"] == other["order"],
    )
    rows = set()
    for number, mapping in enumerate(matcher.isomorphisms_iter()):
        if number == most:
            return None
        row = [place.get(frozenset((mapping[i], mapping[j]))) for i, j in molecule.distances]
        row += [turns.get(tuple(mapping[atom] for atom in torsion)) for torsion in molecule.torsions]
        if None not in row:
            rows.add(tuple(row))
    return np.array(sorted(rows), dtype=np.int64).reshape(-1, molecule.n_descriptors)


def _graph(molecule: Molecule) -> networkx.Graph:
    graph = networkx.Graph()
    for atom, (symbol, charge) in enumerate(zip(molecule.symbols, molecule.charges, strict=True)):
        graph.add_node(atom, kind=(symbol, round(charge, 6)))
    for (i, j), order in zip(molecule.bonds, molecule.bond_orders, strict=True):
        graph.add_edge(i, j, order=order)
    return graph


def _numbered(keys: Sequence[Hashable]) -> list[int]:
    """A number for each key, equal for equal keys, in sorted order of the keys."""
    numbers = {key: number for number, key in enumerate(sorted(set(keys)))}  # type: ignore[type-var]
    return [numbers[key] for key in keys]
