"""Scores by molecule."""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation
from gnncv.explain.grouping.assignment import Assignment, to_nodes
from gnncv.explain.nodes import atoms_of_nodes

Integers = NDArray[np.int64]


def by_molecule(explanation: Explanation, molecules: Sequence[int] | Integers | None) -> Assignment:
    """Nodes, or their atoms, added up by molecule.

    Molecules are the given ones; else the sites, where nodes are sites; else what bonds guessed from covalent
    radii join (`gnncv.topology`); else, without a frame, what edges join: the molecules of a molecular graph.
    """
    nodes = to_nodes(explanation)
    n_nodes = len(explanation.node_labels)
    if molecules is not None:
        return _given(explanation, nodes, np.asarray(molecules))
    if explanation.node_of_atom is not None:
        return nodes.regroup(np.arange(n_nodes), list(explanation.node_labels))
    if explanation.atoms is not None:
        from gnncv.topology.bonds import components

        parts = [list(part.atoms) for part in components(explanation.atoms)]
    elif explanation.edge_index is not None:
        joined = nx.Graph()
        joined.add_nodes_from(range(n_nodes))
        joined.add_edges_from(explanation.edge_index.T.tolist())
        parts = [sorted(part) for part in nx.connected_components(joined)]
    else:
        raise InvalidArgument("molecules need a frame, edges, or molecules=: the molecule of each node")
    number = np.empty(n_nodes, dtype=np.int64)
    for k, part in enumerate(parts):
        number[part] = k
    return nodes.regroup(number, _names(explanation, number, len(parts)))


def _given(explanation: Explanation, nodes: Assignment, molecules: NDArray[np.generic]) -> Assignment:
    owners = atoms_of_nodes(explanation)
    if molecules.shape != owners.shape or not np.issubdtype(molecules.dtype, np.integer):
        raise InvalidArgument(
            f"molecules has shape {molecules.shape} and type {molecules.dtype}; give the number of the "
            f"molecule of each of {len(owners)} atoms, or nodes where there are no atoms"
        )
    _, number = np.unique(molecules, return_inverse=True)
    names = _names(explanation, number, int(number.max(initial=-1)) + 1)
    if explanation.node_of_atom is None:
        return nodes.regroup(number, names)
    # a site's score is shared out to its atoms first: a molecule may have several sites, a site molecules
    return nodes.split(owners, [""] * len(owners), "atoms").regroup(number, names)


def _names(explanation: Explanation, number: Integers, n_molecules: int) -> list[str]:
    if explanation.atoms is None:
        return [f"molecule {k + 1}" for k in range(n_molecules)]
    order = np.argsort(number, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(number, minlength=n_molecules))[:-1])
    symbols = explanation.atoms.symbols
    return [f"{symbols[part].get_chemical_formula('hill')} {k + 1}" for k, part in enumerate(parts)]
