"""Edges as pairs of nodes, both directions counted as one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gnncv.explain.explanation import Explanation
from gnncv.explain.grouping.assignment import Assignment, first_come
from gnncv.explain.nodes import need_edges, node_species

Integers = NDArray[np.int64]


def bond_counts(explanation: Explanation, group: Integers, n_groups: int) -> Integers:
    """(G,) pairs in each group of edges: an edge whose reverse is there counts one half."""
    ends = need_edges(explanation, "pairs")
    n = len(explanation.node_labels)
    halves = np.where(np.isin(ends[0] * n + ends[1], ends[1] * n + ends[0]), 0.5, 1.0)
    return np.ceil(np.bincount(group, halves, minlength=n_groups)).astype(np.int64)


def pairs(explanation: Explanation) -> Assignment:
    """Every edge to its unordered pair of nodes; periodic images of a pair are one."""
    ends = np.sort(need_edges(explanation, "pair"), axis=0)
    n = len(explanation.node_labels)
    keys, first, number = np.unique(ends[0] * n + ends[1], return_index=True, return_inverse=True)
    # in the order of their first edges
    order = np.argsort(first, kind="stable")
    place = np.empty(len(keys), dtype=np.int64)
    place[order] = np.arange(len(keys))
    members = ends[:, first[order]].T
    labels = explanation.node_labels
    names = [f"{labels[u]}-{labels[v]}" for u, v in members.tolist()]
    every, ones = np.arange(ends.shape[1]), np.ones(len(names), dtype=np.int64)
    return Assignment(every, place[number], np.ones(len(every)), names, ones, "pairs", members=members)


def species_pairs(explanation: Explanation) -> Assignment:
    """Every edge to the unordered pair of its ends' species, in the order in which species first come."""
    ends = need_edges(explanation, "species pair")
    number, kinds = first_come(node_species(explanation))
    of_ends = np.sort(number[ends], axis=0)
    keys, group = np.unique(of_ends[0] * len(kinds) + of_ends[1], return_inverse=True)
    names = [f"{kinds[key // len(kinds)]}-{kinds[key % len(kinds)]}" for key in keys.tolist()]
    every = np.arange(ends.shape[1])
    counts = bond_counts(explanation, group, len(names))
    return Assignment(every, group, np.ones(len(every)), names, counts, "pairs")
