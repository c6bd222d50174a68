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
    nodes = site_tensors(generator, torch.float64, (n_sites, 2), (n_sites, 2), (n_sites, 16))

    def everything():
        vectors = at.vectors().repeat(copies, 1)
        pairs = (ops.pair_distances(vectors), neighbor, row_ptr)
        densities, coordination = ops.environment_densities(
            vectors, neighbor, row_ptr, types, table, CUTOFF, 2, 4
        )
        averaged = ops.averaged_densities(*pairs, table, CUTOFF, densities, coordination)
        messages = ops.table_attention(*pairs, filters, CUTOFF, *nodes, 0.5, 3.0)
        return [densities, averaged, messages]

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
