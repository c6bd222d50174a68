"""The operators against sphericart, plain PyTorch and finite differences (gradcheck)."""

import math

import numpy as np
import pytest
import sphericart
import torch

from gnncv._native import load_operators

load_operators()
ops = torch.ops.gnncv
PRECISIONS = [torch.float32, torch.float64]
# Pairs of each center: none at the ends and in between, one, and more than a vector register holds.
ROWS = [0, 1, 9, 0, 17, 4, 0]


@pytest.fixture
def seed(generator) -> None:
    torch.manual_seed(int(generator.integers(2**31)))


def pairs(counts=ROWS):
    row_ptr = torch.tensor([0, *np.cumsum(counts)], dtype=torch.int64)
    center = torch.repeat_interleave(torch.arange(len(counts)), row_ptr.diff())
    neighbor = torch.randint(max(1, len(counts)), (int(row_ptr[-1]),))
    return row_ptr, center, neighbor


def tensors(*shapes, dtype=torch.float64):
    return [torch.randn(*shape, dtype=dtype, requires_grad=True) for shape in shapes]


def close(actual, expected, dtype):
    tolerance = 1e-12 if dtype == torch.float64 else 2e-5
    scale = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
    torch.testing.assert_close(actual.to(expected.dtype), expected, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("n_radial", [1, 3, 4, 9])
@pytest.mark.parametrize("l_max", [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 13])
def test_bond_densities_are_those_of_sphericart(seed, l_max, n_radial, dtype):
    row_ptr, center, _ = pairs()
    vectors, radial = tensors((len(center), 3), (len(center), n_radial))
    reference = sphericart.SphericalHarmonics(l_max)
    values, gradients = reference.compute_with_gradients(vectors.detach().numpy())
    harmonics, slopes = torch.from_numpy(values), torch.from_numpy(gradients)  # (P,lm), (P,3,lm)
    expected = torch.zeros(len(ROWS), n_radial, (l_max + 1) ** 2, dtype=torch.float64)
    expected.index_add_(0, center, radial.detach()[:, :, None] * harmonics[:, None])
    inputs = [x.detach().to(dtype).requires_grad_() for x in (vectors, radial)]
    densities = ops.bond_densities(*inputs, row_ptr, l_max)
    close(densities, expected, dtype)

    weights = torch.randn_like(expected)
    by_vectors, by_radial = torch.autograd.grad(densities, inputs, weights.to(dtype))
    close(by_radial, (weights[center] * harmonics[:, None]).sum(-1), dtype)
    close(by_vectors, torch.einsum("pkm,pk,pam->pa", weights[center], radial.detach(), slopes), dtype)


def test_harmonics_at_the_poles_and_of_zero():
    vectors = torch.tensor([[0, 0, 2.0], [0, 0, -0.5], [0, 0, 0]], dtype=torch.float64, requires_grad=True)
    radial = torch.ones(3, 1, dtype=torch.float64)
    densities = ops.bond_densities(vectors, radial, torch.tensor([0, 1, 2, 3]), 6)[:, 0]
    north = torch.zeros(49, dtype=torch.float64)
    for degree in range(7):
        north[degree**2 + degree] = math.sqrt((2 * degree + 1) / (4 * math.pi))
    torch.testing.assert_close(densities[0], north)
    (gradient,) = torch.autograd.grad(densities.sum(), vectors)
    assert torch.isfinite(gradient).all()
    assert (gradient[2] == 0).all()


@pytest.mark.parametrize("counts", [ROWS, [0], [], [1], [0, 0, 3]])
@pytest.mark.parametrize(
    ("operator", "shapes"),
    [
        ("pair_geometry", lambda p, n: [(p, 3)]),
        ("bond_densities", lambda p, n: [(p, 3), (p, 2)]),
        ("density_invariants", lambda p, n: [(n, 2, 16)]),
        ("segment_sum", lambda p, n: [(p, 3)]),
        ("message_passing", lambda p, n: [(p, 3), (n, 3)]),
        ("message_passing", lambda p, n: [(p, 1), (n, 3)]),
        ("message_passing", lambda p, n: [(p, 11), (n, 11)]),
        ("attention_message_passing", lambda p, n: [(p, 2), (p,), (p, 6), (n, 6)]),
    ],
)
def test_first_derivatives(seed, operator, shapes, counts):
    row_ptr, _, neighbor = pairs(counts)
    rest = {
        "pair_geometry": (),
        "bond_densities": (row_ptr, 3),
        "density_invariants": (3,),
        "segment_sum": (row_ptr,),
        "message_passing": (neighbor, row_ptr),
        "attention_message_passing": (neighbor, row_ptr, 0.3),
    }[operator]
    inputs = tensors(*shapes(int(row_ptr[-1]), len(counts)))
    if operator == "attention_message_passing":
        inputs[1] = inputs[1].detach().abs().requires_grad_()
    assert torch.autograd.gradcheck(lambda *x: getattr(ops, operator)(*x, *rest), inputs)


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_values_are_those_of_plain_torch(seed, dtype):
    row_ptr, center, neighbor = pairs()
    n, p = len(ROWS), len(center)
    vectors, filters, features, densities = [
        x.detach() for x in tensors((p, 3), (p, 6), (n, 6), (n, 2, 16), dtype=dtype)
    ]
    distances, directions = ops.pair_geometry(vectors)
    close(distances, vectors.norm(dim=1), dtype)
    close(directions, vectors / vectors.norm(dim=1, keepdim=True), dtype)
    zeros = torch.zeros(n, 6, dtype=dtype)
    close(ops.segment_sum(filters, row_ptr), zeros.index_add(0, center, filters), dtype)
    messages = zeros.index_add(0, center, filters * features[neighbor])
    close(ops.message_passing(filters, features, neighbor, row_ptr), messages, dtype)
    messages = zeros.index_add(0, center, filters[:, :1] * features[neighbor])
    close(ops.message_passing(filters[:, :1], features, neighbor, row_ptr), messages, dtype)
    degrees = [densities[..., k * k : (k + 1) ** 2] for k in range(4)]
    invariants = [4 * math.pi / (2 * k + 1) * (a * a).sum(-1) for k, a in enumerate(degrees)]
    close(ops.density_invariants(densities, 3), torch.stack(invariants, -1), dtype)


@pytest.mark.parametrize("shift", [0.0, 300.0, -300.0])
@pytest.mark.parametrize("lone", [0.0, 0.3])
def test_attention_is_that_of_plain_torch(seed, lone, shift):
    """Large logits neither overflow nor lose the lone weight; a center without pairs gets zero."""
    row_ptr, center, neighbor = pairs()
    n, p = len(ROWS), len(center)
    logits, filters, features = [x.detach() for x in tensors((p, 2), (p, 6), (n, 6))]
    switching = torch.rand(p, dtype=torch.float64)
    logits += shift
    weights = switching[:, None] * logits.exp()
    total = lone + torch.zeros(n, 2, dtype=torch.float64).index_add(0, center, weights)
    attention = (weights / total[center]).repeat_interleave(3, dim=1)
    messages = attention * filters * features[neighbor]
    expected = torch.zeros(n, 6, dtype=torch.float64).index_add(0, center, messages)
    actual = ops.attention_message_passing(logits, switching, filters, features, neighbor, row_ptr, lone)
    close(actual, expected, torch.float64)
    assert (actual[0] == 0).all()


@pytest.mark.parametrize(("shift", "lone"), [(2000.0, 0.3), (-2000.0, 0.0)])
def test_attention_does_not_overflow(seed, shift, lone):
    """Weights are ratios: a common shift of the logits changes nothing where the lone weight is small."""
    row_ptr, center, neighbor = pairs()
    logits, switching, filters, features = tensors((len(center), 2), (len(center),), (len(center), 6), (7, 6))
    rest = (switching.detach().abs(), filters.detach(), features.detach(), neighbor, row_ptr)
    logits = (64 * logits.detach()).round() / 64  # exact under the shift
    expected = ops.attention_message_passing(logits, *rest, 0.0)
    close(ops.attention_message_passing(logits + shift, *rest, lone), expected, torch.float64)


def test_attention_without_any_weight_is_zero():
    row_ptr, neighbor = torch.tensor([0, 2, 2]), torch.tensor([1, 1])
    logits, filters, features = tensors((2, 1), (2, 3), (2, 3))
    switching = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    out = ops.attention_message_passing(logits, switching, filters, features, neighbor, row_ptr, 0.0)
    gradients = torch.autograd.grad(out.sum(), [logits, switching, filters, features])
    assert (out == 0).all()
    assert all((gradient == 0).all() for gradient in gradients)


def test_inputs_need_not_be_contiguous(seed):
    row_ptr, center, neighbor = pairs()
    p, n = len(center), len(ROWS)
    vectors, radial, features = [x.detach() for x in tensors((3, p), (4, p), (4, n))]
    spread = torch.stack([row_ptr, row_ptr], 1)[:, 0]
    torch.testing.assert_close(
        ops.bond_densities(vectors.T, radial.T, spread, 3),
        ops.bond_densities(vectors.T.contiguous(), radial.T.contiguous(), row_ptr, 3),
    )
    torch.testing.assert_close(
        ops.message_passing(radial.T, features.T, neighbor, spread),
        ops.message_passing(radial.T.contiguous(), features.T.contiguous(), neighbor, row_ptr),
    )


def test_second_derivatives_are_refused(seed):
    row_ptr, center, neighbor = pairs()
    p, n = len(center), len(ROWS)
    vectors, radial, features, switching = tensors((p, 3), (p, 4), (n, 4), (p,))
    results = {
        "pair_geometry": ops.pair_geometry(vectors)[0],
        "bond_densities": ops.bond_densities(vectors, radial, row_ptr, 2),
        "segment_sum": ops.segment_sum(vectors, row_ptr),
        "message_passing": ops.message_passing(radial, features, neighbor, row_ptr),
        "density_invariants": ops.density_invariants(ops.bond_densities(vectors, radial, row_ptr, 2), 2),
        "attention_message_passing": ops.attention_message_passing(
            radial, switching, radial, features, neighbor, row_ptr, 1.0
        ),
    }
    for name, result in results.items():
        with pytest.raises(NotImplementedError, match=f"gnncv::{name} has first derivatives only"):
            result.sum().backward(create_graph=True)


def test_wrong_rows_are_refused():
    row_ptr, _, neighbor = pairs()
    p, n = len(neighbor), len(ROWS)
    values, features = torch.ones(p, 2), torch.ones(n, 2)
    with pytest.raises(ValueError, match="row_ptr runs from 0 to 31, expected 0 to 30"):
        ops.segment_sum(values[:-1], row_ptr)
    with pytest.raises(ValueError, match="row_ptr decreases after center 1"):
        ops.segment_sum(values, torch.tensor([0, 20, 10, p]))
    with pytest.raises(ValueError, match=r"neighbor\[2\] is 7, expected 0 to 6"):
        bad = neighbor.clone()
        bad[2] = 7
        ops.message_passing(values, features, bad, row_ptr)
    with pytest.raises(TypeError, match="must be int64"):
        ops.segment_sum(values, row_ptr.int())
    with pytest.raises(TypeError, match="expected float32 or float64"):
        ops.segment_sum(values.half(), row_ptr)
    with pytest.raises(ValueError, match="l_max must be 0 to 16, got 17"):
        ops.bond_densities(torch.ones(p, 3), values, row_ptr, 17)


def test_sums_are_deterministic(seed):
    row_ptr, center, neighbor = pairs([40] * 30)
    vectors, radial, features = tensors((len(center), 3), (len(center), 4), (30, 4), dtype=torch.float32)

    def run():
        densities = ops.bond_densities(vectors, radial, row_ptr, 6)
        messages = ops.message_passing(radial, features, neighbor, row_ptr)
        loss = (densities**2).sum() + (messages**2).sum()
        return [loss, *torch.autograd.grad(loss, [vectors, radial, features])]

    for first, second in zip(run(), run(), strict=True):
        assert torch.equal(first, second)
