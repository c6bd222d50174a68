"""The part of a graph that an explanation points at."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.nodes import need_nodes, node_scores, node_species, undirected

if TYPE_CHECKING:
    from gnncv.explain.explanation import Explanation


def top_nodes(explanation: Explanation, k: int, signed: bool) -> list[int]:
    """The k nodes with the largest absolute scores (with `signed`, the largest scores), the largest first."""
    scores = node_scores(explanation)
    return np.argsort(-(scores if signed else np.abs(scores)), kind="stable")[:k].tolist()


def top_pairs(explanation: Explanation, k: int, signed: bool) -> dict[tuple[int, int], float]:
    """The k unordered pairs with the largest absolute (with `signed`, largest) sums of both directions."""
    sums = undirected(explanation)
    ranked = sorted(sums.items(), key=lambda item: -item[1] if signed else -abs(item[1]))
    return dict(ranked[:k])


def explanatory_subgraph(explanation: Explanation, k: int, signed: bool = False) -> nx.Graph:
    """The top-k subgraph as a networkx graph, see `Explanation.subgraph`."""
    _check(explanation, k)
    species = node_species(explanation)
    scores = node_scores(explanation)
    graph = nx.Graph(output=explanation.output, method=explanation.method, units=explanation.units)

    def add(node: int) -> None:
        label, score = explanation.node_labels[node], float(scores[node])
        graph.add_node(node, label=label, species=species[node], score=score)

    if explanation.over == "edges":
        for (u, v), score in top_pairs(explanation, k, signed).items():
            add(u)
            add(v)
            graph.add_edge(u, v, score=score)
        return graph
    chosen = top_nodes(explanation, k, signed)
    for node in chosen:
        add(node)
    if explanation.edge_index is not None:
        inside = np.isin(explanation.edge_index, chosen).all(axis=0)
        graph.add_edges_from(explanation.edge_index[:, inside].T.tolist())
    return graph


def explanatory_data(explanation: Explanation, k: int, data: Any, signed: bool = False) -> Any:
    """The top-k subgraph of a torch_geometric graph, with its features, see `Explanation.subgraph`."""
    import torch

    from gnncv.explain.foreign.libraries import torch_geometric

    _check(explanation, k)
    n_nodes = len(explanation.node_labels)
    if data.num_nodes != n_nodes:
        raise InvalidArgument(
            f"data has {data.num_nodes} nodes, the explanation {n_nodes}: not the same graph"
        )
    graph = copy.copy(data)
    graph.node_number = torch.arange(n_nodes)
    if explanation.over != "edges":
        # ascending: the nodes keep their order
        return graph.subgraph(torch.tensor(sorted(top_nodes(explanation, k, signed))))
    keys = [u * n_nodes + v for u, v in top_pairs(explanation, k, signed)]
    ends: NDArray[np.int64] = np.sort(np.asarray(data.edge_index), axis=0)
    graph = graph.edge_subgraph(torch.as_tensor(np.isin(ends[0] * n_nodes + ends[1], keys)))
    return torch_geometric().transforms.RemoveIsolatedNodes()(graph)


def _check(explanation: Explanation, k: int) -> None:
    need_nodes(explanation, "a subgraph")
    if k < 1:
        raise InvalidArgument(f"k is {k}; it must be positive")
