"""Captum's and the primer's own calls on a classifier of torch_geometric, and ours."""

import numpy as np
import pytest
import torch

from gnncv.explain import integrated_gradients, saliency
from gnncv.explain.foreign.libraries import captum_attr
from molecule_classifiers import GraphConvClassifier, random_graph


@pytest.fixture
def module():
    torch.manual_seed(4)
    return GraphConvClassifier().eval()


@pytest.mark.filterwarnings("ignore:the scores add up")  # few steps are enough for what is compared
@pytest.mark.parametrize("target", [0, 1])
def test_scores_of_edges_are_those_of_the_examples(module, generator, target):
    graph = random_graph(generator)
    batch = torch.zeros(graph.num_nodes, dtype=torch.long)

    def model_forward(edge_mask):
        return module(graph.x, graph.edge_index, batch, edge_mask[0])

    mask = torch.ones(1, graph.num_edges, requires_grad=True)
    by_hand = captum_attr().IntegratedGradients(model_forward)
    expected = by_hand.attribute(mask, target=target, internal_batch_size=1)[0].detach()
    shares = integrated_gradients(module, graph, "edges", target)
    assert np.allclose(shares.scores, expected, rtol=1e-5, atol=1e-6 * float(expected.abs().max()))
    change = shares.value - shares.details["baseline_value"]
    assert shares.completeness_gap == pytest.approx(shares.scores.sum() - change, abs=1e-6)
    expected = captum_attr().Saliency(model_forward).attribute(mask, target=target)[0]
    assert np.allclose(saliency(module, graph, "edges", target).scores, expected, rtol=1e-6)


def test_scores_of_nodes_are_those_of_the_primer(module, generator):
    graph = random_graph(generator)
    x = graph.x.clone().requires_grad_()
    module(x, graph.edge_index, torch.zeros(len(x), dtype=torch.long))[0, 1].backward()
    assert np.allclose(saliency(module, graph, "nodes", 1, signed=True).scores, x.grad.sum(dim=1), rtol=1e-5)
    assert np.allclose(saliency(module, graph, "nodes", 1).scores, x.grad.norm(dim=1), rtol=1e-5)
