"""The concatenation layer: what joins two sites, and what their nodes hold."""

import pytest
import torch
from torch import nn

from gnncv.nn.layers import (
    AttentionConcatenation,
    SwitchedConcatenation,
    ThresholdConcatenation,
    concatenate_nodes,
)
from small_graphs import CUTOFF, SWITCHING, SmallGraph, cluster, crossing, normal, parameters_drawn

WIDTH = 4


def layer_of(kind: str, generator) -> nn.Module:
    if kind == "switched":
        return SwitchedConcatenation(SWITCHING)
    if kind == "threshold":
        return ThresholdConcatenation(CUTOFF)
    return parameters_drawn(AttentionConcatenation(SWITCHING, WIDTH, nn.SiLU()), generator)


@pytest.mark.parametrize("kind", ["switched", "threshold", "attention"])
def test_edges_fade_or_jump_as_the_registry_says(kind, generator):
    layer, nodes = layer_of(kind, generator), normal(generator, 10, WIDTH)

    def joined(graph: SmallGraph) -> torch.Tensor:
        dense = torch.zeros(100, dtype=torch.float64)
        weights = layer(nodes, graph.distances, graph.center, graph.neighbor)
        return dense.index_add(0, graph.center * 10 + graph.neighbor, weights)

    jump, slope = crossing(joined, generator)
    if layer.facts.continuous:
        assert jump < 1e-11 and slope < 1e-8
    else:
        assert jump > 1e-2


@pytest.mark.parametrize("kind", ["switched", "threshold", "attention"])
def test_edges_do_not_depend_on_the_order_of_sites(kind, generator):
    layer, nodes = layer_of(kind, generator), normal(generator, 12, WIDTH)
    positions, order = cluster(12, generator), torch.from_numpy(generator.permutation(12))
    dense = []
    for graph, given in ((SmallGraph(positions), nodes), (SmallGraph(positions[order]), nodes[order])):
        graph.weights = layer(given, graph.distances, graph.center, graph.neighbor)
        dense.append(graph.edges.adjacency(torch.arange(12)))
    torch.testing.assert_close(dense[1], dense[0][order][:, order])


def test_the_threshold_is_that_of_the_design(generator):
    graph = SmallGraph(cluster(12, generator))
    layer = ThresholdConcatenation(0.8 * CUTOFF)
    weights = layer(normal(generator, 12, 1), graph.distances, graph.center, graph.neighbor)
    assert weights.tolist() == [float(d < 0.8 * CUTOFF) for d in graph.distances]
    assert 0 < int(weights.sum()) < len(weights)


def test_learned_edges_are_those_of_sites_that_both_may_be_crystal(generator):
    layer = layer_of("attention", generator)
    graph, nodes = SmallGraph(cluster(12, generator)), normal(generator, 12, WIDTH)
    alpha = layer.site(nodes).squeeze(1)
    assert float(alpha.min()) > 0.0 and float(alpha.max()) < 1.0
    weights = layer(nodes, graph.distances, graph.center, graph.neighbor)
    expected = graph.weights * alpha[graph.center] * alpha[graph.neighbor]
    torch.testing.assert_close(weights, expected)
    torch.testing.assert_close(torch.logit(alpha)[:, None], layer.site.logits(nodes))


def test_nodes_hold_features_then_positions_then_velocities(generator):
    features, positions, velocities = (normal(generator, 5, c) for c in (WIDTH, 3, 3))
    nodes = concatenate_nodes(features.float(), positions, velocities)
    assert nodes.shape == (5, WIDTH + 6) and nodes.dtype == torch.float32
    torch.testing.assert_close(nodes[:, WIDTH : WIDTH + 3], positions.float())
    torch.testing.assert_close(nodes[:, WIDTH + 3 :], velocities.float())
