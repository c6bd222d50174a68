"""table_messages against its reference, through positions: the list must hold both directions."""

import numpy as np
import pytest
import torch

from gnncv._native import load_operators
from gnncv.nn import operators, reference
from pair_structures import CUTOFF, SPECIES, Structure, compare, random_table, site_tensors
from systems import BOXES

load_operators()
ops = torch.ops.gnncv


def tables(generator, n_tables, n_channels, dtype):
    each = [random_table(generator, n_channels, torch.float64) for _ in range(n_tables)]
    return torch.stack(each).to(dtype).requires_grad_()


def both(at, table, features):
    """Messages of the operator and of the reference, as `compare` wants them."""
    pairs = (at.neighbor, at.row_ptr, at.types, table, CUTOFF, features)
    return tuple([source.table_messages(at.distances(features.dtype), *pairs)] for source in (ops, reference))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("n_tables", [1, 4])
@pytest.mark.parametrize("n_atoms", [1, 2, 30])
@pytest.mark.parametrize("box", BOXES)
def test_it_is_its_reference(box, n_atoms, n_tables, dtype, generator):
    """Positions, strain, table and features; a periodic atom is its own neighbor."""
    at = Structure(box, n_atoms, generator)
    (features,) = site_tensors(generator, dtype, (n_atoms, 16))
    table = tables(generator, n_tables, 16, dtype)
    compare(*both(at, table, features), [at.positions, at.strain, table, features], generator, dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("n_channels", [1, 5, 8, 16, 19, 32, 64])
def test_numbers_of_channels(n_channels, dtype, generator):
    at = Structure("triclinic", 12, generator)
    (features,) = site_tensors(generator, dtype, (12, n_channels))
    table = tables(generator, 1, n_channels, dtype)
    compare(*both(at, table, features), [at.positions, at.strain, table, features], generator, dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("with_rest", [False, True])
@pytest.mark.parametrize("n_tables", [1, 4])
@pytest.mark.parametrize("n_channels", [5, 16, 32, 64])
@pytest.mark.parametrize("box", BOXES)
def test_half_a_list_says_as_much_as_all_of_it(box, n_channels, n_tables, with_rest, dtype, generator):
    """One direction of each bond, an atom's own images among them, stands for both."""
    n_atoms = 14
    at = Structure(box, n_atoms, generator)
    half = at.half(with_rest)
    (features,) = site_tensors(generator, dtype, (n_atoms, n_channels))
    table = tables(generator, n_tables, n_channels, dtype).detach()
    rest = (at.types, table, CUTOFF, features)
    for source in (ops, reference):
        whole = ops.table_messages(at.distances(dtype), at.neighbor, at.row_ptr, *rest)
        out = source.table_messages(
            half.distances(dtype), half.neighbor, half.row_ptr, *rest, half.half_begin
        )
        compare([out], [whole], [at.positions, at.strain, features], generator, dtype)


def test_the_other_part_of_a_half_list_gets_no_slope(generator):
    at = Structure("triclinic", 9, generator)
    half = at.half(with_rest=True)
    (features,) = site_tensors(generator, torch.float64, (9, 16))
    table = tables(generator, 1, 16, torch.float64).detach()
    distances = half.distances().detach().requires_grad_()
    pairs = (half.neighbor, half.row_ptr, at.types, table, CUTOFF, features, half.half_begin)
    out = ops.table_messages(distances, *pairs)
    (slopes,) = torch.autograd.grad(out.square().sum(), distances)
    center = torch.repeat_interleave(torch.arange(9), half.row_ptr.diff())
    other = torch.arange(len(slopes)) < half.half_begin[center]
    assert 0 < int(other.sum()) == len(slopes) // 2
    assert not slopes[other].any()
    assert slopes[~other].all()


@pytest.mark.parametrize("with_rest", [False, True])
def test_threads_share_half_a_list(with_rest, generator):
    """Messages reach sites of other shares; with a number of threads the same bits every time."""
    at = Structure("cubic", 300, generator)
    half = at.half(with_rest)
    (features,) = site_tensors(generator, torch.float64, (300, 16))
    table = tables(generator, 4, 16, torch.float64).detach()

    def everything():
        pairs = (half.distances(), half.neighbor, half.row_ptr, at.types, table, CUTOFF, features)
        out = ops.table_messages(*pairs, half.half_begin)
        return [out, *torch.autograd.grad(out.square().sum(), [at.positions, features])]

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = everything()
        for n_threads in (2, 3):
            torch.set_num_threads(n_threads)
            together, again = everything(), everything()
            assert all(torch.equal(a, b) for a, b in zip(together, again, strict=True))
            for a, b in zip(alone, together, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12 * float(a.detach().abs().max()))
    finally:
        torch.set_num_threads(before)


def test_derivatives_are_those_of_differences(generator):
    at = Structure("triclinic", 5, generator)
    (features,) = site_tensors(generator, torch.float64, (5, 3))
    table = tables(generator, 4, 3, torch.float64)

    def messages(positions, table, features):
        at.positions = positions
        distances = at.distances()
        return ops.table_messages(distances, at.neighbor, at.row_ptr, at.types, table, CUTOFF, features)

    assert torch.autograd.gradcheck(messages, (at.positions, table, features))


@pytest.mark.parametrize("n_channels", [7, 16])
def test_the_order_within_a_row_does_not_matter(n_channels, generator):
    """The same bonds in random order: the same messages, and each bond keeps its slope."""
    at = Structure("slab", 20, generator)
    (features,) = site_tensors(generator, torch.float64, (20, n_channels))
    table = tables(generator, 4, n_channels, torch.float64)
    order = np.lexsort((generator.random(len(at.center)), at.center.numpy()))
    distances = at.distances().detach()
    results = []
    for new in (torch.arange(len(order)), torch.from_numpy(order)):
        d = distances[new].requires_grad_()
        out = ops.table_messages(d, at.neighbor[new], at.row_ptr, at.types, table, CUTOFF, features)
        (slopes,) = torch.autograd.grad(out.square().sum(), d)
        back = torch.empty_like(slopes)
        back[new] = slopes
        results.append((out, back))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_channels", [5, 16])
def test_atoms_without_neighbors(n_channels, generator):
    """Isolated atoms among others get nothing and give nothing; no atoms at all is fine."""
    at = Structure("open", 6, generator)
    (features,) = site_tensors(generator, torch.float64, (8, n_channels))
    table = tables(generator, 1, n_channels, torch.float64)
    row_ptr = torch.cat([at.row_ptr[:1], at.row_ptr, at.row_ptr[-1:]])  # an atom before and one behind
    pairs = (at.neighbor + 1, row_ptr, torch.zeros(8, dtype=torch.int64), table, CUTOFF, features)
    outputs = [[source.table_messages(at.distances(), *pairs)] for source in (ops, reference)]
    assert not outputs[0][0][[0, 7]].any()
    compare(*outputs, [at.positions, table, features], generator, torch.float64)

    none = torch.zeros(0, dtype=torch.int64)
    distances = torch.zeros(0, dtype=torch.float64, requires_grad=True)
    nothing = features[:0].detach().requires_grad_()
    out = ops.table_messages(distances, none, torch.zeros(1, dtype=torch.int64), none, table, CUTOFF, nothing)
    assert out.shape == (0, n_channels)
    out.sum().backward()
    assert distances.grad.shape == (0,)
    assert nothing.grad.shape == nothing.shape
    assert not table.grad.any()


@pytest.mark.parametrize("wanted", ["distances", "table", "features"])
def test_what_needs_no_gradient_changes_nothing(wanted, generator):
    at = Structure("cubic", 10, generator)
    leaves = {
        "distances": at.distances().detach(),
        "table": tables(generator, 1, 16, torch.float64).detach(),
        "features": site_tensors(generator, torch.float64, (10, 16))[0].detach(),
    }

    def gradient(names):
        inputs = {name: leaf.clone().requires_grad_(name in names) for name, leaf in leaves.items()}
        pairs = (inputs["distances"], at.neighbor, at.row_ptr, at.types, inputs["table"], CUTOFF)
        out = ops.table_messages(*pairs, inputs["features"])
        return torch.autograd.grad(out.square().sum(), inputs[wanted])[0]

    assert torch.equal(gradient([wanted]), gradient(list(leaves)))


@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_share_the_sites(n_threads, generator):
    """More sites than a share's least; with a number of threads the same bits every time."""
    at = Structure("triclinic", 64, generator)
    copies = 7
    neighbor = torch.cat([at.neighbor + k * 64 for k in range(copies)])
    row_ptr = torch.cat([at.row_ptr[:1], *(at.row_ptr[1:] + k * at.row_ptr[-1] for k in range(copies))])
    (features,) = site_tensors(generator, torch.float64, (64 * copies, 16))
    table = tables(generator, 4, 16, torch.float64)

    def everything():
        pairs = (at.distances().repeat(copies), neighbor, row_ptr, at.types.repeat(copies))
        out = operators.table_messages(*pairs, table, CUTOFF, features)
        return [out, *torch.autograd.grad(out.square().sum(), [at.positions, features, table])]

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = everything()
        torch.set_num_threads(n_threads)
        together, again = everything(), everything()
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(together, again, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(alone[:3], together[:3], strict=True))
    torch.testing.assert_close(alone[3], together[3], rtol=1e-12, atol=1e-12 * float(alone[3].abs().max()))


def test_bad_arguments_are_named(generator):
    at = Structure("cubic", 4, generator)
    table = tables(generator, len(SPECIES) ** 2, 6, torch.float64).detach()
    (features,) = site_tensors(generator, torch.float64, (4, 6))
    good = [at.distances(), at.neighbor, at.row_ptr, at.types, table, CUTOFF, features]
    for place, bad, message in (
        (0, at.distances().float(), "distances are Float, expected Double"),
        (0, at.vectors(), "distances must have shape"),
        (1, at.neighbor + 4, "neighbor"),
        (3, at.types[:2], "types must be int64"),
        (3, at.types + 2, "types must be 0 to 1"),
        (4, table[0], "table must have shape"),
        (4, table[:3], "one for each pair of species, got 3"),
        (5, 0.0, "cutoff must be positive"),
        (6, features[:, :2], "features must have 6 columns, got 2"),
    ):
        arguments = list(good)
        arguments[place] = bad
        with pytest.raises((ValueError, TypeError), match=message):
            ops.table_messages(*arguments)
    for bad, message in (
        (at.row_ptr[:-2], r"half_begin must be int64, contiguous and of shape \(4,\)"),
        (at.row_ptr[1:] + 1, r"half_begin\[0\] is"),
    ):
        with pytest.raises(ValueError, match=message):
            ops.table_messages(*good, bad)
    out = ops.table_messages(*good)
    halves = ops.table_messages(*good[:4], table.requires_grad_(), *good[5:], at.row_ptr[:-1].clone())
    with pytest.raises(NotImplementedError, match="no gradient of its table from half a list"):
        torch.autograd.grad(halves.sum(), table)
    with pytest.raises(NotImplementedError, match="first derivatives only"):
        torch.autograd.grad(out.sum(), features, create_graph=True)
