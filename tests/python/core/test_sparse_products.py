"""The operators on Jacobians in compressed rows against their references."""

import pytest
import torch

from gnncv._native import load_operators
from gnncv.jacobian import SparsityPattern
from gnncv.nn import reference

load_operators()
ops = torch.ops.gnncv
SIZES = [(0, 0, 0), (3, 1, 1), (1, 7, 5), (6, 40, 12)]


def random_problem(generator, n_frames, n_rows, n_atoms, n_outputs, dtype):
    mask = torch.from_numpy(generator.random((n_rows, n_atoms)) < 0.4)
    pattern = SparsityPattern.from_mask(mask)

    def random(*shape):
        return torch.from_numpy(generator.normal(size=shape)).to(dtype).requires_grad_()

    blocks = random(n_frames, pattern.n_entries, 3)
    return blocks, random(n_frames, n_rows, n_outputs), random(n_frames, n_atoms, 3, n_outputs), pattern.parts


def compare(name, arguments, inputs, dtype):
    tolerance = 1e-12 if dtype == torch.float64 else 1e-4
    fused, plain = getattr(ops, name)(*arguments), getattr(reference, name)(*arguments)
    torch.testing.assert_close(fused, plain, rtol=tolerance, atol=tolerance)
    weights = torch.linspace(-1, 1, plain.numel(), dtype=dtype).reshape(plain.shape)
    for ours, theirs in zip(
        *(torch.autograd.grad((weights * out.square()).sum(), inputs) for out in (fused, plain)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=10 * tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("sizes", SIZES)
def test_values_and_gradients_are_those_of_the_references(generator, sizes, n_outputs, dtype):
    blocks, v, w, pattern = random_problem(generator, *sizes, n_outputs, dtype)
    compare("sparse_transpose_product", (blocks, v, pattern), (blocks, v), dtype)
    compare("sparse_product", (blocks, w, pattern), (blocks, w), dtype)
    compare("sparse_entry_product", (v, w, pattern), (v, w), dtype)


def test_frames(generator):
    blocks, v, w, pattern = random_problem(generator, 4, 9, 6, 2, torch.float64)
    frames = torch.tensor([3, 0, 0, 2])
    compare("sparse_transpose_product", (blocks, v, pattern, frames), (blocks, v), torch.float64)
    compare("sparse_product", (blocks, w, pattern, frames), (blocks, w), torch.float64)
    with pytest.raises(IndexError, match="frame 4 of 4"):
        ops.sparse_product(blocks, w, pattern, frames + 1)


def test_derivatives_of_any_order(generator):
    blocks, v, w, pattern = random_problem(generator, 2, 4, 3, 2, torch.float64)
    frames = torch.tensor([1, 0])
    for function, inputs in (
        (lambda b, v: ops.sparse_transpose_product(b, v, pattern, frames), (blocks, v)),
        (lambda b, w: ops.sparse_product(b, w, pattern), (blocks, w)),
        (lambda v, w: ops.sparse_entry_product(v, w, pattern), (v, w)),
    ):
        assert torch.autograd.gradcheck(function, inputs)
        assert torch.autograd.gradgradcheck(function, inputs)


class WithoutKernels:
    """The operators as devices without kernels of their own run them, here on the CPU's tensors."""

    def __getattr__(self, name):
        keys = torch._C.DispatchKeySet(torch._C.DispatchKey.CUDA)
        operator = getattr(ops, name).default
        return lambda *arguments: operator.redispatch(keys, *arguments)


@pytest.mark.parametrize("sizes", SIZES)
def test_devices_without_a_kernel_compute_the_same(generator, sizes):
    blocks, v, w, pattern = random_problem(generator, *sizes, 2, torch.float64)
    blocks, v, w = (x.detach() for x in (blocks, v, w))
    frames = torch.arange(sizes[0]).flip(0)
    for name, arguments in (
        ("sparse_transpose_product", (blocks, v, pattern, None)),
        ("sparse_transpose_product", (blocks, v, pattern, frames)),
        ("sparse_product", (blocks, w, pattern, frames)),
        ("sparse_entry_product", (v, w, pattern)),
    ):
        ours, expected = (getattr(those, name)(*arguments) for those in (WithoutKernels(), reference))
        torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda b, v, w, p: ops.sparse_transpose_product(b, v[:, :2], p), r"v must have shape \(F, 9, K\)"),
        (lambda b, v, w, p: ops.sparse_product(b, w[:, :, :2], p), r"w must have shape \(F, 6, 3, K\)"),
        (lambda b, v, w, p: ops.sparse_product(b[:1], w, p), "1 frames of blocks and 2 of the vector"),
        (lambda b, v, w, p: ops.sparse_product(b[:, :2], w, p), "blocks must have shape"),
        (lambda b, v, w, p: ops.sparse_entry_product(v, w, p[:2]), "pattern must have 5 tensors, got 2"),
        (lambda b, v, w, p: ops.sparse_entry_product(v, w[..., :1], p), "differ in frames or outputs"),
    ],
)
def test_bad_input_is_named(generator, call, message):
    blocks, v, w, pattern = random_problem(generator, 2, 9, 6, 2, torch.float64)
    with pytest.raises(ValueError, match=message):
        call(blocks, v, w, pattern)
