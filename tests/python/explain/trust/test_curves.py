"""Deletion and insertion are exact for sums, and random scores are not called good."""

import importlib.util
from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.integrate import trapezoid

from additive_function import AdditiveFunction, edge_explanation
from analytic_graph_function import AnalyticGraphModel, mixture
from gnncv.errors import InvalidArgument
from gnncv.explain import Explanation, fidelity, fidelity_curves
from gnncv.explain.foreign.libraries import torch_geometric
from gnncv.explain.measured_trust.curves import NOTICEABLE
from gnncv.explain.measured_trust.removal import Removal


def drawn(seed, n_nodes, signs):
    print("seed", seed)
    random = np.random.default_rng(seed)
    contributions = random.exponential(1.0, 2 * n_nodes)
    if signs == "mixed":
        contributions *= random.choice([-1.0, 1.0], 2 * n_nodes)
    return contributions if signs != "negative" else -contributions


def deletion_area(contributions, order):
    """By hand: what is left of a sum while its terms go one by one."""
    left = contributions.sum() - np.concatenate([[0.0], np.cumsum(contributions[list(order)])])
    return trapezoid(left / contributions.sum(), np.linspace(0.0, 1.0, len(contributions) + 1))


@pytest.mark.parametrize("signs", ["positive", "negative", "mixed"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_order_has_a_smaller_deletion_area_than_exact_scores_of_a_sum(seed, signs):
    contributions = drawn(seed, 3, signs)
    function = AdditiveFunction(contributions)
    curves = fidelity_curves(
        edge_explanation(contributions, function), function, steps=6, random_orders=30, show_progress=False
    )
    areas = [deletion_area(contributions, order) for order in permutations(range(6))]
    assert curves.deletion_area == pytest.approx(min(areas), abs=1e-12)
    assert curves.insertion_area == pytest.approx(max(areas), abs=1e-12)
    assert curves.order == ("signed" if signs == "mixed" else "magnitude")
    assert curves.deletion[0] == curves.insertion[-1] == 1.0
    assert curves.deletion[-1] == curves.insertion[0] == 0.0


@pytest.mark.parametrize("signs", ["positive", "mixed"])
def test_exact_scores_of_a_larger_sum_beat_every_random_order(signs):
    contributions = drawn(4, 40, signs)
    function = AdditiveFunction(contributions)
    exact = fidelity_curves(edge_explanation(contributions, function), function, show_progress=False)
    random = np.random.default_rng(5)
    others = [
        fidelity_curves(
            edge_explanation(random.permutation(contributions), function),
            function,
            random_orders=2,
            show_progress=False,
        )
        for _ in range(30)
    ]
    assert exact.z > 5.0 and exact.z_deletion > NOTICEABLE and exact.z_insertion > NOTICEABLE
    assert all(exact.deletion_area < other.deletion_area for other in others)
    assert all(exact.insertion_area > other.insertion_area for other in others)
    worst = fidelity_curves(
        edge_explanation(-contributions if signs == "mixed" else 1.0 / contributions, function),
        function,
        show_progress=False,
    )
    assert worst.z < -NOTICEABLE


@pytest.mark.parametrize(("signs", "heavy"), [("positive", False), ("mixed", False), ("positive", True)])
def test_random_scores_are_rarely_better_than_random(signs, heavy):
    """3 deviations, one-sided, of a t distribution with 20 degrees of freedom are 0.35 percent."""
    contributions = drawn(6, 30, signs)
    if heavy:  # three edges are everything
        contributions = np.where(np.arange(60) < 3, 1.0, 1e-3)
    function = AdditiveFunction(contributions)
    z = np.array(
        [
            fidelity_curves(
                edge_explanation(np.random.default_rng(seed).normal(size=60), function),
                function,
                steps=5,
                seed=seed,
                show_progress=False,
            ).z
            for seed in range(80)
        ]
    )
    print("false alarms", np.mean(z >= NOTICEABLE), "of 80; mean and deviation of z", z.mean(), z.std())
    assert np.mean(z >= NOTICEABLE) <= 0.03
    assert np.mean(z <= -NOTICEABLE) <= 0.03
    assert abs(z.mean()) < 0.45 and 0.75 < z.std() < 1.35


def test_equal_scores_say_nothing_even_where_the_first_edges_matter():
    contributions = np.where(np.arange(60) < 6, 1.0, 0.01)
    function = AdditiveFunction(contributions)
    z = [
        fidelity_curves(edge_explanation(np.ones(60), function), function, seed=seed, show_progress=False).z
        for seed in range(12)
    ]
    assert abs(np.mean(z)) < 1.0 and max(z) < NOTICEABLE


def test_magnitudes_are_judged_by_how_far_the_output_moves():
    """Parts of both signs cancel; knowing only how large they are is still worth something on average."""
    gains = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        contributions = random.lognormal(0.0, 1.5, 40) * random.choice([-1.0, 1.0], 40, p=[0.3, 0.7])
        function = AdditiveFunction(contributions)
        explanation = edge_explanation(np.abs(contributions), function)
        curves = fidelity_curves(explanation, function, steps=8, random_orders=5, show_progress=False)
        assert curves.order == "magnitude"
        for area, values in (
            (curves.deletion_area, curves.deletion),
            (curves.insertion_area, curves.insertion),
        ):
            assert area == pytest.approx(trapezoid(1.0 - np.abs(1.0 - values), curves.fractions), abs=1e-12)
        gains.append(curves.gain / curves.gain_deviation)
        signed = edge_explanation(contributions, function)
        assert fidelity_curves(signed, function, random_orders=2, show_progress=False).order == "signed"
    gains = np.array(gains)
    print("gain in deviations", gains.mean(), "+-", gains.std() / np.sqrt(len(gains)))
    assert gains.mean() > 4.0 * gains.std() / np.sqrt(len(gains))


def test_nodes_go_with_all_their_edges_and_features_with_their_baseline():
    contributions, weights = drawn(7, 5, "mixed"), np.random.default_rng(8).normal(size=(5, 2))
    function = AdditiveFunction(contributions, weights)
    i, j = function.edge_index.numpy()
    kept = np.array([True, False, True, True, True])
    left = function.offset + weights.sum() + contributions[kept[i] & kept[j]].sum()
    assert Removal(function, "nodes").output(kept) == pytest.approx(left)
    features = function.offset + contributions.sum() + weights[kept].sum()
    assert Removal(function, "nodes", "node_features").output(kept) == pytest.approx(features)
    some = np.random.default_rng(9).random((5, 2)) < 0.5
    expected = function.offset + contributions.sum() + weights[some].sum()
    assert Removal(function, "node_features").output(some.ravel()) == pytest.approx(expected)
    removal = Removal(function, "edges")
    assert removal.empty == pytest.approx(function.offset + weights.sum())
    assert removal.difference == pytest.approx(contributions.sum())


@pytest.mark.parametrize("over", ["edges", "nodes"])
def test_edges_without_gates_go_by_their_vectors(over):
    """As of exported files; an edge at the cutoff carries what one with a closed gate does."""
    print("seed 21")
    function = AnalyticGraphModel(seed=21).graph_function(mixture(np.random.default_rng(21), 8))
    gates = Removal(function, over)
    function.inputs = {name: value for name, value in function.inputs.items() if name != "edges"}
    vectors = Removal(function, over)
    assert (gates.input, vectors.input) == ("edges", "vectors")
    for seed in range(5):
        kept = np.random.default_rng(seed).random(gates.n_units) < 0.6
        assert vectors.output(kept) == pytest.approx(gates.output(kept), abs=1e-12)
        assert abs(gates.output(kept) - gates.full) > 1e-6


@pytest.mark.parametrize("signs", ["positive", "mixed"])
@pytest.mark.parametrize("size", [1, 3, 9, 10])
def test_necessity_and_sufficiency_of_a_sum(size, signs):
    contributions = drawn(10, 5, signs)
    function = AdditiveFunction(contributions)
    value = fidelity(edge_explanation(contributions, function), function, size)
    toward = np.sign(contributions.sum()) if signs == "mixed" else 1.0
    highest = np.sort(toward * contributions)[::-1][:size].sum() * toward
    total = contributions.sum()
    assert value.fidelity_plus == pytest.approx(highest)
    assert value.fidelity_minus == pytest.approx(total - highest)
    assert value.necessity == pytest.approx(abs(highest / total))
    assert value.sufficiency == pytest.approx(1.0 - abs(1.0 - highest / total))
    if signs == "positive":  # a random part of a sum is worth its share on average
        many = fidelity(edge_explanation(contributions, function), function, size, random_sets=400)
        deviation = contributions.std() * np.sqrt(size * (10 - size) / 9 / 400) / total
        assert abs(many.random_necessity - size / 10) <= 4.0 * deviation + 1e-12
        assert many.random_sufficiency == pytest.approx(many.random_necessity)


def test_characterization_is_that_of_torch_geometric():
    from gnncv.explain.measured_trust.sufficiency import Fidelity

    if importlib.util.find_spec("torch_geometric") is None:
        pytest.skip("torch_geometric is not installed")
    metric = torch_geometric().explain.metric
    for plus, minus in [(0.8, 0.3), (0.2, 0.9), (1.0, 0.5)]:
        value = Fidelity(3, 2.0, 0.0, 2.0 - 2.0 * minus, 2.0 - 2.0 * plus, 0.0, 0.0)
        theirs = metric.characterization_score(torch.tensor(plus), torch.tensor(minus))
        assert value.characterization == pytest.approx(float(theirs), rel=1e-6)


def test_what_cannot_be_measured_is_refused():
    function = AdditiveFunction(np.array([1.0, -1.0, 2.0, -2.0, 0.5, -0.5]))
    explanation = edge_explanation(np.arange(6.0), function)
    with pytest.raises(InvalidArgument, match="with and without its edges"):
        fidelity_curves(explanation, function, show_progress=False)
    function = AdditiveFunction(np.arange(1.0, 7.0))
    del function.inputs["edges"]
    with pytest.raises(InvalidArgument, match="no function of edges"):
        fidelity_curves(explanation, function, show_progress=False)
    function = AdditiveFunction(np.arange(1.0, 9.0))
    with pytest.raises(InvalidArgument, match="6 scores over edges; the function has 8"):
        fidelity_curves(explanation, function, show_progress=False)
    with pytest.raises(InvalidArgument, match="size is 9"):
        fidelity(edge_explanation(np.arange(8.0), function), function, 9)
    features = Explanation(
        np.ones((4, 1)), "node_features", function.node_labels, "sum", "given", "1", "0", 1.0, ["x"]
    )
    with pytest.raises(InvalidArgument, match="no baseline 'melt'; known are zero"):
        fidelity_curves(features, function, baseline="melt", show_progress=False)
