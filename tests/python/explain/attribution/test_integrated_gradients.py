"""Integrated gradients: complete, equal to captum's, from the baseline that is asked for."""

import numpy as np
import pytest
import torch

from analytic_graph_function import AnalyticGraphModel, mixture, reverse_by_search
from gnncv.errors import InvalidArgument
from gnncv.explain import integrated_gradients
from gnncv.explain.foreign.libraries import captum_attr

OVERS = ["nodes", "node_features", "edges", "vectors"]

pytest.importorskip("captum")


@pytest.fixture
def model():
    return AnalyticGraphModel(seed=3)


@pytest.mark.parametrize(("over", "steps", "gap"), [("edges", 10, 1e-9), ("node_features", 50, 1e-4)])
def test_scores_add_up_to_the_change_from_the_baseline(model, generator, over, steps, gap):
    for output in model.outputs:
        function = model.graph_function(mixture(generator, 27), output)
        explanation = integrated_gradients(function, None, over, steps=steps)
        change = function().item() - function(**{over: torch.zeros_like(function.inputs[over])}).item()
        assert abs(change) > 1e-3
        assert abs(explanation.scores.sum() - change) < gap * abs(change)
        assert explanation.completeness_gap == pytest.approx(explanation.scores.sum() - change, abs=1e-14)
        assert explanation.details == {"steps": steps, "baseline_value": pytest.approx(0.0, abs=1e-15)}


def test_weights_are_not_rounded_as_captum_rounds_them(model, generator):
    """Captum alone would leave gaps of 1e-8: a straight line, whose integral is exact, shows it."""
    function = model.graph_function(mixture(generator, 27))
    slopes = torch.from_numpy(generator.normal(size=function.inputs["edges"].shape))

    class Line(type(function)):
        def __call__(self, **inputs):
            return slopes @ inputs.get("edges", self.inputs["edges"])

    line = Line(model, function.atoms)
    for steps in (1, 2, 10, 50):
        explanation = integrated_gradients(line, None, steps=steps)
        assert np.allclose(explanation.scores, slopes, rtol=1e-14, atol=0.0)
        assert abs(explanation.completeness_gap) < 1e-12


def test_too_few_steps_are_warned_of(model, generator):
    function = model.graph_function(mixture(generator, 27))
    middle = 0.3 + 0.4 * generator.random()

    class Bend(type(function)):
        def __call__(self, **inputs):
            return torch.tanh(300.0 * (inputs.get("edges", self.inputs["edges"]).mean() - middle))

    bend = Bend(model, function.atoms)
    with pytest.warns(UserWarning, match="3 steps are too few"):
        explanation = integrated_gradients(bend, None, steps=3)
    assert abs(explanation.completeness_gap) > 0.05 * 2.0
    assert abs(integrated_gradients(bend, None, steps=400).completeness_gap) < 0.05 * 2.0


@pytest.mark.parametrize("over", OVERS)
def test_scores_are_captums_own(model, generator, over):
    function = model.graph_function(mixture(generator, 20), "second")
    key = "node_features" if over == "nodes" else over
    by_hand = captum_attr().IntegratedGradients(lambda x: function(**{key: x[0]}).reshape(1))
    expected = by_hand.attribute(
        function.inputs[key].unsqueeze(0),
        baselines=function.baselines[key]["no interaction"].unsqueeze(0),
        n_steps=20,
        internal_batch_size=1,
    )[0]
    if over in ("vectors", "nodes"):
        expected = expected.sum(dim=1)
    if over == "vectors":
        expected = 0.5 * (expected + expected[reverse_by_search(function)])
    scores = integrated_gradients(function, None, over, steps=20).scores
    # captum's weights are float32; so are its scores, whatever the model's precision
    assert np.allclose(scores, expected, rtol=1e-6, atol=1e-6 * np.abs(scores).max())
    assert np.abs(scores).max() > 1e-4


def test_a_baseline_is_a_name_a_value_or_a_reference_phase(model, generator):
    atoms, reference = mixture(generator, 27), [mixture(generator, 27) for _ in range(2)]
    function = model.graph_function(atoms)
    mean = function.feature_baseline(reference)
    row = 0.2 * generator.normal(size=mean.shape[1])
    for given, meant in (
        ("mean", function.baselines["node_features"]["mean"]),
        (reference, mean),
        (iter(reference), mean),
        (reference[0], function.feature_baseline(reference[:1])),
        (row, torch.from_numpy(row).expand_as(mean)),
        (mean, mean),
        (0.3, torch.full_like(mean, 0.3)),
        (None, torch.zeros_like(mean)),
    ):
        explanation = integrated_gradients(model, atoms, "node_features", baseline=given, steps=30)
        change = function().item() - function(node_features=meant).item()
        assert explanation.scores.sum() == pytest.approx(change, rel=1e-8)
        assert explanation.details["baseline_value"] == pytest.approx(function(node_features=meant).item())


def test_without_no_interaction_the_first_named_baseline_is_taken(model, generator):
    function = model.graph_function(mixture(generator, 12))
    named = {"mean": function.baselines["node_features"]["mean"]}
    function.baselines = {"node_features": named}
    explanation = integrated_gradients(function, None, "node_features")
    assert explanation.details["baseline_value"] == function(node_features=named["mean"]).item()


def test_of_a_function_of_vectors_alone_edges_are_scored_by_these(model, generator):
    function = model.graph_function(mixture(generator, 12))
    expected = integrated_gradients(function, None, "vectors").scores
    fallen_back = integrated_gradients(function.only("positions", "vectors"), None, "edges")
    assert np.array_equal(fallen_back.scores, expected)
    assert fallen_back.scores.sum() == pytest.approx(function().item(), rel=1e-9)


def test_what_makes_no_sense_is_refused_in_words(model, generator):
    atoms = mixture(generator, 8)
    function = model.graph_function(atoms)
    for options, words in (
        ({"over": "positions"}, "over is 'positions'; it is one of edges"),
        ({"steps": 0}, "steps is 0"),
        ({"baseline": "melt"}, "there is no baseline 'melt' of edges; there is no interaction"),
        ({"baseline": np.zeros((3, 5))}, r"baseline of edges has shape \(3, 5\)"),
        ({"baseline": float("nan")}, "baseline of edges is not finite"),
        ({"baseline": [atoms]}, "a reference phase is a baseline of node_features, not of edges"),
    ):
        with pytest.raises(InvalidArgument, match=words):
            integrated_gradients(model, atoms, **options)
    with pytest.raises(InvalidArgument, match="'first' on this graph is no function|no function of 'edges'"):
        integrated_gradients(function.only("positions"), None)
