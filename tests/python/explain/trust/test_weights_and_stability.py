"""An explanation that ignores the weights is caught, and one that shakes with the atoms is, too."""

import numpy as np
import pytest
import torch
from torch import nn

from additive_function import AdditiveFunction, edge_explanation
from analytic_graph_function import AnalyticGraphModel, mixture
from gnncv.errors import InvalidArgument
from gnncv.explain import Explanation, stability, weight_randomization
from gnncv.explain.measured_trust.stability import matched_scores
from gnncv.explain.measured_trust.weights import layers, randomized
from small_explainers import closeness, gate_gradient


@pytest.fixture(scope="module")
def system():
    print("seed 31")
    return AnalyticGraphModel(seed=31), mixture(np.random.default_rng(31), 20)


@pytest.mark.parametrize("scheme", ["cascading", "independent"])
def test_what_ignores_the_weights_is_caught_and_what_does_not_is_not(system, scheme):
    model, atoms = system
    function = model.graph_function(atoms)
    caught = weight_randomization(closeness, function, atoms, scheme=scheme, show_progress=False)
    assert caught.insensitive and np.allclose(caught.spearman, 1.0) and np.allclose(caught.complete, 1.0)
    honest = weight_randomization(gate_gradient, function, atoms, scheme=scheme, draws=5, show_progress=False)
    print("rank correlation with random networks", honest.complete, "overlap", honest.complete_overlap)
    assert not honest.insensitive and honest.spearman.shape == (5, 4) == honest.overlap.shape
    assert honest.complete.mean() < 0.95 and honest.complete_overlap.mean() < 0.8
    expected = 4 if scheme == "cascading" else 1
    assert len(honest.stages[-1]) == expected and honest.stages[0] == ("readout",)


def test_randomization_draws_what_it_names_and_leaves_model_and_random_state_alone():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.LayerNorm(4), nn.Linear(4, 1))
    model.register_parameter("scale", nn.Parameter(torch.randn(6)))
    assert list(layers(model)) == ["scale", "0", "2", "3"]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.random.get_rng_state()
    one, same, other = (randomized(model, ("0", "scale"), seed) for seed in (1, 1, 2))
    assert torch.equal(state, torch.random.get_rng_state())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
        assert torch.equal(one.state_dict()[name], same.state_dict()[name])
        drawn = name.startswith(("0.", "scale"))
        assert torch.equal(one.state_dict()[name], value) != drawn
        assert torch.equal(one.state_dict()[name], other.state_dict()[name]) != drawn


def test_a_smooth_model_is_stable_and_noise_is_not(system):
    model, atoms = system
    result = stability(gate_gradient, model, atoms, jitter=0.01, copies=4, show_progress=False)
    print("stability", result.spearman, result.overlap)
    assert result.spearman.shape == (4,) and result.spearman.min() > 0.95 and result.overlap.mean() > 0.7
    larger = stability(gate_gradient, model, atoms, jitter=0.3, copies=4, show_progress=False)
    assert larger.spearman.mean() < result.spearman.mean()
    random = np.random.default_rng(32)

    def noise(model, graph, over="edges", output=0):
        explanation = gate_gradient(model, graph, over, output)
        return Explanation(**{**vars(explanation), "scores": random.random(len(explanation.scores))})

    assert abs(stability(noise, model, atoms, copies=4, show_progress=False).spearman.mean()) < 0.3


def test_edges_are_matched_between_images_and_over_the_cutoff():
    labels, index = ["Ar1", "Ar2"], np.array([[0, 0, 1], [1, 1, 0]])
    vectors = np.array([[1.0, 0, 0], [-2.0, 0, 0], [-1.0, 0, 0]])

    def given(scores, keep):
        return Explanation(
            np.array(scores), "edges", labels, "f", "m", "1", "0", 0.0, edge_index=index[:, keep],
            edge_vectors=vectors[keep] + 0.01,
        )  # fmt: skip

    before, after = given([1.0, -2.0, 3.0], [0, 1, 2]), given([20.0, 10.0], [1, 0])
    one, other = matched_scores(before, after)
    assert one.tolist() == [1.0, 2.0, 3.0] and other.tolist() == [10.0, 20.0, 0.0]
    one, other = matched_scores(after, before)
    assert sorted(zip(one.tolist(), other.tolist(), strict=True)) == [(0.0, 3.0), (10.0, 1.0), (20.0, 2.0)]


def test_what_cannot_be_drawn_or_moved_is_refused():
    function = AdditiveFunction(np.arange(1.0, 7.0))
    with pytest.raises(InvalidArgument, match="without its network"):
        weight_randomization(closeness, function, show_progress=False)
    with pytest.raises(InvalidArgument, match="jitter is 0"):
        stability(closeness, function, None, jitter=0.0, show_progress=False)
    with pytest.raises(InvalidArgument, match="without positions cannot be jittered"):
        given = edge_explanation(np.arange(6.0), function)
        stability(closeness, function, "graph", explanation=given, show_progress=False)
