"""orientation_invariants against its reference, through positions: the list must hold both directions."""

import pytest
import torch

from gnncv._native import load_operators
from gnncv.nn import reference
from pair_structures import CUTOFF, Structure, compare, random_axes, random_table
from systems import BOXES

load_operators()
ops = torch.ops.gnncv


def arguments(at, axes, table, headless, degree, average, generator, n_species=2):
    """Arguments of orientation_invariants after the vectors."""
    n_rows = n_species * (table.shape[2] - 1)
    n_features = (2 if average else 1) * n_rows * reference.count_orientation_terms(headless, degree)
    mean, scale = (torch.from_numpy(generator.uniform(0.5, 1.5, n_features)) for _ in range(2))
    pairs = (axes, at.neighbor, at.row_ptr, at.types % n_species, table, CUTOFF, n_species)
    return (*pairs, headless, degree, average, mean, scale)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("n_atoms", [1, 2, 30])
@pytest.mark.parametrize("box", BOXES)
def test_it_is_its_reference(box, n_atoms, average, dtype, generator):
    at = Structure(box, n_atoms, generator)
    for headless, degree, n_radial, n_species in (([1], 2, 1, 1), ([1], 4, 4, 2), ([0, 1], 4, 3, 2)):
        table = random_table(generator, n_radial + 1, dtype)
        axes = random_axes(generator, n_atoms, len(headless), dtype)
        rest = arguments(at, axes, table, headless, degree, average, generator, n_species)
        results = [[source.orientation_invariants(at.vectors(dtype), *rest)] for source in (ops, reference)]
        compare(*results, [at.positions, at.strain, axes], generator, dtype)


def test_made_of_other_operators_it_is_the_same(generator):
    """What runs on devices without a kernel of its own."""
    at = Structure("triclinic", 20, generator)
    table = random_table(generator, 5, torch.float64)
    axes = random_axes(generator, 20, 2, torch.float64)
    key = torch._C.DispatchKey.CompositeImplicitAutograd
    for average in (True, False):
        rest = arguments(at, axes, table, [1, 0], 4, average, generator)
        fused = ops.orientation_invariants(at.vectors(), *rest)
        composed = ops.orientation_invariants.default._op_dk(key, at.vectors(), *rest)
        compare([fused], [composed], [at.positions, axes], generator, torch.float64)


@pytest.mark.parametrize("average", [True, False])
def test_derivatives_are_those_of_differences(average, generator):
    at = Structure("cubic", 4, generator)
    axes = random_axes(generator, 4, 2, torch.float64)
    table = random_table(generator, 3, torch.float64)
    rest = arguments(at, axes, table, [1, 0], 4, average, generator)[1:]

    def of_positions(positions, axes):  # of free vectors the two directions of a bond would not be one bond
        bonds = positions[at.neighbor] - positions[at.center] + at.offsets
        return ops.orientation_invariants(bonds, axes, *rest)

    assert torch.autograd.gradcheck(of_positions, (at.positions, axes), atol=1e-6, rtol=1e-5)


def test_no_sites_and_sites_alone(generator):
    table = random_table(generator, 3, torch.float64)
    none = torch.zeros(0, dtype=torch.int64)
    vectors = torch.zeros(0, 3, dtype=torch.float64, requires_grad=True)
    for n_sites in (0, 3):
        axes = random_axes(generator, n_sites, 1, torch.float64)
        rows = (none, torch.zeros(n_sites + 1, dtype=torch.int64), torch.zeros(n_sites, dtype=torch.int64))
        mean, scale = torch.zeros(28).double(), torch.ones(28).double()
        out = ops.orientation_invariants(vectors, axes, *rows, table, CUTOFF, 1, [1], 4, True, mean, scale)
        assert out.shape == (n_sites, 28)
        assert not out.any()
        slopes = torch.autograd.grad(out.sum(), [vectors, axes])
        assert [s.shape for s in slopes] == [(0, 3), (n_sites, 1, 3)]
        assert not slopes[1].any()


def test_a_gradient_for_each_output_asked(generator):
    """One forward pass, several backward passes, with and without the axes'."""
    at = Structure("triclinic", 20, generator)
    axes = random_axes(generator, 20, 1, torch.float64)
    rest = arguments(at, axes, random_table(generator, 5, torch.float64), [1], 4, True, generator)
    fused, plain = (s.orientation_invariants(at.vectors(), *rest) for s in (ops, reference))
    for column in (0, 30, -1, 0):
        got, expected = (
            torch.autograd.grad(out[:, column].sum(), [at.positions, axes], retain_graph=True)
            for out in (fused, plain)
        )
        for ours, theirs in zip(got, expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12 * max(1.0, float(theirs.abs().max())))
    fixed = (axes.detach(), *rest[1:])
    (alone,) = torch.autograd.grad(ops.orientation_invariants(at.vectors(), *fixed).sum(), at.positions)
    (beside, _) = torch.autograd.grad(fused.sum(), [at.positions, axes])
    torch.testing.assert_close(alone, beside, rtol=0, atol=1e-12 * float(beside.abs().max()))


@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_share_the_sites(n_threads, generator):
    at = Structure("cubic", 300, generator)
    axes = random_axes(generator, 300, 2, torch.float64)
    rest = arguments(at, axes, random_table(generator, 5, torch.float64), [1, 0], 2, True, generator)

    def everything():
        out = ops.orientation_invariants(at.vectors(), *rest)
        return [out, *torch.autograd.grad(out.square().sum(), [at.positions, axes])]

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = everything()
        torch.set_num_threads(n_threads)
        together, again = everything(), everything()
    finally:
        torch.set_num_threads(before)
    assert torch.equal(alone[0], together[0])
    assert all(torch.equal(a, b) for a, b in zip(together, again, strict=True))
    for a, b in zip(alone, together, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12 * float(a.detach().abs().max()))


def test_bad_arguments_are_named(generator):
    at = Structure("cubic", 4, generator)
    axes = random_axes(generator, 4, 1, torch.float64)
    table = random_table(generator, 3, torch.float64)
    rest = arguments(at, axes, table, [1], 4, True, generator)
    for bad in (torch.ones(3).double(), torch.ones(56)):
        with pytest.raises(ValueError, match=r"mean and scale must be float64 of shape \(56,\)"):
            ops.orientation_invariants(at.vectors(), *rest[:-1], bad)
    with pytest.raises(ValueError, match=r"orientation_invariants: axes must have shape \(4, 1, 3\)"):
        ops.orientation_invariants(at.vectors(), axes[:2], *rest[1:])
    with pytest.raises(NotImplementedError, match="first derivatives only"):
        out = ops.orientation_invariants(at.vectors(), *rest)
        torch.autograd.grad(out.sum(), axes, create_graph=True)
