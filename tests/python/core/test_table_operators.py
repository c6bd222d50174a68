"""The operators on tables against their references, through positions: the list must hold both directions."""

import pytest
import torch

from gnncv._native import load_operators
from gnncv.nn import reference
from pair_structures import CUTOFF, SPECIES, Structure, compare, random_table, site_tensors
from systems import BOXES

load_operators()
ops = torch.ops.gnncv


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("n_atoms", [1, 2, 30])
@pytest.mark.parametrize("box", BOXES)
def test_all_operators_are_their_references(box, n_atoms, dtype, generator):
    at = Structure(box, n_atoms, generator)
    geometry = [at.positions, at.strain]
    l_max, n_radial = 5, 3
    table = random_table(generator, n_radial + 1, dtype)

    def densities(source):
        return source.environment_densities(
            at.vectors(dtype), at.neighbor, at.row_ptr, at.types, table, CUTOFF, len(SPECIES), l_max
        )

    compare(densities(ops), densities(reference), geometry, generator, dtype)

    shape = (n_atoms, len(SPECIES) * n_radial, (l_max + 1) ** 2)
    sites = site_tensors(generator, dtype, shape, (n_atoms, 1))

    def averaged(source):
        pairs = (at.distances(dtype), at.neighbor, at.row_ptr, table, CUTOFF)
        return [source.averaged_densities(*pairs, sites[0], sites[1].abs())]

    compare(averaged(ops), averaged(reference), [*geometry, *sites], generator, dtype)

    n_heads, width = 2, 10
    filters = random_table(generator, width + n_heads + 1, dtype)
    nodes = site_tensors(generator, dtype, (n_atoms, n_heads), (n_atoms, n_heads), (n_atoms, width))

    def attention(source):
        pairs = (at.distances(dtype), at.neighbor, at.row_ptr, filters, CUTOFF)
        return [source.table_attention(*pairs, *nodes, 0.5, 3.0)]

    compare(attention(ops), attention(reference), [*geometry, *nodes], generator, dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("l_max", [0, 3, 6])
@pytest.mark.parametrize("n_sites", [0, 1, 9])
def test_features_are_those_of_the_reference(n_sites, l_max, dtype, generator):
    n_rows = 3
    shape = (n_sites, n_rows, (l_max + 1) ** 2)
    sites = site_tensors(generator, dtype, shape, shape, (n_sites, 1))
    n_features = 2 * n_rows * (l_max + 1) + 1
    mean, scale = (torch.from_numpy(generator.uniform(0.5, 1.5, n_features)) for _ in range(2))

    def features(source):
        coordination = 5.0 * sites[2].abs()
        return [source.environment_features(sites[0], sites[1], coordination, mean, scale, l_max, 1e-4)]

    compare(features(ops), features(reference), sites, generator, dtype)


def invariant_arguments(at, table, n_species, l_max, generator):
    """Arguments of environment_invariants after the vectors."""
    n_features = 2 * n_species * (table.shape[2] - 1) * (l_max + 1) + 1
    mean, scale = (torch.from_numpy(generator.uniform(0.5, 1.5, n_features)) for _ in range(2))
    types = at.types % n_species
    return (at.neighbor, at.row_ptr, types, table, CUTOFF, n_species, l_max, mean, scale, 1e-3)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("n_atoms", [1, 2, 30])
@pytest.mark.parametrize("box", BOXES)
def test_invariants_are_those_of_the_three_operators(box, n_atoms, dtype, generator):
    at = Structure(box, n_atoms, generator)
    table = random_table(generator, 5, dtype)
    for n_species, l_max in [(1, 6), (2, 3), (2, 4)]:
        arguments = invariant_arguments(at, table, n_species, l_max, generator)
        results = [[s.environment_invariants(at.vectors().to(dtype), *arguments)] for s in (ops, reference)]
        compare(*results, [at.positions, at.strain], generator, dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("n_radial", [1, 4, 5, 9])
@pytest.mark.parametrize("l_max", [0, 2, 6, 7])
def test_invariants_of_any_number_of_channels_and_degrees(l_max, n_radial, dtype, generator):
    """Rows shorter than a register, tiles and half registers of channels that are not full."""
    at = Structure("triclinic", 9, generator)
    arguments = invariant_arguments(at, random_table(generator, n_radial + 1, dtype), 2, l_max, generator)
    results = [[s.environment_invariants(at.vectors().to(dtype), *arguments)] for s in (ops, reference)]
    compare(*results, [at.positions, at.strain], generator, dtype)


def test_no_atoms_have_no_invariants(generator):
    table = random_table(generator, 3, torch.float64)
    vectors = torch.zeros(0, 3, dtype=torch.float64, requires_grad=True)
    nothing, rows = torch.zeros(0, dtype=torch.int64), torch.zeros(1, dtype=torch.int64)
    constants = torch.ones(2 * 2 * 3 + 1, dtype=torch.float64)
    out = ops.environment_invariants(
        vectors, nothing, rows, nothing, table, CUTOFF, 1, 2, constants, constants, 1e-3
    )
    assert out.shape == (0, 13)
    assert torch.autograd.grad(out.sum(), vectors)[0].shape == (0, 3)


def test_invariants_have_a_gradient_for_each_output_asked(generator):
    """One forward pass, several backward passes, as for the gradients of several outputs."""
    at = Structure("triclinic", 20, generator)
    arguments = invariant_arguments(at, random_table(generator, 5, torch.float64), 2, 4, generator)
    fused, plain = (s.environment_invariants(at.vectors(), *arguments) for s in (ops, reference))
    for column in (0, 7, -1, 0):
        got, expected = (
            torch.autograd.grad(out[:, column].sum(), at.positions, retain_graph=True)[0]
            for out in (fused, plain)
        )
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-12 * max(1.0, float(expected.abs().max())))


def test_invariants_pass_gradcheck(generator):
    at = Structure("cubic", 4, generator)
    arguments = invariant_arguments(at, random_table(generator, 3, torch.float64), 2, 4, generator)

    def of_positions(positions):  # of free vectors the two directions of a bond would not be one bond
        bonds = positions[at.neighbor] - positions[at.center] + at.offsets
        return ops.environment_invariants(bonds, *arguments)

    assert torch.autograd.gradcheck(of_positions, (at.positions,), atol=1e-6, rtol=1e-5)


def test_invariants_refuse_what_does_not_fit(generator):
    at = Structure("cubic", 4, generator)
    table = random_table(generator, 3, torch.float64)
    arguments = list(invariant_arguments(at, table, 2, 4, generator))
    with pytest.raises(ValueError, match=r"mean and scale must be float64 of shape \(41,\), got \[3\]"):
        ops.environment_invariants(at.vectors(), *arguments[:7], torch.ones(3).double(), *arguments[8:])
    with pytest.raises(ValueError, match="floor must be positive, got 0"):
        ops.environment_invariants(at.vectors(), *arguments[:9], 0.0)


def test_a_gradient_of_zeros_ends_where_it_is_told_to(generator):
    x = torch.from_numpy(generator.normal(size=5)).requires_grad_()
    calls = []
    before = x.square()
    before.register_hook(lambda gradient: calls.append(gradient))
    out = ops.skip_zero_gradient(before)
    torch.testing.assert_close(out, before)
    zero = torch.autograd.grad(
        out, x, torch.zeros(5, dtype=torch.float64), retain_graph=True, allow_unused=True
    )
    assert zero == (None,)
    assert all(gradient is None for gradient in calls), "the branch was differentiated"
    weights = torch.from_numpy(generator.normal(size=5))
    torch.testing.assert_close(torch.autograd.grad(out, x, weights)[0], 2.0 * x.detach() * weights)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("n_atoms", [1, 30])
def test_distances_and_their_slopes(n_atoms, dtype, generator):
    at = Structure("triclinic", n_atoms, generator)
    lengths = [[source.pair_distances(at.vectors(dtype))] for source in (ops, reference)]
    compare(*lengths, [at.positions, at.strain], generator, dtype)
    zero = torch.zeros(3, 3, dtype=dtype, requires_grad=True)
    (slope,) = torch.autograd.grad(ops.pair_distances(zero).sum(), zero)
    assert not slope.any(), "a vector of zeros has no direction"


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_neighbors_of_either_width(dtype, generator):
    at = Structure("cubic", 8, generator)
    table = random_table(generator, 3, torch.float64)
    pairs = (at.row_ptr, at.types, table, CUTOFF, 2, 2)
    got, _ = ops.environment_densities(at.vectors(), at.neighbor.to(dtype), *pairs)
    expected, _ = reference.environment_densities(at.vectors(), at.neighbor, *pairs)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="expected 0 to 7"):
        ops.environment_densities(at.vectors(), at.neighbor.to(dtype) - 8, *pairs)


@pytest.mark.parametrize("l_max", [0, 1, 4, 6, 8])
@pytest.mark.parametrize("n_radial", [1, 4, 6])
def test_degrees_and_numbers_of_channels(l_max, n_radial, generator):
    at = Structure("triclinic", 12, generator)
    table = random_table(generator, n_radial + 1, torch.float64)
    arguments = (at.neighbor, at.row_ptr, torch.zeros_like(at.types), table, CUTOFF, 1, l_max)
    results = [source.environment_densities(at.vectors(), *arguments) for source in (ops, reference)]
    compare(*results, [at.positions, at.strain], generator, torch.float64)
    densities = results[1][0].detach().requires_grad_()
    coordination = results[1][1].detach().requires_grad_()
    averages = [
        [
            source.averaged_densities(
                at.distances(), at.neighbor, at.row_ptr, table, CUTOFF, densities, coordination
            )
        ]
        for source in (ops, reference)
    ]
    compare(*averages, [at.positions, at.strain, densities, coordination], generator, torch.float64)


def test_the_same_bits_every_time(generator):
    at = Structure("cubic", 30, generator)
    table = random_table(generator, 5, torch.float32)
    results = []
    for _ in range(2):
        pairs = (at.vectors(torch.float32), at.neighbor, at.row_ptr, at.types)
        out = ops.environment_densities(*pairs, table, CUTOFF, 2, 6)[0]
        results.append([out, *torch.autograd.grad(out.square().sum(), [at.positions])])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_share_the_sites(n_threads, generator):
    """More sites than a share's least, so that the work is divided; sums differ by rounding at most."""
    at = Structure("triclinic", 64, generator)
    copies = 7
    neighbor = torch.cat([at.neighbor + k * 64 for k in range(copies)])
    row_ptr = torch.cat([at.row_ptr[:1], *(at.row_ptr[1:] + k * at.row_ptr[-1] for k in range(copies))])
    types = at.types.repeat(copies)
    n_sites = 64 * copies
    table = random_table(generator, 5, torch.float64)
    filters = random_table(generator, 19, torch.float64)
    constants = torch.ones(2 * 2 * 4 * 5 + 1, dtype=torch.float64)
    nodes = site_tensors(generator, torch.float64, (n_sites, 2), (n_sites, 2), (n_sites, 16))

    def everything():
        vectors = at.vectors().repeat(copies, 1)
        pairs = (ops.pair_distances(vectors), neighbor, row_ptr)
        densities, coordination = ops.environment_densities(
            vectors, neighbor, row_ptr, types, table, CUTOFF, 2, 4
        )
        averaged = ops.averaged_densities(*pairs, table, CUTOFF, densities, coordination)
        messages = ops.table_attention(*pairs, filters, CUTOFF, *nodes, 0.5, 3.0)
        invariants = ops.environment_invariants(
            vectors, neighbor, row_ptr, types, table, CUTOFF, 2, 4, constants, constants, 1e-3
        )
        return [densities, averaged, messages, invariants]

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = everything()
        slopes = torch.autograd.grad(sum(x.square().sum() for x in alone), [at.positions, *nodes])
        torch.set_num_threads(n_threads)
        together = everything()
        shared = torch.autograd.grad(sum(x.square().sum() for x in together), [at.positions, *nodes])
    finally:
        torch.set_num_threads(before)
    for one, many in zip(alone, together, strict=True):
        assert torch.equal(one, many)
    for one, many in zip(slopes, shared, strict=True):
        torch.testing.assert_close(one, many, rtol=0, atol=1e-12 * float(one.abs().max()))


def test_bad_arguments_are_named(generator):
    at = Structure("cubic", 4, generator)
    table = random_table(generator, 3, torch.float64)
    good = [at.vectors(), at.neighbor, at.row_ptr, at.types, table, CUTOFF, 2, 3]
    for place, bad, message in (
        (0, at.vectors().float(), "vectors are Float, expected Double"),
        (0, at.distances(), "vectors must have shape"),
        (1, at.neighbor + 4, "neighbor"),
        (4, table[:, :5], "table must have shape"),
        (4, table[:, :, :1], "radial channel and the switching function"),
        (5, 0.0, "cutoff must be positive"),
        (6, 0, "n_species must be at least 1"),
        (7, 40, "l_max must be 0 to"),
    ):
        arguments = list(good)
        arguments[place] = bad
        with pytest.raises((ValueError, TypeError), match=message):
            ops.environment_densities(*arguments)
    nodes = site_tensors(generator, torch.float64, (4, 2), (4, 2), (4, 6))
    with pytest.raises(ValueError, match="table must have 9 channels"):
        ops.table_attention(at.distances(), at.neighbor, at.row_ptr, table, CUTOFF, *nodes, 0.5, 3.0)
