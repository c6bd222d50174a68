"""Simple message passing: its equation, order of the sites, and what happens at the cutoff."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from gnncv.errors import InvalidArgument
from gnncv.nn.layers import AGGREGATIONS, UPDATES, MessageLayer, SelfWeight
from gnncv.nn.layers.update import make_update
from small_graphs import SmallGraph, cluster, crossing, largest_kink, normal, parameters_drawn

WIDTH = 4
CHOICES = list(itertools.product(UPDATES, AGGREGATIONS))
NO_BASIS = torch.empty((0, 0))


def layer_of(update: str, aggregation: str, generator: np.random.Generator) -> MessageLayer:
    layer = MessageLayer(WIDTH, nn.SiLU(), update, aggregation)
    return parameters_drawn(layer, generator)


def apply(layer: MessageLayer, features: torch.Tensor, graph: SmallGraph) -> torch.Tensor:
    types = torch.zeros(len(features), dtype=torch.int64)
    return layer(features, NO_BASIS, graph.weights, *graph.pairs(), types)


def expected_message(layer: MessageLayer, aggregation: str, h: torch.Tensor, graph: SmallGraph, i: int):
    """The sum, mean or largest of one site, neighbor by neighbor."""
    joined = [
        (int(j), w) for c, j, w in zip(graph.center, graph.neighbor, graph.weights, strict=True) if c == i
    ]
    coordination = torch.zeros(len(h)).double()
    coordination.index_add_(0, graph.center, graph.weights)
    if not joined:
        return torch.zeros(WIDTH).double()
    if aggregation == "mean":
        return torch.stack([h[j] for j, _ in joined]).mean(dim=0)
    if aggregation == "max":
        return torch.stack([h[j] for j, _ in joined]).max(dim=0).values
    if aggregation == "normalized_sum":
        norm = torch.sqrt(1.0 + coordination)
        return sum(w * h[j] / (norm[i] * norm[j]) for j, w in joined)
    linear = layer.aggregate.sent[0]
    sent = [w * nn.functional.silu(linear.weight @ h[j] + linear.bias) for j, w in joined]
    return sum(sent) / (1.0 + coordination[i])


def expected_update(layer: MessageLayer, update: str, h: torch.Tensor, m: torch.Tensor) -> torch.Tensor:
    if update == "mean":
        return (h + m) / 2
    if update == "max":
        return torch.where(h > m, h, m)
    if update == "network":
        linear = layer.update.network[0]
        return nn.functional.silu(linear.weight @ (h + m) + linear.bias)
    cell = layer.update.cell
    given = (cell.weight_ih @ (h + m) + cell.bias_ih).split(WIDTH)
    kept = (cell.weight_hh @ h + cell.bias_hh).split(WIDTH)
    reset, gate = torch.sigmoid(given[0] + kept[0]), torch.sigmoid(given[1] + kept[1])
    return (1 - gate) * torch.tanh(given[2] + reset * kept[2]) + gate * h


@pytest.mark.parametrize(("update", "aggregation"), CHOICES)
@pytest.mark.parametrize("n_sites", [1, 2, 12])
def test_a_round_is_update_of_features_and_aggregate(update, aggregation, n_sites, generator):
    layer = layer_of(update, aggregation, generator)
    graph, features = SmallGraph(cluster(n_sites, generator)), normal(generator, n_sites, WIDTH)
    with torch.no_grad():
        rows = [
            expected_update(layer, update, h, expected_message(layer, aggregation, features, graph, i))
            for i, h in enumerate(features)
        ]
        torch.testing.assert_close(apply(layer, features, graph), torch.stack(rows), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("update", "aggregation"), CHOICES)
def test_the_order_of_sites_does_not_matter(update, aggregation, generator):
    layer = layer_of(update, aggregation, generator)
    positions, features = cluster(15, generator), normal(generator, 15, WIDTH)
    order = torch.from_numpy(generator.permutation(15))
    before = apply(layer, features, SmallGraph(positions))
    after = apply(layer, features[order], SmallGraph(positions[order]))
    torch.testing.assert_close(after, before[order], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_an_aggregation_jumps_at_the_cutoff_where_the_registry_says_so(aggregation, generator):
    layer = layer_of("network", aggregation, generator)
    features = normal(generator, 10, WIDTH)
    jump, slope = crossing(lambda graph: apply(layer, features, graph), generator)
    if layer.aggregate.facts.continuous:
        assert jump < 1e-11 and slope < 1e-8
    else:
        assert jump > 1e-3


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_so_does_the_only_neighbor(aggregation, generator):
    layer = layer_of("network", aggregation, generator)
    features = normal(generator, 2, WIDTH)

    def at(distance: float) -> torch.Tensor:
        return apply(
            layer, features, SmallGraph(torch.tensor([[0.0, 0, 0], [distance, 0, 0]], dtype=torch.float64))
        )

    change = (at(2.9999999) - at(3.0000001)).abs().max()
    assert change < 1e-11 if layer.aggregate.facts.continuous else change > 1e-3


@pytest.mark.parametrize("update", UPDATES)
def test_an_update_has_a_kink_where_the_registry_says_so(update, generator):
    """Along a path on which features and messages change and cross."""
    module = parameters_drawn(make_update(update, WIDTH, nn.SiLU()), generator)
    along = torch.linspace(0.0, 1.0, 20001, dtype=torch.float64)[:, None]
    features = normal(generator, 1, WIDTH) * torch.ones_like(along)
    messages = features + (along - 0.37) * (1.0 + normal(generator, 1, WIDTH).abs())
    with torch.no_grad():
        kink = largest_kink(module(features, messages))
    assert kink < 100.0 if module.facts.continuous else kink > 5000.0


@pytest.mark.parametrize(("update", "aggregation"), CHOICES)
def test_no_site_feels_what_is_farther_than_its_hops(update, aggregation, generator):
    """A chain: moving its end changes the sites within that many bonds, and no others."""
    layer = layer_of(update, aggregation, generator)
    positions = torch.zeros((8, 3), dtype=torch.float64)
    positions[:, 0] = 2.4 * torch.arange(8)
    features = normal(generator, 8, WIDTH)
    moved = positions.clone()
    moved[-1, 0] += 0.2
    changed = (
        apply(layer, features, SmallGraph(moved)) - apply(layer, features, SmallGraph(positions))
    ).abs()
    felt = torch.nonzero(changed.amax(dim=1) > 0).flatten().tolist()
    assert felt == (
        [7 - k for k in reversed(range(layer.hops + 1))] if layer.aggregate.facts.continuous else []
    )


def test_unknown_choices_are_named():
    with pytest.raises(InvalidArgument, match="update is 'median'; allowed: mean, max, network, recurrent"):
        MessageLayer(4, nn.SiLU(), update="median")
    with pytest.raises(InvalidArgument, match="aggregation is 'sum'; allowed: normalized_sum"):
        MessageLayer(4, nn.SiLU(), aggregation="sum")


def test_the_self_weight_starts_at_one_and_stays_between_zero_and_two(generator):
    layer, features = SelfWeight(WIDTH).double(), normal(generator, 9, WIDTH)
    torch.testing.assert_close(layer(features), features)
    parameters_drawn(layer, generator)
    weights = layer(features) / features
    assert float(weights.min()) > 0.0 and float(weights.max()) < 2.0
    torch.testing.assert_close(weights, weights[:, :1].expand_as(weights))
    assert float(weights.std()) > 0.01
