"""GNNExplainer: torch_geometric's own masks, on functions that it cannot see into."""

import numpy as np
import pytest
import torch

from analytic_graph_function import AnalyticGraphModel, mixture
from gnncv.errors import InvalidArgument
from gnncv.explain import gnn_explainer
from gnncv.explain.foreign.libraries import torch_geometric
from molecule_classifiers import GcnClassifier, GraphConvClassifier, random_graph

pyg = torch_geometric()


@pytest.fixture
def model():
    return AnalyticGraphModel(seed=3)


def native(module, graph, target, return_type, node_mask_type, **settings):
    """torch_geometric's explainer called by hand on its own kind of model."""
    explainer = pyg.explain.Explainer(
        model=module,
        algorithm=pyg.explain.GNNExplainer(
            epochs=12,
            lr=0.05,
            edge_size=0.1,
            edge_reduction="mean",
            edge_ent=0.02,
            node_feat_size=0.1,
            node_feat_ent=0.02,
        ),
        explanation_type="model" if target is None else "phenomenon",
        node_mask_type=node_mask_type,
        edge_mask_type="object",
        model_config={"task_level": "graph", "return_type": return_type, **settings},
    )
    batch = torch.zeros(graph.num_nodes, dtype=torch.long)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return explainer(graph.x, graph.edge_index, batch=batch, target=target)


@pytest.mark.parametrize("mask", ["node_features", "nodes"])
def test_masks_of_a_classifier_are_torch_geometrics_own(generator, mask):
    torch.manual_seed(4)
    module, graph = GraphConvClassifier().eval(), random_graph(generator)
    for target in (0, 1):
        expected = native(
            module,
            graph,
            torch.tensor([target]),
            "log_probs",
            "attributes" if mask == "node_features" else "object",
            mode="multiclass_classification",
        )
        edges, nodes = gnn_explainer(
            module,
            graph,
            ("edges", mask),
            target,
            mode="multiclass_classification",
            return_type="log_probs",
            epochs=12,
            lr=0.05,
            seed=5,
        )
        assert np.allclose(edges.scores, expected.edge_mask, rtol=1e-5, atol=1e-6)
        assert np.allclose(nodes.scores.squeeze(), expected.node_mask.squeeze(), rtol=1e-5, atol=1e-6)
        assert edges.scores.std() > 0.01


def test_a_binary_classifier_in_its_own_mode(generator):
    torch.manual_seed(4)
    module, graph = GcnClassifier(always_drops=False).eval(), random_graph(generator)
    expected = native(module, graph, None, "raw", "object", mode="binary_classification")
    from gnncv.explain import TorchGeometricFunction

    function = TorchGeometricFunction(module, graph, gates="messages")
    edges, _ = gnn_explainer(
        function, None, ("edges", "nodes"), mode="binary_classification", epochs=12, lr=0.05, seed=5
    )
    assert np.allclose(edges.scores, expected.edge_mask, rtol=1e-5, atol=1e-6)


def test_few_edges_are_kept_and_are_those_that_matter(model, generator):
    function = model.graph_function(mixture(generator, 12))
    weights = 1e-4 * torch.from_numpy(generator.random(len(function.inputs["edges"])))
    planted = generator.permutation(len(weights))[:6]
    weights[planted] = torch.from_numpy(generator.uniform(0.5, 1.5, 6))
    ignored = generator.permutation(np.setdiff1d(np.arange(len(weights)), planted))[:10]
    weights[ignored] = 0.0

    class Planted(type(function)):
        def __call__(self, **inputs):
            return -weights @ inputs.get("edges", self.inputs["edges"]) - 3.0

    explanation = gnn_explainer(Planted(model, function.atoms), None, "edges")
    others = np.delete(explanation.scores, planted)
    assert explanation.scores[planted].min() > 0.8 > 0.5 > others.max()
    assert np.all(explanation.scores[ignored] == 0.0)
    assert np.count_nonzero(explanation.scores == 0.0) == len(ignored)


def test_the_masked_value_is_that_of_the_masks(model, generator):
    atoms = mixture(generator, 12, pbc=False)
    explanation = gnn_explainer(model, atoms, "edges", "second", epochs=20)
    function = model.graph_function(atoms, "second")
    gates = torch.from_numpy(explanation.scores)
    assert explanation.details["masked_value"] == pytest.approx(function(edges=gates).item(), rel=1e-6)
    assert explanation.details["removed_value"] == pytest.approx(0.0, abs=1e-15)
    assert 0.0 < explanation.scores.min() <= explanation.scores.max() < 1.0


def test_one_seed_one_result_and_the_random_state_is_left_alone(model, generator):
    atoms = mixture(generator, 12)
    state = torch.random.get_rng_state()
    first, second = (gnn_explainer(model, atoms, epochs=5, seed=7).scores for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, gnn_explainer(model, atoms, epochs=5, seed=8).scores)


def test_masks_do_not_depend_on_the_unit_of_the_output(model, generator):
    function = model.graph_function(mixture(generator, 12))

    class Thousandfold(type(function)):
        def __call__(self, **inputs):
            return 1000.0 * super().__call__(**inputs)

    for over in ("edges", "node_features"):
        expected = gnn_explainer(function, None, over, epochs=20).scores
        scores = gnn_explainer(Thousandfold(model, function.atoms), None, over, epochs=20).scores
        assert np.allclose(scores, expected, rtol=1e-4, atol=1e-5)


def test_descriptors_that_follow_from_edges_are_masked_by_themselves(model, generator):
    atoms = mixture(generator, 12)
    together = gnn_explainer(model, atoms, ("node_features", "edges"), epochs=5)
    for explanation, over in zip(together, ("node_features", "edges"), strict=True):
        alone = gnn_explainer(model, atoms, over, epochs=5)
        assert explanation.over == over
        assert np.array_equal(explanation.scores, alone.scores)


def test_a_mask_takes_features_back_to_the_baseline(model, generator):
    """As zeros are the baseline of a function of what the features have beyond the other."""
    atoms = mixture(generator, 12)
    function = model.graph_function(atoms)
    mean = function.baselines["node_features"]["mean"]

    class Beyond(type(function)):
        def __call__(self, **inputs):
            return super().__call__(node_features=mean + inputs.get("node_features", self.beyond))

    beyond = Beyond(model, atoms)
    beyond.beyond = function.inputs["node_features"] - mean
    beyond.inputs = {**function.inputs, "node_features": beyond.beyond}
    explanation = gnn_explainer(model, atoms, "node_features", baseline="mean", epochs=20)
    expected = gnn_explainer(beyond, None, "node_features", epochs=20)
    assert np.allclose(explanation.scores, expected.scores, rtol=1e-5, atol=1e-6)
    assert explanation.details == pytest.approx(expected.details)
    assert explanation.details["removed_value"] == pytest.approx(function(node_features=mean).item())
    assert explanation.value == pytest.approx(function().item())


def test_what_makes_no_sense_is_refused_in_words(model, generator):
    atoms = mixture(generator, 8)
    for options, words in (
        ({"over": "vectors"}, "over is 'vectors'; masks are over edges"),
        ({"over": ()}, "give edges, node_features or nodes"),
        ({"over": ("nodes", "node_features")}, "give edges, node_features or nodes"),
        ({"epochs": 0}, "epochs is 0"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"size": -1.0}, "size is -1.0"),
        ({"mode": "multiclass_classification"}, "is for classifiers of torch_geometric; first is none"),
        ({"mode": "ranking"}, "mode is 'ranking'"),
    ):
        with pytest.raises(InvalidArgument, match=words):
            gnn_explainer(model, atoms, **options)
    with pytest.raises(InvalidArgument, match="no function of 'edges'"):
        gnn_explainer(model.graph_function(atoms).only("vectors"), None)
