"""The fused cross entropy of decoded adjacency against its reference, on full lists."""

import numpy as np
import pytest
import torch

from gnncv._native import load_operators
from gnncv.nn import reference

load_operators()
ops = torch.ops.gnncv


def full_list(n_sites: int, n_bonds: int, generator: np.random.Generator):
    """Bonds between random sites in both directions, sorted by center alone, each with its adjacency."""
    ends = generator.integers(n_sites, size=(n_bonds, 2))
    joined = generator.uniform(size=n_bonds)
    center, neighbor = np.concatenate([ends, ends[:, ::-1]]).T
    order = np.argsort(center, kind="stable")
    row_ptr = np.concatenate([[0], np.cumsum(np.bincount(center, minlength=n_sites))])
    return [torch.from_numpy(x) for x in (np.tile(joined, 2)[order], neighbor[order], row_ptr)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("width", [1, 7, 16, 20, 32])
@pytest.mark.parametrize(("n_sites", "n_bonds"), [(1, 0), (1, 3), (5, 9), (40, 700), (300, 2000)])
def test_value_and_gradient_are_those_of_the_reference(n_sites, n_bonds, width, dtype, generator):
    joined, neighbor, row_ptr = full_list(n_sites, n_bonds, generator)
    features = torch.from_numpy(generator.normal(size=(n_sites, width)) * 3.0)
    exact = features.clone().requires_grad_()
    ours = features.to(dtype).requires_grad_()
    expected = reference.adjacency_entropy(exact, joined, neighbor, row_ptr)
    mean = ops.adjacency_entropy(ours, joined.to(dtype), neighbor.int(), row_ptr)
    tolerance = 1e-12 if dtype == torch.float64 else 2e-6
    assert mean.dtype == dtype
    assert mean.item() == pytest.approx(expected.item(), rel=tolerance, abs=tolerance)
    (gradient,) = torch.autograd.grad(3.0 * mean, ours)
    (right,) = torch.autograd.grad(3.0 * expected, exact)
    scale = max(1e-3, float(right.abs().max()))
    torch.testing.assert_close(gradient.double(), right, rtol=0, atol=5.0 * tolerance * scale)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_certain_pairs_neither_overflow_nor_lose_their_digits(dtype):
    """Logits of +-100 and +-900: what is right costs nothing, what is wrong costs the logit."""
    row_ptr, neighbor = torch.tensor([0, 1, 2]), torch.tensor([1, 0])
    for logit in (100.0, -100.0, 900.0, -900.0):
        features = torch.tensor([[1.0], [logit]], dtype=dtype)
        right = torch.full((2,), float(logit > 0), dtype=dtype)
        assert float(ops.adjacency_entropy(features, right, neighbor, row_ptr)) <= 1e-37
        wrong = ops.adjacency_entropy(features, 1.0 - right, neighbor, row_ptr)
        assert float(wrong) == pytest.approx(abs(logit), rel=1e-6)


def test_gradcheck(generator):
    joined, neighbor, row_ptr = full_list(6, 20, generator)
    features = torch.from_numpy(generator.normal(size=(6, 18))).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: ops.adjacency_entropy(x, joined, neighbor, row_ptr), features)


def test_bad_arguments_are_named(generator):
    joined, neighbor, row_ptr = full_list(4, 8, generator)
    features = torch.ones(4, 3, dtype=torch.float64)
    for arguments, message in (
        ((features.float(), joined, neighbor, row_ptr), "joined must have shape"),
        ((features[:3], joined, neighbor, row_ptr), "features must have 4 rows"),
        ((features, joined[:-1], neighbor, row_ptr), "neighbor must have shape"),
        ((features, joined.clone().requires_grad_(), neighbor, row_ptr), "joined cannot be differentiated"),
    ):
        with pytest.raises(ValueError, match=message):
            ops.adjacency_entropy(*arguments)
