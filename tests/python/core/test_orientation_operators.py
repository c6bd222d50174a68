"""orientation_densities against its reference, and what orientations must not depend on."""

import numpy as np
import pytest
import torch

from gnncv._native import load_operators
from gnncv.nn import operators, reference
from pair_structures import CUTOFF, Structure, compare, random_axes, random_table
from systems import BOXES, random_rotation

load_operators()
ops = torch.ops.gnncv
# Which axes are headless, and the highest degree of polynomials.
TERMS = [([1], 4), ([1], 2), ([0], 4), ([1, 1], 2), ([1, 0], 4), ([0, 0], 2), ([0, 1, 0], 4), ([1] * 4, 4)]


def arguments(at, axes, table, headless, degree, n_species=2):
    """Arguments of orientation_densities after the vectors."""
    types = at.types % n_species
    return (axes, at.neighbor, at.row_ptr, types, table, CUTOFF, n_species, headless, degree)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("n_atoms", [1, 2, 30])
@pytest.mark.parametrize("box", BOXES)
def test_it_is_its_reference(box, n_atoms, dtype, generator):
    """Positions, strain and axes, of which some are absent; a periodic site is its own neighbor."""
    at = Structure(box, n_atoms, generator)
    table = random_table(generator, 5, dtype)
    for headless, degree in TERMS:
        axes = random_axes(generator, n_atoms, len(headless), dtype)
        rest = arguments(at, axes, table, headless, degree)
        results = [source.orientation_densities(at.vectors(dtype), *rest) for source in (ops, reference)]
        compare(*results, [at.positions, at.strain, axes], generator, dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("n_species", [1, 2, 3])
@pytest.mark.parametrize("n_radial", [1, 3, 4, 8, 9])
def test_numbers_of_channels_and_species(n_radial, n_species, dtype, generator):
    """Tiles and registers that are not full; a species that no site has."""
    at = Structure("triclinic", 20, generator)
    table = random_table(generator, n_radial + 1, dtype)
    for headless, degree in (([1], 4), ([0, 1], 2), ([1, 0, 1], 2)):
        axes = random_axes(generator, 20, len(headless), dtype)
        rest = arguments(at, axes, table, headless, degree, n_species)
        results = [source.orientation_densities(at.vectors(dtype), *rest) for source in (ops, reference)]
        assert results[0][0].shape == results[1][0].shape
        compare(*results, [at.positions, at.strain, axes], generator, dtype)


@pytest.mark.parametrize(("headless", "degree"), TERMS)
def test_derivatives_are_those_of_differences(headless, degree, generator):
    """Of free vectors and free axes: the polynomials are right for axes that are no unit vectors, too."""
    at = Structure("cubic", 4, generator)
    table = random_table(generator, 3, torch.float64)
    axes = random_axes(generator, 4, len(headless), torch.float64)

    def densities(vectors, axes):
        return ops.orientation_densities(vectors, *arguments(at, axes, table, headless, degree))

    vectors = at.vectors()[:9].detach().requires_grad_()
    at.neighbor, at.row_ptr = at.neighbor[:9], at.row_ptr.clamp(max=9)
    assert torch.autograd.gradcheck(densities, (vectors, axes))


@pytest.mark.parametrize(("headless", "degree"), TERMS)
def test_turned_moved_and_inverted_they_are_the_same(headless, degree, generator):
    at = Structure("open", 25, generator)
    table = random_table(generator, 4, torch.float64)
    axes = random_axes(generator, 25, len(headless), torch.float64).detach()
    vectors = at.vectors().detach()
    turn = torch.tensor(random_rotation(generator).tolist(), dtype=torch.float64)
    expected = ops.orientation_densities(vectors, *arguments(at, axes, table, headless, degree))
    # Inversion turns axes with a head; the normal of a ring stays, and of other headless ones it is the same.
    inverted = axes * (2.0 * torch.tensor(headless, dtype=torch.float64)[:, None] - 1.0)
    for moved, turned in ((vectors @ turn.T, axes @ turn.T), (-vectors, inverted)):
        got = ops.orientation_densities(moved, *arguments(at, turned, table, headless, degree))
        for ours, theirs in zip(got, expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12 * max(1.0, float(theirs.abs().max())))


@pytest.mark.parametrize(("headless", "degree"), TERMS)
def test_headless_axes_have_no_sign_and_others_have(headless, degree, generator):
    at = Structure("triclinic", 16, generator)
    table = random_table(generator, 4, torch.float64)
    axes = random_axes(generator, 16, len(headless), torch.float64).detach()
    polar = torch.tensor(headless) == 0
    signs = torch.from_numpy(generator.choice([-1.0, 1.0], (16, len(headless), 1)))
    signs[3] = -1.0  # not all of them are one
    call = lambda a: ops.orientation_densities(  # noqa: E731
        at.vectors().detach(), *arguments(at, a, table, headless, degree)
    )[0]
    expected = call(axes)
    kept = torch.where(polar[:, None], torch.ones_like(signs), signs)
    torch.testing.assert_close(call(axes * kept), expected, rtol=0, atol=1e-12 * float(expected.abs().max()))
    if polar.any():
        assert not torch.allclose(call(axes * torch.where(polar[:, None], signs, 1.0)), expected)


def test_a_site_without_axes_adds_nothing(generator):
    """The densities of its neighbors are those of a list without it, those of its own axes are zero."""
    at = Structure("cubic", 12, generator)
    table = random_table(generator, 4, torch.float64)
    axes = random_axes(generator, 12, 2, torch.float64).detach()
    bare = torch.from_numpy(generator.choice(12, 5, replace=False))
    axes[bare] = 0.0
    axes.requires_grad_()
    densities, _ = ops.orientation_densities(at.vectors(), *arguments(at, axes, table, [1, 1], 4, 1))
    # first 4 terms of the center's axes, 4 of the neighbor's, then of both
    assert not densities[bare][:, :, :4].any()
    assert not densities[bare][:, :, 8:].any()
    keep = ~torch.isin(at.neighbor, bare)
    kept = at.vectors()[keep]
    at.row_ptr = torch.cat([at.row_ptr[:1], torch.bincount(at.center[keep], minlength=12).cumsum(0)])
    at.neighbor = at.neighbor[keep]
    without, _ = ops.orientation_densities(kept, *arguments(at, axes, table, [1, 1], 4, 1))
    torch.testing.assert_close(without[:, :, 4:], densities[:, :, 4:], rtol=0, atol=1e-12)
    (slope,) = torch.autograd.grad(densities.square().sum(), axes)
    assert not slope[bare].any(), "even polynomials are flat there"


def test_exchanged_sites_exchange_their_densities(generator):
    at = Structure("slab", 18, generator)
    table = random_table(generator, 4, torch.float64)
    axes = random_axes(generator, 18, 1, torch.float64).detach()
    expected = ops.orientation_densities(at.vectors(), *arguments(at, axes, table, [1], 4))[0].detach()
    new = torch.from_numpy(generator.permutation(18))  # site i becomes site new[i]
    center, neighbor = new[at.center], new[at.neighbor]
    order = torch.from_numpy(np.lexsort((generator.random(len(center)), center.numpy())))
    row_ptr = torch.cat([at.row_ptr[:1], torch.bincount(center, minlength=18).cumsum(0)])
    back = torch.argsort(new)
    got = ops.orientation_densities(
        at.vectors()[order], axes[back], neighbor[order], row_ptr, at.types[back], table, CUTOFF, 2, [1], 4
    )[0]
    torch.testing.assert_close(got[new], expected, rtol=0, atol=1e-12 * float(expected.abs().max()))


def test_sites_without_neighbors_and_no_sites_at_all(generator):
    """Isolated sites among others have densities and gradients of zero."""
    at = Structure("open", 6, generator)
    table = random_table(generator, 4, torch.float64)
    axes = random_axes(generator, 8, 1, torch.float64)
    row_ptr = torch.cat([at.row_ptr[:1], at.row_ptr, at.row_ptr[-1:]])  # one before and one behind
    types = torch.zeros(8, dtype=torch.int64)
    rest = (axes, at.neighbor + 1, row_ptr, types, table, CUTOFF, 1, [1], 4)
    results = [source.orientation_densities(at.vectors(), *rest) for source in (ops, reference)]
    assert not results[0][0][[0, 7]].any()
    compare(*results, [at.positions, axes], generator, torch.float64)
    none = torch.zeros(0, dtype=torch.int64)
    vectors = torch.zeros(0, 3, dtype=torch.float64, requires_grad=True)
    nothing = axes[:0].detach().requires_grad_()
    rest = (nothing, none, torch.zeros(1, dtype=torch.int64), none, table, CUTOFF, 1, [1], 4)
    out, count = ops.orientation_densities(vectors, *rest)
    assert out.shape == (0, 3, 7)
    slopes = torch.autograd.grad(out.sum() + count.sum(), [vectors, nothing])
    assert [s.shape for s in slopes] == [(0, 3), (0, 1, 3)]


def test_a_vector_of_zeros_has_no_direction(generator):
    """Cosines with it are zero, those of the axes are what they are, and its gradient is zero."""
    table = random_table(generator, 3, torch.float64)
    axes = random_axes(generator, 2, 1, torch.float64)
    axes.data[1] = axes.data[0]  # parallel: P_1, P_2 and P_4 of z are one
    vectors = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    rows = (torch.tensor([1, 0]), torch.tensor([0, 1, 2]), torch.tensor([0, 0]))
    out, _ = ops.orientation_densities(vectors, axes, *rows, table, CUTOFF, 1, [0], 4)
    expected = table[0, 0, :2, None] * torch.tensor([0.0, -0.5, 0.375] * 2 + [1.0] * 3 + [0.0]).double()
    torch.testing.assert_close(out.detach(), expected.expand(2, 2, 10), rtol=0, atol=1e-12)
    (slope,) = torch.autograd.grad(out.square().sum(), vectors)
    assert not slope.any()


@pytest.mark.parametrize("wanted", ["vectors", "axes"])
def test_what_needs_no_gradient_changes_nothing(wanted, generator):
    at = Structure("cubic", 10, generator)
    table = random_table(generator, 4, torch.float64)
    leaves = {
        "vectors": at.vectors().detach(),
        "axes": random_axes(generator, 10, 2, torch.float64).detach(),
    }

    def gradient(names):
        inputs = {name: leaf.clone().requires_grad_(name in names) for name, leaf in leaves.items()}
        rest = arguments(at, inputs["axes"], table, [1, 0], 4)
        out, count = ops.orientation_densities(inputs["vectors"], *rest)
        return torch.autograd.grad(out.square().sum() + count.square().sum(), inputs[wanted])[0]

    alone, beside = gradient([wanted]), gradient(list(leaves))
    torch.testing.assert_close(alone, beside, rtol=0, atol=1e-12 * float(beside.abs().max()))


@pytest.mark.parametrize("n_threads", [2, 3])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_threads_share_the_sites(n_threads, dtype, generator):
    """Gradients of axes reach sites of other shares; with a number of threads the same bits every time."""
    at = Structure("cubic", 300, generator)
    table = random_table(generator, 5, dtype)
    axes = random_axes(generator, 300, 2, dtype)

    def everything():
        out = operators.orientation_densities(at.vectors(dtype), *arguments(at, axes, table, [1, 0], 2))
        total = sum(x.square().sum() for x in out)
        return [*out, *torch.autograd.grad(total, [at.positions, axes])]

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone, once_more = everything(), everything()
        torch.set_num_threads(n_threads)
        together, again = everything(), everything()
    finally:
        torch.set_num_threads(before)
    for one, other in ((alone, once_more), (together, again), (alone[:2], together[:2])):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    for a, b in zip(alone[2:], together[2:], strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=tolerance * float(a.abs().max()))


def test_bad_arguments_are_named(generator):
    at = Structure("cubic", 4, generator)
    table = random_table(generator, 3, torch.float64)
    axes = random_axes(generator, 4, 2, torch.float64)
    good = [at.vectors(), *arguments(at, axes, table, [1, 1], 4)]
    for place, bad, message in (
        (0, at.vectors().float(), "vectors are Float, expected Double"),
        (1, axes[:, :1], r"axes must have shape \(4, 2, 3\), got \[4, 1, 3\]"),
        (1, axes.float(), "axes are Float, expected Double as the table"),
        (2, at.neighbor + 4, "neighbor"),
        (4, at.types[:2], r"types must be int64 of shape \(4,\)"),
        (5, table[:, :, :1], "radial channel and the switching function"),
        (6, 0.0, "cutoff must be positive"),
        (7, 0, "n_species must be at least 1"),
        (8, [], "headless must say of 1 to 4 axes"),
        (8, [1] * 5, "headless must say of 1 to 4 axes"),
        (9, 3, "degree must be 2 or 4, got 3"),
    ):
        given = list(good)
        given[place] = bad
        with pytest.raises((ValueError, TypeError), match=message):
            ops.orientation_densities(*given)
    with pytest.raises(NotImplementedError, match="first derivatives only"):
        torch.autograd.grad(ops.orientation_densities(*good)[0].sum(), axes, create_graph=True)
