"""Scores of whatever kind as scores of a molecule's bonds and atoms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation
from gnncv.explain.pictures.coloring import method_name

Scores = Explanation | Mapping[Any, float] | ArrayLike


def scores_of(
    molecule: nx.Graph, graph: Any, scores: Scores | None, magnitudes: bool
) -> tuple[dict[Any, float], dict[Any, float], str]:
    """Scores by bond and by atom, and the words for them."""
    if scores is None:
        return {}, {}, ""
    if isinstance(scores, Explanation):
        unit = f" ({scores.units})" if scores.units != "1" else ""
        # two lines: the bar of a small molecule is short
        label = f"{method_name(scores)}\nof {scores.output}{unit}"
        return *_of_explanation(molecule, scores, magnitudes), label
    if not isinstance(scores, Mapping):
        scores = _of_array(graph, np.asarray(scores, dtype=np.float64), magnitudes)
    bonds: dict[Any, float] = {}
    atoms: dict[Any, float] = {}
    for key, score in scores.items():
        value = abs(float(score)) if magnitudes else float(score)
        if not isinstance(key, tuple) and key in molecule:
            atoms[key] = value
        elif isinstance(key, tuple) and len(key) == 2 and molecule.has_edge(*key):
            bond = key if key[::-1] not in bonds else key[::-1]
            bonds[bond] = bonds.get(bond, 0.0) + value
        else:
            raise InvalidArgument(
                f"a score is given to {key}, which is neither a bond nor an atom of the molecule"
            )
    return bonds, atoms, "score"


def _of_explanation(
    molecule: nx.Graph, scores: Explanation, magnitudes: bool
) -> tuple[dict[Any, float], dict[Any, float]]:
    if len(scores.node_labels) != len(molecule):
        raise InvalidArgument(
            f"the explanation is of {len(scores.node_labels)} nodes, the molecule has {len(molecule)}"
        )
    values = scores.magnitudes if magnitudes else scores.scores
    if scores.over == "edges":
        return scores.undirected(magnitudes), {}
    if scores.over == "node_features":
        values = values.sum(axis=1)
    elif scores.over != "nodes":
        raise InvalidArgument(f"scores over {scores.over} have no place in a molecule")
    return {}, dict(enumerate(values.tolist()))


def _of_array(graph: Any, values: NDArray[np.float64], magnitudes: bool) -> dict[Any, float]:
    edge_index = getattr(graph, "edge_index", None)
    if edge_index is None:
        raise InvalidArgument("an array of scores needs a Data, whose edges are in order; give a dict")
    n_edges, n_nodes = edge_index.shape[1], graph.num_nodes
    if values.shape == (n_nodes,) and n_nodes != n_edges:
        return dict(enumerate(values.tolist()))
    if values.shape != (n_edges,):
        raise InvalidArgument(
            f"scores have shape {values.shape}, expected ({n_edges},) for edges or ({n_nodes},) for nodes"
        )
    bonds: dict[Any, float] = {}
    for (u, v), value in zip(
        np.sort(edge_index.cpu().numpy(), axis=0).T.tolist(), values.tolist(), strict=True
    ):
        if u != v:
            bonds[u, v] = bonds.get((u, v), 0.0) + (abs(value) if magnitudes else value)
    return bonds


def largest(scores: dict[Any, float], top: int) -> dict[Any, float]:
    if top < 1:
        raise InvalidArgument(f"top is {top}; at least 1")
    return dict(sorted(scores.items(), key=lambda item: -abs(item[1]))[:top])
