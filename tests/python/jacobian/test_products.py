"""Products with sparse Jacobians: against dense ones, adjoint to each other, differentiable to any order."""

import numpy as np
import pytest
import torch

from gnncv.errors import InvalidArgument
from gnncv.jacobian import SparseJacobian, SparsityPattern

KINDS = ("even", "uneven", "empty rows", "one entry", "no entries")


def random_jacobian(generator: np.random.Generator, kind: str, n_frames: int, dtype=torch.float64):
    """A Jacobian of 7 rows and 5 atoms with random blocks."""
    mask = np.zeros((7, 5), dtype=bool)
    if kind == "even":
        for row in mask:
            row[generator.permutation(5)[:2]] = True
    elif kind != "no entries":
        mask = generator.random((7, 5)) < 0.5
        mask[0, 1] = True
    if kind == "empty rows":
        mask[[0, 3, 6]] = False
        mask[:, 4] = False
        mask[1, 0] = True
    elif kind == "one entry":
        mask[:] = False
        mask[4, 2] = True
    rows = [generator.permutation(row.nonzero()[0]) for row in mask]
    pattern = SparsityPattern.from_rows(rows, 5)
    blocks = torch.from_numpy(generator.normal(size=(n_frames, pattern.n_entries, 3))).to(dtype)
    return SparseJacobian(pattern, blocks)


def random(generator, *shape, dtype=torch.float64):
    return torch.from_numpy(generator.normal(size=shape)).to(dtype)


@pytest.mark.parametrize("n_outputs", [None, 1, 3])
@pytest.mark.parametrize("n_frames", [0, 1, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_products_are_those_of_the_dense_jacobian(generator, kind, n_frames, n_outputs):
    jacobian = random_jacobian(generator, kind, n_frames)
    last = () if n_outputs is None else (n_outputs,)
    v, w = random(generator, n_frames, 7, *last), random(generator, n_frames, 5, 3, *last)
    dense = jacobian.to_dense()
    k = "" if n_outputs is None else "k"
    pulled = torch.einsum(f"fdax,fd{k}->fax{k}", dense, v)
    pushed = torch.einsum(f"fdax,fax{k}->fd{k}", dense, w)
    torch.testing.assert_close(jacobian.transpose_product(v), pulled, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(jacobian.product(w), pushed, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_products_are_adjoint(generator, kind, dtype):
    jacobian = random_jacobian(generator, kind, 3, dtype)
    v, w = random(generator, 3, 7, 2, dtype=dtype), random(generator, 3, 5, 3, 2, dtype=dtype)
    left, right = (jacobian.transpose_product(v) * w).sum(), (jacobian.product(w) * v).sum()
    assert left.item() == pytest.approx(right.item(), rel=1e-4 if dtype == torch.float32 else 1e-12, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", ["transpose_product", "product"])
def test_derivatives_of_any_order(generator, kind, which):
    if kind == "no entries":
        pytest.skip("without entries there is nothing to differentiate")
    jacobian = random_jacobian(generator, kind, 2)
    shape = (2, 7, 2) if which == "transpose_product" else (2, 5, 3, 2)
    blocks, vector = jacobian.blocks.requires_grad_(), random(generator, *shape).requires_grad_()

    def function(blocks, vector):
        return getattr(SparseJacobian(jacobian.pattern, blocks), which)(vector)

    def slope(blocks, vector):
        value = function(blocks, vector).square().sum()
        return torch.autograd.grad(value, (blocks, vector), create_graph=True)

    assert torch.autograd.gradcheck(function, (blocks, vector))
    assert torch.autograd.gradgradcheck(function, (blocks, vector))
    assert torch.autograd.gradgradcheck(slope, (blocks, vector))


@pytest.mark.parametrize("kind", ["even", "uneven"])
def test_frames_in_any_order_and_number(generator, kind):
    jacobian = random_jacobian(generator, kind, 4)
    frames = torch.tensor([2, 0, 2, 3, 3, 1])
    v, w = random(generator, 6, 7), random(generator, 6, 5, 3)
    chosen = SparseJacobian(jacobian.pattern, jacobian.blocks[frames])
    torch.testing.assert_close(jacobian.transpose_product(v, frames), chosen.transpose_product(v))
    torch.testing.assert_close(jacobian.product(w, frames), chosen.product(w))


def test_results_are_repeatable(generator):
    jacobian = random_jacobian(generator, "uneven", 50, torch.float32)
    v = random(generator, 50, 7, dtype=torch.float32)
    first = jacobian.transpose_product(v)
    assert all(torch.equal(first, jacobian.transpose_product(v)) for _ in range(5))


def test_vectors_need_not_be_contiguous(generator):
    jacobian = random_jacobian(generator, "uneven", 3)
    v, w = random(generator, 2, 7, 3).permute(2, 1, 0), random(generator, 3, 5, 3, 3).transpose(0, 2)
    torch.testing.assert_close(jacobian.transpose_product(v), jacobian.transpose_product(v.contiguous()))
    torch.testing.assert_close(jacobian.product(w), jacobian.product(w.contiguous()))


def test_without_zeros_nothing_changes(generator):
    jacobian = random_jacobian(generator, "uneven", 3)
    jacobian.blocks[:, ::2] = 0
    lean = jacobian.without_zeros()
    assert lean.pattern.n_entries < jacobian.pattern.n_entries
    torch.testing.assert_close(lean.to_dense(), jacobian.to_dense())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda j: j.transpose_product(torch.zeros(3, 5)), r"v: shape \(3, 5\), expected \(3, 7\)"),
        (lambda j: j.product(torch.zeros(3, 7, 3)), r"w: shape \(3, 7, 3\), expected \(3, 5, 3\)"),
        (lambda j: SparseJacobian(j.pattern, torch.zeros(3, 1, 3)), r"blocks: shape \(3, 1, 3\), expected"),
        (lambda j: SparsityPattern.from_rows([[0, 5]], 5), "atoms 0 to 5, of 5 atoms"),
        (lambda j: SparsityPattern.from_rows([[0], [2, 2]], 5), "atom 2 is in row 1 more than once"),
    ],
)
def test_bad_input_is_named(generator, call, message):
    jacobian = random_jacobian(generator, "uneven", 3)
    with pytest.raises(InvalidArgument, match=message):
        call(jacobian)
