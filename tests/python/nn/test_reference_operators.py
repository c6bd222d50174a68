"""The references have right derivatives of every order, and agree with sphericart and the fused operators."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from gnncv.nn import operators, reference
from gnncv.nn.reference.bond_densities import spherical_harmonics


def random_list(n: int, degree: int, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Neighbor indices and row offsets; about one center in four has no pair."""
    counts = generator.integers(0, degree + 1, n) * (generator.random(n) < 0.75)
    neighbor = generator.integers(0, max(n, 1), counts.sum())
    return torch.from_numpy(neighbor), torch.from_numpy(np.concatenate([[0], np.cumsum(counts)]))


def tensor(generator: np.random.Generator, *shape: int) -> Tensor:
    return torch.from_numpy(generator.normal(size=shape)).requires_grad_()


def cases(n: int, generator: np.random.Generator) -> dict[str, tuple[Callable, tuple]]:
    """Every operator with random arguments: tensors to differentiate first."""
    neighbor, row_ptr = random_list(n, 4, generator)
    p, k, c, l_max = len(neighbor), 2, 4, 3
    draw = lambda *shape: tensor(generator, *shape)  # noqa: E731
    switching = torch.from_numpy(generator.random(p)).requires_grad_()
    return {
        "pair_geometry": (lambda o: o.pair_geometry, (draw(p, 3),)),
        "bond_densities": (lambda o: o.bond_densities, (draw(p, 3), draw(p, k), row_ptr, l_max)),
        "density_invariants": (lambda o: o.density_invariants, (draw(n, k, (l_max + 1) ** 2), l_max)),
        "segment_sum": (lambda o: o.segment_sum, (draw(p, c), row_ptr)),
        "message_passing": (lambda o: o.message_passing, (draw(p, c), draw(n, c), neighbor, row_ptr)),
        "broadcast": (lambda o: o.message_passing, (draw(p, 1), draw(n, c), neighbor, row_ptr)),
        "attention": (
            lambda o: o.attention_message_passing,
            (draw(p, 2), switching, draw(p, c), draw(n, c), neighbor, row_ptr, 0.7),
        ),
    }


def joined(output: Tensor | tuple[Tensor, ...]) -> Tensor:
    return torch.cat([t.reshape(-1) for t in (output if isinstance(output, tuple) else (output,))])


@pytest.mark.parametrize("n", [0, 1, 2, 7, 64])
def test_fused_operators_equal_their_references(n: int, generator: np.random.Generator) -> None:
    """Values and gradients, with centers that have no pair."""
    for name, (choose, arguments) in cases(n, generator).items():
        inputs = [a for a in arguments if isinstance(a, Tensor) and a.requires_grad]
        expected = joined(choose(reference)(*arguments))
        computed = joined(choose(operators)(*arguments))
        weights = torch.from_numpy(generator.normal(size=expected.shape))
        torch.testing.assert_close(
            computed, expected, rtol=1e-12, atol=1e-12, msg=lambda m, n=name: f"{n}: {m}"
        )
        ours = torch.autograd.grad(computed.dot(weights), inputs)
        exact = torch.autograd.grad(expected.dot(weights), inputs)
        for a, b in zip(ours, exact, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11, msg=lambda m, n=name: f"{n}: {m}")


def test_second_derivatives_of_the_references(generator: np.random.Generator) -> None:
    for name, (choose, arguments) in cases(3, generator).items():
        inputs = tuple(a for a in arguments if isinstance(a, Tensor) and a.requires_grad)
        rest = arguments[len(inputs) :]
        assert torch.autograd.gradgradcheck(lambda *x, c=choose, r=rest: c(reference)(*x, *r), inputs), name


def test_harmonics_are_those_of_sphericart(generator: np.random.Generator) -> None:
    sphericart = pytest.importorskip("sphericart")
    directions = generator.normal(size=(50, 3))
    expected = sphericart.SphericalHarmonics(8).compute(directions)
    unit = torch.from_numpy(directions / np.linalg.norm(directions, axis=1, keepdims=True))
    np.testing.assert_allclose(spherical_harmonics(unit, 8).numpy(), expected, rtol=1e-10, atol=1e-12)


def test_references_are_used_on_request(generator: np.random.Generator) -> None:
    """Inside the context a second derivative exists."""
    vectors = tensor(generator, 5, 3)
    with operators.use_references():
        distances, _ = operators.pair_geometry(vectors)
        (first,) = torch.autograd.grad(distances.sum(), vectors, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum() + first[:, 0].sum(), vectors)
    assert second.abs().max() > 0
