"""Pooling: order and number of sites, continuity, and what the literature's implementations say."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from gnncv.errors import InvalidArgument
from gnncv.nn.layers import (
    AssignmentPooling,
    AttentionPooling,
    Edges,
    MaxPooling,
    MeanPooling,
    ReversePooling,
    SumPooling,
    TopKPooling,
    dense_pool,
    unpool,
)
from small_graphs import SmallGraph, cluster, largest_kink, normal, parameters_drawn

WIDTH = 3
KINDS = {
    "mean": MeanPooling,
    "sum": SumPooling,
    "max": MaxPooling,
    "attention": lambda: AttentionPooling(WIDTH, 8, nn.SiLU()),
    "assignment": lambda: AssignmentPooling(WIDTH, 4, nn.SiLU()),
    "top_k": lambda: TopKPooling(WIDTH, 0.5),
}
POOLINGS = pytest.mark.parametrize("kind", KINDS)


def pooling_of(kind: str, generator: np.random.Generator) -> nn.Module:
    return parameters_drawn(KINDS[kind](), generator).eval()


def no_edges(n_sites: int) -> Edges:
    none = torch.empty(0, dtype=torch.int64)
    return Edges(none, none, torch.empty(0, dtype=torch.float64))


def pool_one(pooling: nn.Module, nodes: torch.Tensor, graph: SmallGraph) -> torch.Tensor:
    return pooling(nodes, torch.zeros(len(nodes), dtype=torch.int64), 1, graph.edges)[0]


@POOLINGS
def test_the_order_of_sites_does_not_matter(kind, generator):
    pooling, positions, nodes = (
        pooling_of(kind, generator),
        cluster(11, generator),
        normal(generator, 11, WIDTH),
    )
    order = torch.from_numpy(generator.permutation(11))
    torch.testing.assert_close(
        pool_one(pooling, nodes[order], SmallGraph(positions[order])),
        pool_one(pooling, nodes, SmallGraph(positions)),
        rtol=1e-11,
        atol=1e-11,
    )


@POOLINGS
def test_frames_of_a_batch_do_not_mix(kind, generator):
    pooling = pooling_of(kind, generator)
    graphs = [SmallGraph(cluster(n, generator)) for n in (7, 1, 12)]
    nodes = [normal(generator, len(graph.positions), WIDTH) for graph in graphs]
    first = np.cumsum([0, *(len(z) for z in nodes)])
    together = Edges(
        torch.cat([graph.center + int(s) for graph, s in zip(graphs, first, strict=False)]),
        torch.cat([graph.neighbor + int(s) for graph, s in zip(graphs, first, strict=False)]),
        torch.cat([graph.weights for graph in graphs]),
    )
    frame = torch.repeat_interleave(torch.arange(3), torch.tensor([len(z) for z in nodes]))
    pooled = pooling(torch.cat(nodes), frame, 3, together)
    for k, graph in enumerate(graphs):
        torch.testing.assert_close(pooled[k], pool_one(pooling, nodes[k], graph), rtol=1e-11, atol=1e-12)


@POOLINGS
def test_a_replica_far_away_changes_nothing_or_doubles_where_the_registry_says_so(kind, generator):
    pooling, positions, nodes = (
        pooling_of(kind, generator),
        cluster(10, generator),
        normal(generator, 10, WIDTH),
    )
    once = pool_one(pooling, nodes, SmallGraph(positions))
    twice = pool_one(pooling, nodes.repeat(2, 1), SmallGraph(torch.cat([positions, positions + 100.0])))
    factor = 2.0 if kind == "sum" else 1.0
    assert torch.allclose(twice, factor * once, rtol=1e-10, atol=1e-12) is pooling.facts.size_independent
    if not pooling.facts.size_independent:
        assert not torch.allclose(twice, 2.0 * once, rtol=1e-2)


@POOLINGS
def test_continuous_along_a_path_where_the_registry_says_so(kind, generator):
    """Nine sites whose features change; the points of the path are the frames of one batch."""
    pooling, n_points = pooling_of(kind, generator), 20001
    if kind == "assignment":
        n_points = 1001  # frame after frame
    start, way = normal(generator, 1, 9, WIDTH), normal(generator, 1, 9, WIDTH)
    along = torch.linspace(0.0, 1.0, n_points, dtype=torch.float64)[:, None, None]
    nodes = (start + along * way).flatten(0, 1)
    frame = torch.arange(n_points).repeat_interleave(9)
    with torch.no_grad():
        pooled = pooling(nodes, frame, n_points, no_edges(len(nodes)))
    kink = largest_kink(pooled)
    assert kink < 1000.0 if pooling.facts.continuous else kink > 2000.0


def test_top_k_jumps_when_two_sites_change_places(generator):
    pooling = pooling_of("top_k", generator)
    nodes = normal(generator, 2, WIDTH)
    direction = pooling.own.weight.detach()[0]
    direction = direction / direction.norm()
    # the same score for both, up to a hair on either side
    nodes[1] += (nodes[0] @ direction - nodes[1] @ direction) * direction
    apart = 1e-9 * direction
    frame, edges = torch.zeros(2, dtype=torch.int64), no_edges(2)
    above = pooling(nodes + torch.stack([apart, -apart]), frame, 1, edges)
    below = pooling(nodes + torch.stack([-apart, apart]), frame, 1, edges)
    assert (above - below).abs().max() > 1e-2


def test_attention_pooling_is_the_weighted_mean_of_bounded_weights(generator):
    pooling = pooling_of("attention", generator)
    nodes = 30.0 * normal(generator, 50, WIDTH)
    weights = pooling.weights(nodes)
    assert float(weights.min()) >= np.exp(-3.0) and float(weights.max()) <= np.exp(3.0)
    expected = (weights * nodes).sum(dim=0) / weights.sum()
    pooled = pooling(nodes, torch.zeros(50, dtype=torch.int64), 1)
    torch.testing.assert_close(pooled[0], expected)
    with torch.no_grad():
        for parameter in pooling.parameters():
            parameter.zero_()
    equal = pooling(nodes, torch.zeros(50, dtype=torch.int64), 1)[0]
    torch.testing.assert_close(equal, nodes.mean(dim=0))


def test_attention_pooling_sees_a_nucleus_that_the_mean_dilutes(generator):
    """A score that tells two kinds of site apart: one in fifty moves the pooled latent half of the way."""
    pooling = AttentionPooling(1, 1, nn.Tanh()).double().requires_grad_(False)
    with torch.no_grad():
        pooling.score[0].weight.fill_(10.0)
        pooling.score[0].bias.fill_(-5.0)
        pooling.score[2].weight.fill_(10.0)
        pooling.score[2].bias.zero_()
    nodes = torch.zeros((500, 1), dtype=torch.float64)
    nodes[:10] = 1.0
    frame = torch.zeros(500, dtype=torch.int64)
    assert float(MeanPooling()(nodes, frame, 1)) == pytest.approx(0.02)
    assert float(pooling(nodes, frame, 1)) > 0.5


def test_edges_are_asked_for(generator):
    for kind in ("assignment", "top_k"):
        with pytest.raises(InvalidArgument, match="needs the edges"):
            pooling_of(kind, generator)(normal(generator, 3, WIDTH), torch.zeros(3, dtype=torch.int64), 1)
    with pytest.raises(InvalidArgument, match="share is 1.5"):
        TopKPooling(3, 1.5)


def test_the_number_of_sites_is_taken_from_the_first_training_frames(generator):
    pooling = pooling_of("assignment", generator).train()
    graph, nodes = SmallGraph(cluster(12, generator)), normal(generator, 12, WIDTH)
    for n_sites in (12, 5):
        frame = torch.zeros(n_sites, dtype=torch.int64)
        kept = SmallGraph(graph.positions[:n_sites])
        pooling(nodes[:n_sites], frame, 1, kept.edges)
    assert float(pooling.n_sites) == 12.0


def test_losses_of_an_assignment_vanish_for_separate_groups(generator):
    """Two groups, joined within and not between, assigned to a cluster each: nothing is left to improve."""
    group = torch.arange(2).repeat_interleave(4)
    adjacency = (group[:, None] == group[None, :]).double()
    logits = 40.0 * torch.nn.functional.one_hot(group, 2).double()
    graph = dense_pool(normal(generator, 8, WIDTH), adjacency, logits)
    assert float(graph.link_loss) < 1e-12 and float(graph.entropy_loss) < 1e-12
    blurred = dense_pool(normal(generator, 8, WIDTH), adjacency, 0.001 * logits)
    assert float(blurred.link_loss) > 0.05
    assert float(blurred.entropy_loss) == pytest.approx(np.log(2.0), rel=0.02)


def test_reverse_pooling_gives_every_site_the_mean_of_its_cluster(generator):
    group = torch.tensor([0, 1, 0, 1, 1, 0])
    nodes, adjacency = normal(generator, 6, WIDTH), torch.eye(6).double()
    graph = dense_pool(nodes, adjacency, 60.0 * torch.nn.functional.one_hot(group, 2).double())
    features, joined = unpool(graph)
    for cluster_number in (0, 1):
        members = group == cluster_number
        expected = nodes[members].mean(dim=0).expand(int(members.sum()), -1)
        torch.testing.assert_close(features[members], expected)
        assert float(joined[members][:, members].min()) == pytest.approx(3.0)
        assert float(joined[members][:, ~members].abs().max()) < 1e-12


def test_a_reverse_matrix_is_bound_to_a_number_of_sites(generator):
    layer = ReversePooling(2, 6).double()
    features, adjacency = layer(normal(generator, 2, WIDTH), torch.eye(2).double())
    assert features.shape == (6, WIDTH) and adjacency.shape == (6, 6)
    torch.testing.assert_close(adjacency, layer.assignment.T @ layer.assignment)
    assert not layer.facts.size_independent
    with pytest.raises(InvalidArgument, match="of 2 clusters was given 3"):
        layer(normal(generator, 3, WIDTH), torch.eye(3).double())


def geometric() -> object:
    """torch_geometric's layers, where it is installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch_geometric").nn


def test_assignment_equals_torch_geometric(generator):
    peer = geometric().dense_diff_pool
    graph, nodes = SmallGraph(cluster(13, generator)), normal(generator, 13, WIDTH)
    adjacency, logits = graph.edges.adjacency(torch.arange(13)), normal(generator, 13, 4)
    ours = dense_pool(nodes, adjacency, logits)
    features, coarse, link, entropy = peer(nodes[None], adjacency[None], logits[None])
    torch.testing.assert_close(ours.features, features[0])
    torch.testing.assert_close(ours.adjacency, coarse[0])
    torch.testing.assert_close(ours.link_loss, link)
    torch.testing.assert_close(ours.entropy_loss, entropy)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.99])
def test_top_k_equals_torch_geometric(share, generator):
    peer = geometric().SAGPooling(WIDTH, ratio=share).double()
    ours = parameters_drawn(TopKPooling(WIDTH, share), generator)
    with torch.no_grad():
        peer.gnn.lin_root.weight.copy_(ours.own.weight)
        peer.gnn.lin_rel.weight.copy_(ours.taken.weight)
        peer.gnn.lin_rel.bias.copy_(ours.taken.bias)
        peer.select.weight.fill_(1.0)
    graphs = [SmallGraph(cluster(n, generator)) for n in (9, 6)]
    nodes = normal(generator, 15, WIDTH)
    center = torch.cat([graphs[0].center, graphs[1].center + 9])
    neighbor = torch.cat([graphs[0].neighbor, graphs[1].neighbor + 9])
    frame = torch.arange(2).repeat_interleave(torch.tensor([9, 6]))
    edges = Edges(center, neighbor, torch.ones(len(center), dtype=torch.float64))
    masked, *_, batch, kept, scores = peer(nodes, torch.stack([neighbor, center]), batch=frame)
    assert ours.kept(ours.scores(nodes, edges), frame, 2).tolist() == kept.tolist()
    torch.testing.assert_close(ours.scores(nodes, edges)[kept], scores)
    expected = torch.stack([masked[batch == k].mean(dim=0) for k in range(2)])
    torch.testing.assert_close(ours(nodes, frame, 2, edges), expected)
