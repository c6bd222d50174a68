"""What no explanation depends on: numbering of atoms, images at which they are kept, atoms out of reach."""

import numpy as np
import pytest
import torch

from analytic_graph_function import CUTOFF, AnalyticGraphModel, mixture
from gnncv.explain import gnn_explainer, integrated_gradients, saliency

METHODS = {
    **{f"saliency of {over}": (saliency, over) for over in ("nodes", "node_features", "edges", "vectors")},
    **{
        f"integrated gradients of {over}": (integrated_gradients, over)
        for over in ("nodes", "edges", "vectors")
    },
}

pytest.importorskip("captum")


@pytest.fixture
def model():
    return AnalyticGraphModel(seed=3)


def by_pair(explanation, of=None):
    """Scores of nodes, or of edges by their ends and vector, for comparison under other numberings."""
    if explanation.over != "edges":
        return explanation.scores
    sender, receiver = explanation.edge_index if of is None else of[explanation.edge_index]
    order = np.lexsort((*np.round(explanation.edge_vectors.T, 6), sender, receiver))
    return np.column_stack([sender, receiver, explanation.scores])[order]


@pytest.mark.parametrize("method", METHODS)
def test_scores_permute_with_the_atoms(model, generator, method):
    explain, over = METHODS[method]
    atoms = mixture(generator, 20)
    order = generator.permutation(len(atoms))
    scores, permuted = explain(model, atoms, over), explain(model, atoms[order], over)
    if scores.over == "edges":
        assert np.allclose(by_pair(permuted, order), by_pair(scores), rtol=1e-9, atol=1e-14)
    else:
        assert np.allclose(permuted.scores, scores.scores[order], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("method", METHODS)
def test_scores_ignore_the_images_at_which_atoms_are_kept(model, generator, method):
    explain, over = METHODS[method]
    atoms = mixture(generator, 20)
    elsewhere = atoms.copy()
    elsewhere.positions += generator.integers(-3, 4, (len(atoms), 3)) @ atoms.cell.array
    scores, moved = explain(model, atoms, over), explain(model, elsewhere, over)
    assert np.allclose(by_pair(moved), by_pair(scores), rtol=1e-8, atol=1e-13)


@pytest.mark.parametrize("output", ["first", "second"])
def test_gradients_sum_to_zero_and_carry_no_torque(model, generator, output):
    function = model.graph_function(mixture(generator, 20, pbc=False), output)
    positions = function.inputs["positions"].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(function(positions=positions), positions)
    assert np.allclose(gradient.norm(dim=1), saliency(function, None).scores, rtol=1e-12)
    size = gradient.norm(dim=1).sum()
    assert gradient.sum(dim=0).abs().max() < 1e-13 * size
    torque = torch.linalg.cross(positions.detach(), gradient).sum(dim=0)
    assert torque.abs().max() < 1e-13 * size * positions.abs().max()


def test_an_atom_beyond_every_cutoff_scores_exactly_zero(model, generator):
    atoms = mixture(generator, 20, pbc=False)
    atoms.positions[7] = atoms.positions.max(axis=0) + CUTOFF
    results = [explain(model, atoms, over) for explain, over in METHODS.values()]
    results.append(integrated_gradients(model, atoms, "node_features"))
    results += gnn_explainer(model, atoms, ("edges", "node_features"), epochs=5)
    results.append(gnn_explainer(model, atoms, "nodes", epochs=5))
    for explanation in results:
        assert np.count_nonzero(explanation.scores) > 0
        if explanation.over == "edges":
            assert 7 not in explanation.edge_index
        elif (explanation.method, explanation.over) != ("saliency", "node_features"):
            # the derivative by a descriptor is there, but the descriptor cannot change
            assert np.all(explanation.scores[7] == 0.0), explanation.method


def test_without_any_edge_all_scores_are_zero(model):
    from ase import Atoms

    atoms = Atoms("ArKr", positions=[[0.0, 0.0, 0.0], [CUTOFF, 1.0, 0.0]])
    for explain in (saliency, integrated_gradients, gnn_explainer):
        explanation = explain(model, atoms, "edges")
        assert explanation.scores.shape == (0,)
        assert explanation.value == 0.0
    assert np.array_equal(saliency(model, atoms).scores, [0.0, 0.0])
    assert integrated_gradients(model, atoms).completeness_gap == 0.0
