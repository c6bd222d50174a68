"""A graph of torch_geometric as a molecule: elements at its nodes, bonds at its edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import networkx as nx
import numpy as np
from ase.data import chemical_symbols

from gnncv.errors import InvalidArgument
from gnncv.explain.foreign.mutagenicity import ATOM_MAP

_TOLERANCE = 1e-6


def to_molecule(data: Any, elements: Sequence[str] = ATOM_MAP) -> nx.Graph:
    """The molecule of a graph, as networkx knows it: both directions of a bond are one edge.

    Parameters
    ----------
    data : torch_geometric.data.Data or networkx.Graph
        Elements are read from ``z`` (atomic numbers), else from one-hot ``x`` (n, len(elements)); orders of
        bonds from one-hot ``edge_attr`` (E, 3) (single, double, triple), where there is one. A graph of
        networkx needs ``name`` (or ``species``, as the subgraph of an explanation has it) at each node.
    elements : sequence of str
        Element of each column of ``x``.

    Returns
    -------
    networkx.Graph
        Nodes have ``name`` (element), edges ``order`` (1, 2 or 3; 1 where it is not known).

    Raises
    ------
    InvalidArgument
        If the elements cannot be read.
    """
    if isinstance(data, nx.Graph):
        return _named(data)
    molecule = nx.Graph()
    molecule.add_nodes_from((i, {"name": name}) for i, name in enumerate(_symbols(data, elements)))
    orders = _orders(data)
    for (u, v), order in zip(data.edge_index.T.tolist(), orders, strict=True):
        if u != v:
            molecule.add_edge(u, v, order=order)
    return molecule


def _symbols(data: Any, elements: Sequence[str]) -> list[str]:
    z, x = getattr(data, "z", None), getattr(data, "x", None)
    if z is not None:
        return [chemical_symbols[number] for number in z.tolist()]
    columns = None if x is None or x.dim() != 2 else x.detach().cpu().double().numpy()
    if columns is None or columns.shape[1] != len(elements):
        shape = None if x is None else tuple(x.shape)
        raise InvalidArgument(
            f"the graph has no z (atomic numbers), and x of shape {shape} is not one column for each of the "
            f"{len(elements)} elements; give elements=, in the order of the columns"
        )
    one_hot = (np.abs(columns - (columns == columns.max(axis=1, keepdims=True))) < _TOLERANCE).all(axis=1)
    one_hot &= np.abs(columns.sum(axis=1) - 1) < _TOLERANCE
    if not one_hot.all():
        node = int(np.argmin(one_hot))
        raise InvalidArgument(
            f"x of node {node} is {columns[node].tolist()}, not one element; give the graph z"
        )
    return [elements[column] for column in columns.argmax(axis=1)]


def _orders(data: Any) -> list[int]:
    kinds = getattr(data, "edge_attr", None)
    n_edges = data.edge_index.shape[1]
    if kinds is None or kinds.dim() != 2 or kinds.shape[1] > 3 or not bool((kinds.sum(dim=1) == 1).all()):
        return [1] * n_edges
    return [int(kind) + 1 for kind in kinds.argmax(dim=1)]


def _named(graph: nx.Graph) -> nx.Graph:
    molecule = nx.Graph()
    for node, attributes in graph.nodes(data=True):
        name = attributes.get("name", attributes.get("species"))
        if name is None:
            raise InvalidArgument(f"node {node!r} of the graph has no name; name it by its element")
        molecule.add_node(node, name=str(name))
    for u, v, attributes in graph.edges(data=True):
        if u != v:
            molecule.add_edge(u, v, order=int(attributes.get("order", 1)))
    return molecule
