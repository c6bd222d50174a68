"""What autoencoders rebuild, and what they minimize."""

import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from gnncv.nn.layers import (
    DivergenceLoss,
    FeatureDecoder,
    InnerProductDecoder,
    ReconstructionLoss,
    VariationalLoss,
    sample,
)
from small_graphs import SmallGraph, cluster, normal, parameters_drawn


def test_edges_are_inner_products_through_a_sigmoid(generator):
    decoder = parameters_drawn(InnerProductDecoder(3, 5), generator)
    graph, latents = SmallGraph(cluster(9, generator)), normal(generator, 9, 3)
    probabilities = decoder.probabilities(latents)
    torch.testing.assert_close(probabilities, probabilities.T)
    projected = latents @ decoder.weight.T
    expected = torch.sigmoid((projected[:, None, :] * projected[None, :, :]).sum(dim=2))
    torch.testing.assert_close(probabilities, expected)
    logits = decoder.logits(latents, graph.center, graph.neighbor)
    torch.testing.assert_close(torch.sigmoid(logits), probabilities[graph.center, graph.neighbor])


def test_decoders_treat_each_site_alike(generator):
    latents, order = normal(generator, 9, 3), torch.from_numpy(generator.permutation(9))
    edges = parameters_drawn(InnerProductDecoder(3, 5), generator)
    features = parameters_drawn(FeatureDecoder(3, 8, 6, nn.SiLU), generator)
    torch.testing.assert_close(features(latents[order]), features(latents)[order])
    torch.testing.assert_close(
        edges.probabilities(latents[order]), edges.probabilities(latents)[order][:, order]
    )


def test_a_decoder_learns_the_edges_of_a_graph(generator):
    """Latents and projection trained together tell joined sites from others."""
    graph = SmallGraph(cluster(12, generator))
    joined = (graph.edges.adjacency(torch.arange(12)) > 0).double() + torch.eye(12).double()
    decoder = parameters_drawn(InnerProductDecoder(6, 6), generator).requires_grad_()
    latents = (0.1 * normal(generator, 12, 6)).requires_grad_()
    optimizer = torch.optim.Adam([latents, *decoder.parameters()], lr=0.05)
    for _ in range(400):
        loss = nn.functional.binary_cross_entropy(decoder.probabilities(latents), joined)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    right = (decoder.probabilities(latents) > 0.5) == (joined > 0.5)
    assert float(right.double().mean()) > 0.95


def test_the_divergence_is_that_of_normal_distributions(generator):
    mean, log_variance = normal(generator, 20, 4), normal(generator, 20, 4)
    standard = Normal(torch.zeros(4).double(), torch.ones(4).double())
    expected = kl_divergence(Normal(mean, torch.exp(0.5 * log_variance)), standard).sum(dim=1).mean()
    torch.testing.assert_close(DivergenceLoss()(mean, log_variance), expected)
    assert float(DivergenceLoss()(torch.zeros(3, 4), torch.zeros(3, 4))) == 0.0


def test_losses_are_sums_of_what_they_say(generator):
    decoded, target = normal(generator, 20, 5), normal(generator, 20, 5)
    mean, log_variance = normal(generator, 20, 4), normal(generator, 20, 4)
    plain = ReconstructionLoss()(decoded, target)
    assert float(plain) == pytest.approx(float(((decoded - target) ** 2).mean()))
    assert float(VariationalLoss(0.0)(decoded, target, mean, log_variance)) == float(plain)
    whole = VariationalLoss(0.3)(decoded, target, mean, log_variance)
    assert float(whole) == pytest.approx(float(plain + 0.3 * DivergenceLoss()(mean, log_variance)))


def test_samples_have_the_encoded_mean_and_spread(generator):
    torch.manual_seed(int(generator.integers(2**31)))
    mean, log_variance = torch.full((20000, 1), 1.5), torch.full((20000, 1), -2.0)
    drawn = sample(mean, log_variance)
    assert float(drawn.mean()) == pytest.approx(1.5, abs=0.02)
    assert float(drawn.var()) == pytest.approx(float(torch.exp(torch.tensor(-2.0))), rel=0.05)
