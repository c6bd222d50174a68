"""Saliency: what its derivatives must be, by symmetry, by differences, and by captum called by hand."""

import numpy as np
import pytest
import torch

from analytic_graph_function import CUTOFF, AnalyticGraphModel, mixture, reverse_by_search
from gnncv.errors import InvalidArgument, ModelError
from gnncv.explain import integrated_gradients, saliency
from gnncv.explain.foreign.libraries import captum_attr

OVERS = ["nodes", "node_features", "edges", "vectors"]

pytest.importorskip("captum")


@pytest.fixture
def model():
    return AnalyticGraphModel(seed=3)


@pytest.mark.parametrize("over", OVERS)
def test_scores_are_captums_own(model, generator, over):
    atoms = mixture(generator, 20)
    function = model.graph_function(atoms, "second")
    key = "positions" if over == "nodes" else over
    value = function.inputs[key].unsqueeze(0).requires_grad_()
    by_hand = captum_attr().Saliency(lambda x: function(**{key: x[0]}).reshape(1))
    by_hand = by_hand.attribute(value, abs=over != "vectors")[0]
    if over == "vectors":
        by_hand = 0.5 * (by_hand - by_hand[reverse_by_search(function)])
    if over in ("nodes", "vectors"):
        by_hand = by_hand.norm(dim=1)
    scores = saliency(model, atoms, over, "second").scores
    assert scores.shape == by_hand.shape
    assert np.allclose(scores, by_hand, rtol=1e-12, atol=1e-15)
    assert scores.dtype == np.float64
    assert scores.max() > 1e-3


def test_derivatives_by_gates_and_features_are_central_differences(model, generator):
    atoms = mixture(generator, 20)
    function = model.graph_function(atoms)
    for key in ("edges", "node_features"):
        signed = saliency(function, atoms, key, signed=True).scores
        assert (signed < 0).any()
        assert np.array_equal(np.abs(signed), saliency(function, atoms, key).scores)
        direction = torch.from_numpy(generator.normal(size=signed.shape))
        values = [function(**{key: function.inputs[key] + step * direction}).item() for step in (1e-5, -1e-5)]
        assert (values[0] - values[1]) / 2e-5 == pytest.approx((signed * direction.numpy()).sum(), rel=1e-7)


def test_features_of_nodes_without_positions_are_their_norm_or_signed_sum(model, generator):
    function = model.graph_function(mixture(generator, 20)).only("edges", "node_features")
    by_feature = saliency(function, None, "node_features", signed=True).scores
    assert np.allclose(saliency(function, None).scores, np.linalg.norm(by_feature, axis=1), rtol=1e-12)
    assert np.allclose(saliency(function, None, signed=True).scores, by_feature.sum(axis=1), rtol=1e-12)


def test_atoms_of_a_molecule_are_taken_together(model, generator):
    function = model.graph_function(mixture(generator, 20))
    by_atom = saliency(function, None).scores
    function.node_of_atom = generator.permutation(np.repeat(np.arange(5), 4))
    function.node_labels = [f"MOL{i}" for i in range(1, 6)]
    function.edge_index = torch.from_numpy(function.node_of_atom)[function.edge_index]
    expected = np.sqrt(np.bincount(function.node_of_atom, weights=by_atom**2))
    assert np.allclose(saliency(function, None).scores, expected, rtol=1e-12)


def test_both_directions_of_a_pair_are_one_vector(model, generator):
    """However a model reads the two: with -r_ji put for every r_ij no score changes; also in a small box."""
    atoms = mixture(generator, 8)
    assert atoms.cell.lengths().min() < 2 * CUTOFF
    function = model.graph_function(atoms)
    reverse = torch.tensor(reverse_by_search(function))

    class Turned(type(function)):
        def __call__(self, **inputs):
            if "vectors" in inputs:
                inputs["vectors"] = -inputs["vectors"][reverse]
            return super().__call__(**inputs)

    turned = Turned(model, atoms)
    for explain in (saliency, integrated_gradients):
        scores = explain(function, None, "vectors").scores
        assert np.array_equal(scores, scores[reverse])
        assert np.allclose(explain(turned, None, "vectors").scores, scores, rtol=1e-9, atol=1e-14)
    vectors, slopes = function.inputs["vectors"], []
    for direction in torch.eye(3, dtype=torch.float64):
        step = torch.zeros_like(vectors)
        step[5], step[reverse[5]] = 1e-5 * direction, -1e-5 * direction
        slopes.append((function(vectors=vectors + step) - function(vectors=vectors - step)).item() / 2e-5)
    scores = saliency(function, None, "vectors").scores
    assert scores[5] + scores[reverse[5]] == pytest.approx(np.linalg.norm(slopes), rel=1e-7)


def test_an_edge_without_its_reverse_has_no_vector_of_a_pair(model, generator):
    function = model.graph_function(mixture(generator, 8))
    function.edge_index = function.edge_index.clone()
    function.edge_index[0, 3] = (function.edge_index[0, 3] + 1) % 8
    with pytest.raises(InvalidArgument, match="is there in one direction only"):
        saliency(function, None, "vectors")


def test_of_a_function_of_vectors_alone_edges_are_scored_by_these(model, generator):
    function = model.graph_function(mixture(generator, 20))
    expected = saliency(function, None, "vectors")
    fallen_back = saliency(function.only("positions", "vectors"), None, "edges")
    assert np.array_equal(fallen_back.scores, expected.scores)
    assert fallen_back.over == expected.over == "edges"
    assert fallen_back.units == expected.units == "1/Å"


def test_what_makes_no_sense_is_refused_in_words(model, generator):
    function = model.graph_function(mixture(generator, 8))
    with pytest.raises(InvalidArgument, match="over is 'atoms'; saliency is over nodes"):
        saliency(function, None, "atoms")
    with pytest.raises(InvalidArgument, match="has no sign"):
        saliency(function, None, "nodes", signed=True)
    with pytest.raises(InvalidArgument, match="first on this graph is no function of 'node_features'"):
        saliency(function.only("positions"), None, "node_features")


def test_an_output_that_ignores_its_input_is_said_to(model, generator):
    class Deaf(type(model.graph_function(mixture(generator, 8)))):
        def __call__(self, **inputs):
            return super().__call__().detach()

    deaf = Deaf(model, mixture(generator, 8))
    with pytest.raises(ModelError, match="first does not depend on positions"):
        saliency(deaf, None)
