"""The top-k subgraph: its pairs are the k highest, and no node stands alone."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from gnncv.errors import InvalidArgument
from gnncv.explain.foreign.libraries import torch_geometric
from random_explanations import random_explanation

K = 6

with_torch_geometric = pytest.mark.skipif(
    find_spec("torch_geometric") is None, reason="torch_geometric is not installed"
)


def generator(seed: int) -> np.random.Generator:
    print("seed", seed)
    return np.random.default_rng(seed)


@pytest.mark.parametrize("signed", [False, True])
def test_pairs_of_the_highest_scores(signed):
    explanation = random_explanation(generator(1), "edges")
    sums = explanation.undirected()
    ranked = sorted(sums.values() if signed else map(abs, sums.values()), reverse=True)
    graph = explanation.subgraph(K, signed=signed)
    scores = {tuple(sorted(pair)): score for *pair, score in graph.edges(data="score")}
    assert sorted(scores.values() if signed else map(abs, scores.values()), reverse=True) == ranked[:K]
    assert all(sums[pair] == score for pair, score in scores.items())
    assert set(graph.nodes) == {node for pair in scores for node in pair}
    for node, attributes in graph.nodes(data=True):
        assert attributes["label"] == explanation.node_labels[node]
        assert attributes["species"] == explanation.atoms.symbols[node]
        assert attributes["score"] == explanation.by("site").sum[node]


@pytest.mark.parametrize("over", ["nodes", "node_features"])
def test_nodes_of_the_highest_scores(over):
    explanation = random_explanation(generator(2), over)
    scores = np.abs(explanation.by("site").sum)
    graph = explanation.subgraph(K)
    assert set(graph.nodes) == set(np.argsort(-scores, kind="stable")[:K].tolist())
    inside = {tuple(sorted(pair)) for pair in explanation.edge_index.T.tolist() if set(pair) <= set(graph)}
    assert {tuple(sorted(pair)) for pair in graph.edges} == inside


@with_torch_geometric
@pytest.mark.parametrize("over", ["nodes", "edges"])
def test_graphs_of_torch_geometric_keep_what_nodes_and_edges_have(over):
    explanation = random_explanation(generator(3), over)
    n, ends = len(explanation.node_labels), torch.as_tensor(explanation.edge_index)
    data = torch_geometric().data.Data(
        x=torch.arange(2.0 * n).reshape(n, 2), edge_index=ends, edge_attr=torch.arange(ends.shape[1]), y=7
    )
    small, graph = explanation.subgraph(K, data), explanation.subgraph(K)
    numbers = small.node_number
    assert numbers.tolist() == sorted(graph.nodes) and small.y == 7
    assert torch.equal(small.x, data.x[numbers])
    assert torch.equal(numbers[small.edge_index], ends[:, small.edge_attr])
    pairs = {tuple(sorted(pair)) for pair in numbers[small.edge_index].T.tolist()}
    assert pairs == {tuple(sorted(pair)) for pair in graph.edges}
    kept = [pair for pair in ends.T.tolist() if tuple(sorted(pair)) in pairs]
    assert small.num_edges == len(kept)  # both directions
    if over == "edges":
        assert len(pairs) == K and small.has_isolated_nodes() is False
    assert data.num_nodes == n and "node_number" not in data  # the given graph is as it was


@with_torch_geometric
def test_bad_input():
    explanation = random_explanation(generator(4), "edges")
    with pytest.raises(InvalidArgument, match="k is 0"):
        explanation.subgraph(0)
    other = torch_geometric().data.Data(x=torch.zeros(3, 1), edge_index=torch.zeros(2, 0, dtype=torch.int64))
    with pytest.raises(InvalidArgument, match="data has 3 nodes, the explanation 40"):
        explanation.subgraph(2, other)
    with pytest.raises(InvalidArgument, match="a score per pair needs scores over edges"):
        random_explanation(generator(5), "nodes").undirected()
