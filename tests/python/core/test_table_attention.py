"""table_attention against its reference, through positions: the list must hold both directions."""

import numpy as np
import pytest
import torch

from gnncv._native import load_operators
from gnncv.nn import reference
from pair_structures import CUTOFF, Structure, compare, random_table, site_tensors
from systems import BOXES

load_operators()
ops = torch.ops.gnncv
LONE, BOUND = 0.5, 3.0


def leaves(generator, dtype, n_atoms, n_heads, n_channels):
    """Table, receiver, sender, value."""
    table = random_table(generator, n_channels + n_heads + 1, dtype).requires_grad_()
    shapes = ((n_atoms, n_heads), (n_atoms, n_heads), (n_atoms, n_channels))
    return [table, *site_tensors(generator, dtype, *shapes)]


def both(at, table, *nodes):
    """Messages of the operator and of the reference, as `compare` wants them."""
    pairs = (at.neighbor, at.row_ptr, table, CUTOFF, *nodes, LONE, BOUND)
    return tuple([source.table_attention(at.distances(table.dtype), *pairs)] for source in (ops, reference))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("n_atoms", [1, 2, 30])
@pytest.mark.parametrize("box", BOXES)
def test_it_is_its_reference(box, n_atoms, dtype, generator):
    """Positions, strain and all tensors; a periodic atom is its own neighbor."""
    at = Structure(box, n_atoms, generator)
    tensors = leaves(generator, dtype, n_atoms, 4, 16)
    compare(*both(at, *tensors), [at.positions, at.strain, *tensors], generator, dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("head_width", [1, 3, 4, 8, 17])
@pytest.mark.parametrize("n_heads", [1, 2, 4, 5, 8])
def test_numbers_of_heads_and_channels(n_heads, head_width, dtype, generator):
    at = Structure("triclinic", 9, generator)
    tensors = leaves(generator, dtype, 9, n_heads, n_heads * head_width)
    compare(*both(at, *tensors), [at.positions, at.strain, *tensors], generator, dtype)


def half_and_whole(at, half, table, nodes, source=ops):
    """Messages from half a list and from all of it, as `compare` wants them."""
    rest = (table, CUTOFF, *nodes, LONE, BOUND)
    pairs = (half.distances(table.dtype), half.neighbor, half.row_ptr, *rest, half.half_begin)
    whole = ops.table_attention(at.distances(table.dtype), at.neighbor, at.row_ptr, *rest)
    return [source.table_attention(*pairs)], [whole]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("with_rest", [False, True])
@pytest.mark.parametrize("n_atoms", [1, 2, 30])
@pytest.mark.parametrize("box", BOXES)
def test_half_a_list_says_as_much_as_all_of_it(box, n_atoms, with_rest, dtype, generator):
    """One direction of each bond, an atom's own images among them, stands for both."""
    at = Structure(box, n_atoms, generator)
    table, *nodes = leaves(generator, dtype, n_atoms, 4, 16)
    for source in (ops, reference):
        messages = half_and_whole(at, at.half(with_rest), table.detach(), nodes, source)
        compare(*messages, [at.positions, at.strain, *nodes], generator, dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("head_width", [1, 3, 4, 8, 17])
@pytest.mark.parametrize("n_heads", [1, 2, 4, 5, 8])
def test_numbers_of_heads_and_channels_of_half_a_list(n_heads, head_width, dtype, generator):
    at = Structure("triclinic", 9, generator)
    table, *nodes = leaves(generator, dtype, 9, n_heads, n_heads * head_width)
    messages = half_and_whole(at, at.half(with_rest=True), table.detach(), nodes)
    compare(*messages, [at.positions, at.strain, *nodes], generator, dtype)


def test_the_other_part_of_a_half_list_gets_no_slope(generator):
    at = Structure("triclinic", 9, generator)
    half = at.half(with_rest=True)
    table, *nodes = leaves(generator, torch.float64, 9, 5, 20)
    distances = half.distances().detach().requires_grad_()
    pairs = (half.neighbor, half.row_ptr, table.detach(), CUTOFF, *nodes, LONE, BOUND, half.half_begin)
    (slopes,) = torch.autograd.grad(ops.table_attention(distances, *pairs).square().sum(), distances)
    center = torch.repeat_interleave(torch.arange(9), half.row_ptr.diff())
    other = torch.arange(len(slopes)) < half.half_begin[center]
    assert 0 < int(other.sum()) == len(slopes) // 2
    assert not slopes[other].any()
    assert slopes[~other].all()


@pytest.mark.parametrize("with_rest", [False, True])
def test_derivatives_of_half_a_list_are_those_of_differences(with_rest, generator):
    at = Structure("triclinic", 5, generator)
    half = at.half(with_rest)
    table, *nodes = leaves(generator, torch.float64, 5, 4, 8)
    table = table.detach()

    def messages(positions, *nodes):
        at.positions = positions
        pairs = (half.distances(), half.neighbor, half.row_ptr, table, CUTOFF)
        return ops.table_attention(*pairs, *nodes, LONE, BOUND, half.half_begin)

    assert torch.autograd.gradcheck(messages, (at.positions, *nodes))


@pytest.mark.parametrize("n_heads", [2, 4])
def test_derivatives_are_those_of_differences(n_heads, generator):
    at = Structure("triclinic", 5, generator)

    def messages(positions, *tensors):
        at.positions = positions
        return both(at, *tensors)[0][0]

    assert torch.autograd.gradcheck(
        messages, (at.positions, *leaves(generator, torch.float64, 5, n_heads, 2 * n_heads))
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_logits_far_beyond_the_bound(dtype, generator):
    """Neither overflows nor loses the sign: the weight of a bond stays between exp(-b) and exp(b)."""
    at = Structure("cubic", 12, generator)
    table, receiver, sender, value = leaves(generator, dtype, 12, 4, 16)
    far = [10.0 ** generator.uniform(-8, 8, size=(12, 4)) * generator.choice([-1, 1], (12, 4)) for _ in "ab"]
    receiver, sender = (torch.from_numpy(x).to(dtype).requires_grad_() for x in far)
    tensors = [table, receiver, sender, value]
    compare(*both(at, *tensors), [at.positions, *tensors], generator, dtype)


def test_the_order_within_a_row_does_not_matter(generator):
    """The same bonds in random order: the same messages, and each bond keeps its slope."""
    at = Structure("slab", 20, generator)
    table, *nodes = leaves(generator, torch.float64, 20, 4, 16)
    order = np.lexsort((generator.random(len(at.center)), at.center.numpy()))
    distances = at.distances().detach()
    results = []
    for new in (torch.arange(len(order)), torch.from_numpy(order)):
        d = distances[new].requires_grad_()
        out = ops.table_attention(d, at.neighbor[new], at.row_ptr, table, CUTOFF, *nodes, LONE, BOUND)
        (slopes,) = torch.autograd.grad(out.square().sum(), d)
        back = torch.empty_like(slopes)
        back[new] = slopes
        results.append((out, back))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("halves", [False, True])
@pytest.mark.parametrize("lone", [0.0, 1.0])
def test_atoms_without_neighbors(lone, halves, generator):
    """Isolated atoms among others get nothing and give nothing; no atoms at all is fine."""
    at = Structure("open", 6, generator)
    bonds = at.half(with_rest=False) if halves else at
    table, *nodes = leaves(generator, torch.float64, 8, 4, 8)
    table.requires_grad_(not halves)
    row_ptr = torch.cat([at.row_ptr[:1], bonds.row_ptr, bonds.row_ptr[-1:]])  # one before and one behind
    half_begin = row_ptr[:-1].clone() if halves else None
    pairs = (bonds.neighbor + 1, row_ptr, table, CUTOFF, *nodes, lone, BOUND, half_begin)
    out = ops.table_attention(bonds.distances(), *pairs)
    gradients = torch.autograd.grad(out.square().sum(), nodes)
    assert not out[[0, 7]].any()
    assert all(not gradient[[0, 7]].any() for gradient in gradients)
    assert all(gradient.isfinite().all() for gradient in gradients)

    none = torch.zeros(0, dtype=torch.int64)
    distances = torch.zeros(0, dtype=torch.float64, requires_grad=True)
    nothing = [node[:0].detach().requires_grad_() for node in nodes]
    pairs = (none, torch.zeros(1, dtype=torch.int64), table, CUTOFF, *nothing, lone, BOUND)
    pairs = (*pairs, none if halves else None)
    out = ops.table_attention(distances, *pairs)
    assert out.shape == (0, 8)
    out.sum().backward()
    assert distances.grad.shape == (0,)
    assert [node.grad.shape for node in nothing] == [(0, 4), (0, 4), (0, 8)]
    assert halves or not table.grad.any()


@pytest.mark.parametrize("wanted", range(5))
def test_what_needs_no_gradient_changes_nothing(wanted, generator):
    at = Structure("cubic", 10, generator)
    inputs = [at.distances(), *leaves(generator, torch.float64, 10, 4, 16)]

    def gradient(which):
        given = [x.detach().clone().requires_grad_(k in which) for k, x in enumerate(inputs)]
        distances, table, *nodes = given
        out = ops.table_attention(distances, at.neighbor, at.row_ptr, table, CUTOFF, *nodes, LONE, BOUND)
        return torch.autograd.grad(out.square().sum(), given[wanted])[0]

    assert torch.equal(gradient([wanted]), gradient(range(5)))


@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_share_the_sites(n_threads, generator):
    """More sites than a share's least; with a number of threads the same bits every time."""
    at = Structure("triclinic", 64, generator)
    copies = 7
    neighbor = torch.cat([at.neighbor + k * 64 for k in range(copies)])
    row_ptr = torch.cat([at.row_ptr[:1], *(at.row_ptr[1:] + k * at.row_ptr[-1] for k in range(copies))])
    table, *nodes = leaves(generator, torch.float64, 64 * copies, 4, 16)

    def everything():
        pairs = (at.distances().repeat(copies), neighbor, row_ptr, table, CUTOFF)
        out = ops.table_attention(*pairs, *nodes, LONE, BOUND)
        return [out, *torch.autograd.grad(out.square().sum(), [at.positions, table, *nodes])]

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = everything()
        torch.set_num_threads(n_threads)
        together, again = everything(), everything()
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(together, again, strict=True))
    assert torch.equal(alone[0], together[0])
    for one, many in zip(alone, together, strict=True):
        torch.testing.assert_close(one, many, rtol=0, atol=1e-12 * float(one.detach().abs().max()))


@pytest.mark.parametrize("with_rest", [False, True])
def test_threads_share_half_a_list(with_rest, generator):
    """Messages reach sites of other shares; with a number of threads the same bits every time."""
    at = Structure("cubic", 300, generator)
    half = at.half(with_rest)
    table, *nodes = leaves(generator, torch.float64, 300, 5, 20)
    table = table.detach()

    def everything():
        pairs = (half.distances(), half.neighbor, half.row_ptr, table, CUTOFF)
        out = ops.table_attention(*pairs, *nodes, LONE, BOUND, half.half_begin)
        return [out, *torch.autograd.grad(out.square().sum(), [at.positions, *nodes])]

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = everything()
        for n_threads in (2, 3):
            torch.set_num_threads(n_threads)
            together, again = everything(), everything()
            assert all(torch.equal(a, b) for a, b in zip(together, again, strict=True))
            for one, many in zip(alone, together, strict=True):
                torch.testing.assert_close(one, many, rtol=0, atol=1e-12 * float(one.detach().abs().max()))
    finally:
        torch.set_num_threads(before)


def test_half_a_list_does_not_train_the_table(generator):
    at = Structure("cubic", 6, generator)
    half = at.half(with_rest=False)
    table, *nodes = leaves(generator, torch.float64, 6, 4, 16)
    pairs = (half.distances(), half.neighbor, half.row_ptr, table, CUTOFF, *nodes, LONE, BOUND)
    out = ops.table_attention(*pairs, half.half_begin)
    with pytest.raises(NotImplementedError, match="no gradient of its table from half a list"):
        torch.autograd.grad(out.sum(), table)
