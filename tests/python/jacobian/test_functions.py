"""Jacobians of any function: patterns that lack nothing, colors that keep rows apart."""

import numpy as np
import pytest
import torch

from gnncv.errors import InvalidArgument
from gnncv.jacobian import PairDistances, SparseJacobian, SparsityPattern, find_pattern
from gnncv.jacobian.coloring import color_atoms, color_rows
from jacobian_systems import CELLS, N_ATOMS, NAMES, make_descriptor, random_positions

CUTOFF = 2.0


def bonds(x):
    return x[:, 1:] - x[:, :-1]


def switched_off(x):
    """Zero, with zero slope, between atoms farther than the cutoff."""
    d = bonds(x).norm(dim=2)
    return torch.where(d < CUTOFF, (1 - (d / CUTOFF) ** 2).clamp(min=0) ** 3, torch.zeros_like(d))


def through_views(x):
    """Values written through views into a buffer, in place."""
    buffer = torch.zeros(len(x), 2 * N_ATOMS, dtype=x.dtype)
    buffer[:, ::2] = x[..., 0] ** 2
    odd = buffer[:, 1::2]
    odd += x[..., 1]
    odd.mul_(x[..., 2])
    buffer.view(len(x), N_ATOMS, 2)[:, 3, 0] = x[:, 5, 1] * x[:, 6, 2]
    return buffer


def masked_matrix(x):
    """Rows of a distance matrix whose diagonal and a triangle are masked by constants."""
    n = x.shape[1]
    matrix = (x[:, :, None] - x[:, None]).square().sum(-1)
    mask = ~torch.eye(n, dtype=torch.bool)
    matrix[:, mask] = matrix[:, mask].sqrt()
    return (matrix * torch.ones(n, n).triu(1).to(x))[:, :3].sum(2)


def linear_algebra(x):
    weights = torch.zeros(3, N_ATOMS, dtype=x.dtype)
    weights[0, 1], weights[1, 2:5], weights[2, 6] = 1.0, 0.5, -2.0
    centers = weights @ x
    return torch.cat([centers.flatten(1), torch.linalg.cross(centers[:, 0], centers[:, 2])], 1)


def sums_and_orders(x):
    return torch.stack(
        [
            x[:, :2].sum((1, 2)),
            x[:, 3].softmax(-1)[:, 0],
            x[:, 4:6, 0].amax(1),
            x[:, 4:7, 1].sort(1).values[:, 0],
            x[:, 2].cumsum(1)[:, 1],
        ],
        1,
    )


def scattered(x):
    index = torch.tensor([0, 0, 1, 2, 2, 2, 1, 3])
    sums = torch.zeros(len(x), 4, 3, dtype=x.dtype).index_add(1, index, x.sin())
    return sums.prod(2)


def eigenvalues(x):
    return torch.linalg.eigvalsh(torch.exp(-torch.cdist(x[:, :4], x[:, :4])))


FUNCTIONS = [
    switched_off,
    through_views,
    masked_matrix,
    linear_algebra,
    sums_and_orders,
    scattered,
    eigenvalues,
]


def support(function, generator, n_points=300) -> torch.Tensor:
    """(D, N) whether a derivative differs from zero at any of many random points, near and far."""
    scale = torch.from_numpy(generator.uniform(0.1, 1, size=(n_points, 1, 1)))
    points = scale * random_positions(generator, n_points)
    jacobian = torch.autograd.functional.jacobian(lambda x: function(x).sum(0), points)
    return (jacobian != 0).any(3).any(1)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_dependency_is_missed(generator, function):
    """The pattern is found at one point, where as much as possible is switched off."""
    far = 100 * random_positions(generator, 1)
    found = find_pattern(function, far).to_mask()
    needed = support(function, generator)
    assert not (needed & ~found).any()
    if function is not eigenvalues:
        assert not found.all(), "a dense pattern would have done"


def test_a_switched_off_entry_is_there():
    far = 100.0 * torch.arange(N_ATOMS * 3, dtype=torch.float64).reshape(1, N_ATOMS, 3)
    assert switched_off(far).abs().max() == 0
    expected = PairDistances(N_ATOMS, [[i, i + 1] for i in range(N_ATOMS - 1)]).pattern.to_mask()
    assert torch.equal(find_pattern(switched_off, far).to_mask(), expected)


@pytest.mark.parametrize("name", NAMES)
def test_descriptors_as_functions(generator, name):
    descriptor, positions = make_descriptor(name, *CELLS["orthorhombic"]), random_positions(generator, 3)
    found = find_pattern(descriptor.__call__, positions)
    assert not (descriptor.pattern.to_mask() & ~found.to_mask()).any()
    values, jacobian = SparseJacobian.of(descriptor.__call__, positions)
    expected_values, expected = SparseJacobian.of(descriptor, positions)
    torch.testing.assert_close(values, expected_values, rtol=0, atol=1e-12)
    torch.testing.assert_close(jacobian.to_dense(), expected.to_dense(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_jacobian_is_that_of_autograd(generator, function):
    positions = random_positions(generator, 3)
    values, jacobian = SparseJacobian.of(function, positions, batch_size=2)
    dense = torch.autograd.functional.jacobian(lambda x: function(x).sum(0), positions).permute(1, 0, 2, 3)
    torch.testing.assert_close(values, function(positions), rtol=0, atol=1e-12)
    torch.testing.assert_close(jacobian.to_dense(), dense, rtol=0, atol=1e-10)


@pytest.mark.parametrize("by", ["rows", "atoms"])
def test_blocks_are_differentiable(generator, by):
    """A long chain is differentiated by rows, many values of one atom by atoms."""

    def chain(x):
        return bonds(x).square().sum(2)

    def many(x):
        return torch.cat([(k * x + x**2).sin().flatten(1) for k in range(1, 6)], 1)

    function = chain if by == "rows" else many
    positions = random_positions(generator, 1).requires_grad_()
    v = torch.from_numpy(generator.normal(size=tuple(function(positions).shape)))

    def gradient(x):
        return SparseJacobian.of(function, x)[1].transpose_product(v)

    assert torch.autograd.gradcheck(gradient, positions)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: bonds(x).norm(dim=2)[:, : int((x > 0).sum().item() >= 0) + 1],
        lambda x: torch.stack([d[d < CUTOFF].sum() for d in bonds(x).norm(dim=2)])[:, None],
        lambda x: x[:, :1, 0] if x[0, 0, 0] > 0 else x[:, 1:2, 0],
        lambda x: torch.stack([x[0, i].sum() for i in (x[0, :, 0] > 1e9).nonzero()] or [x[0, 0, 0]])[None],
    ],
)
def test_what_branches_on_positions_is_taken_as_dense(generator, function):
    positions = random_positions(generator, 1)
    with pytest.warns(UserWarning, match="the function's course depends on positions"):
        assert find_pattern(function, positions).to_mask().all()


def test_the_users_pattern(generator):
    positions = random_positions(generator, 3)
    chain = [[i, i + 1] for i in range(N_ATOMS - 1)]
    exact = SparsityPattern.from_rows(chain, N_ATOMS)
    expected = SparseJacobian.of(switched_off, positions)[1].to_dense()
    for pattern in (chain, exact, exact.to_mask(), SparsityPattern.dense(N_ATOMS - 1, N_ATOMS)):
        found = SparseJacobian.of(switched_off, positions, pattern)[1].to_dense()
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("function", "pattern", "message"),
    [
        (
            lambda x: bonds(x).norm(dim=2),
            [[i] for i in range(N_ATOMS - 1)],
            "pattern: the function's gradient",
        ),
        (lambda x: x[:, :, 0] * x.mean(0)[:, 1], [[i] for i in range(N_ATOMS)], "depend on other frames"),
        (lambda x: x[:, :, 0], [[0]], "its pattern has 1 rows"),
        (lambda x: x[:, :, 0], torch.ones(N_ATOMS, 3), "pattern: of 3 atoms, and the positions are of 8"),
    ],
)
def test_a_wrong_pattern_is_refused(generator, function, pattern, message):
    with pytest.raises(InvalidArgument, match=message):
        SparseJacobian.of(function, random_positions(generator, 3), pattern)


@pytest.mark.parametrize("shape", [(30, 12), (1, 5), (200, 20), (5, 0)])
def test_colors_keep_apart_what_shares(generator, shape):
    mask = torch.from_numpy(generator.random(shape) < 0.1)
    pattern = SparsityPattern.from_mask(mask)
    for colors, members in ((color_rows(pattern), mask), (color_atoms(pattern), mask.T)):
        assert len(colors) == len(members)
        for color in np.unique(colors):
            assert (members[torch.from_numpy(colors == color)].sum(0) <= 1).all()


def test_pair_distances_take_few_colors():
    """All pairs of n atoms need n - 1 or n colors; first fit takes less than twice that."""
    colors = color_rows(PairDistances(45).pattern)
    assert 45 <= colors.max() + 1 < 90
