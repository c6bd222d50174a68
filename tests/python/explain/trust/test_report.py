"""The report says in words what its numbers say, and files hold all of them."""

import csv
import importlib.util
import json

import numpy as np
import pytest

import gnncv.explain
from additive_function import AdditiveFunction, edge_explanation
from analytic_graph_function import AnalyticGraphModel, mixture
from gnncv.errors import InvalidArgument, OutputExists
from gnncv.explain import Explanation, TrustSettings, trust
from small_explainers import closeness, gate_gradient

QUICK = TrustSettings(steps=5, random_orders=20, copies=2, draws=2, stages=2)


def noise(model, graph, over="edges", output=0):
    """Scores that know nothing, the same at every call."""
    explanation = gate_gradient(model, graph, over, output)
    scores = np.random.default_rng(5).normal(size=len(explanation.scores))
    return Explanation(**{**vars(explanation), "scores": scores})


@pytest.fixture(scope="module")
def report():
    model, atoms = AnalyticGraphModel(seed=41), mixture(np.random.default_rng(41), 12)
    return trust([gate_gradient, closeness, noise], model, atoms, settings=QUICK, show_progress=False)


def test_gradients_are_trusted_and_noise_and_what_ignores_the_weights_are_not(report):
    print(report)
    assert report["gate_gradient"].trusted and not report["gate_gradient"].problems
    assert "nothing measured speaks against it; better than random orders" in report["gate_gradient"].verdict
    assert report["closeness"].weights.insensitive and not report["closeness"].trusted
    assert "insensitive to the weights" in report["closeness"].verdict
    assert not report["noise"].trusted and abs(report["noise"].curves.z) < 3.0
    assert "no better than random orders" in report["noise"].verdict
    assert report.agreement.methods == ("gate_gradient", "closeness", "noise")
    with pytest.raises(KeyError, match="no method 'truth'"):
        report["truth"]


def test_files_hold_every_number_and_are_never_overwritten(report, tmp_path):
    with open(report.to_csv(tmp_path / "trust.csv"), encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    numbers = json.loads(report.to_json(tmp_path / "trust.json").read_text(encoding="utf-8"))
    assert [row["method"] for row in rows] == ["gate_gradient", "closeness", "noise"]
    for row, entry, method in zip(rows, numbers["methods"], report.methods, strict=True):
        assert float(row["z"]) == pytest.approx(method.curves.z) == pytest.approx(entry["z"])
        assert row["verdict"] == entry["verdict"] == method.verdict
        assert entry["curves"]["deletion"] == pytest.approx(method.curves.deletion.tolist())
        assert entry["weights"]["stages"] == [list(names) for names in method.weights.stages]
    assert np.allclose(numbers["agreement"]["spearman"], report.agreement.spearman)
    picture = report.plot(tmp_path / "trust.png")
    assert picture.stat().st_size > 10_000
    for write, path in [
        (report.to_csv, "trust.csv"),
        (report.to_json, "trust.json"),
        (report.plot, "trust.png"),
    ]:
        with pytest.raises(OutputExists):
            write(tmp_path / path)
    text = str(report)
    assert all(method.verdict in text for method in report.methods)
    assert f"{report['noise'].curves.deletion_area:.3f}" in text


def test_seeds_decide_everything():
    model, atoms = AnalyticGraphModel(seed=42), mixture(np.random.default_rng(42), 8)
    one, same, other = (
        trust(gate_gradient, model, atoms, settings=QUICK, seed=seed, show_progress=False)["gate_gradient"]
        for seed in (1, 1, 2)
    )
    assert one.curves.z == same.curves.z != other.curves.z
    assert np.array_equal(one.stability.spearman, same.stability.spearman)
    assert np.array_equal(one.weights.complete, same.weights.complete)
    assert not np.array_equal(one.weights.complete, other.weights.complete)


def test_what_a_finished_explanation_cannot_tell_is_said():
    contributions = np.random.default_rng(43).exponential(size=40)
    function = AdditiveFunction(contributions)
    named = {
        "exact": edge_explanation(contributions, function),
        "reversed": edge_explanation(1 / contributions, function),
    }
    report = trust(named, function, show_progress=False, seed=3)
    exact, wrong = report["exact"], report["reversed"]
    assert exact.trusted and exact.stability is None and exact.weights is None
    assert "stability not measured: an explanation was given, not the method" in exact.verdict
    assert "worse than random orders" in wrong.verdict and not wrong.trusted
    del function.inputs["edges"]
    blind = trust(named["exact"], function, show_progress=False)
    assert blind["given"].curves is None and not blind["given"].trusted
    assert "not held against the output" in blind.verdict
    assert "the function has no edges to take out" in blind.verdict
    with pytest.raises(InvalidArgument, match="nothing to draw"):
        blind.plot("none.png")


def test_methods_that_name_parts_are_called_by_their_parts():
    """As perturbation is; their progress bars are turned off."""
    calls = []

    def one_by_one(model, graph=None, by="atom", output=0, *, show_progress=True):
        calls.append((by, show_progress))
        return gate_gradient(model, graph, "edges", output)

    model, atoms = AnalyticGraphModel(seed=44), mixture(np.random.default_rng(44), 8)
    report = trust(one_by_one, model, atoms, settings=QUICK, show_progress=False)
    assert not report["one_by_one"].not_measured
    # the frame, two moved copies, two stages of two draws
    assert calls == [("edge", False)] * 7
    with pytest.raises(InvalidArgument, match="one by one of edges, nodes, not of node_features"):
        trust(one_by_one, model, atoms, "node_features", settings=QUICK, show_progress=False)


def test_wrong_calls_are_refused():
    function = AdditiveFunction(np.arange(1.0, 7.0))
    explanation = edge_explanation(np.arange(6.0), function)
    with pytest.raises(InvalidArgument, match="unknown settings step; there are size, order"):
        trust(explanation, function, step=3)
    with pytest.raises(InvalidArgument, match="two explanations are called given"):
        trust([explanation, explanation], function)
    with pytest.raises(InvalidArgument, match="is over edges, not over nodes"):
        trust(explanation, function, over="nodes", show_progress=False)
    with pytest.raises(InvalidArgument, match="no explanations"):
        trust([], function)


def test_public_names_are_not_names_of_modules():
    """A module of the same name would replace the function as soon as anything in it is imported."""
    names = ["trust", "fidelity", "fidelity_curves", "stability", "agreement", "weight_randomization"]
    for name in names:
        assert callable(getattr(gnncv.explain, name))
        assert importlib.util.find_spec(f"gnncv.explain.{name}") is None
