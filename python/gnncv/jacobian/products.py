"""The three contractions of sum_e J_e . w[atom of e] v[row of e], each the derivative of the others.

With blocks J (F, E, 3), cotangents v (F, D, K) and tangents w (F, N, 3, K):

    transpose_product   (J^T v)[f, a, x, k] = sum over entries e of atom a of J[f, e, x] v[f, row(e), k]
    product             (J w)[f, d, k]      = sum over entries e of row d of J[f, e] . w[f, atom(e), :, k]
    entry_product       [f, e, x]           = sum_k v[f, row(e), k] w[f, atom(e), x, k]

The gradient of each with respect to either argument is another of the three, so derivatives of any order exist, and no
order costs more than a few passes over the entries. Sums run over segments of sorted entries: no atomics.
"""

from __future__ import annotations

from typing import Any

import torch

from gnncv.jacobian.pattern import SparsityPattern


def _segment_sum(terms: torch.Tensor, row_ptr: torch.Tensor, length: int | None) -> torch.Tensor:
    """Sum terms (F, E, M) over the segments of the second axis, (F, S, M); `length` where all are as long."""
    n_segments = len(row_ptr) - 1
    if terms.numel() == 0:
        return terms.new_zeros(len(terms), n_segments, terms.shape[2])
    if length is not None:
        return terms.unflatten(1, (n_segments, length)).sum(2)
    offsets = row_ptr.expand(len(terms), -1).contiguous()
    return torch.segment_reduce(terms.contiguous(), "sum", offsets=offsets, axis=1, initial=0, unsafe=True)


class _TransposeProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, blocks: torch.Tensor, v: torch.Tensor, pattern: SparsityPattern) -> torch.Tensor:
        ctx.save_for_backward(blocks, v)
        ctx.pattern = pattern
        order, atom_ptr, rows = pattern.by_atom
        terms = blocks.index_select(1, order)[..., None] * v.index_select(1, rows)[:, :, None]
        summed = _segment_sum(terms.flatten(2), atom_ptr, pattern.atom_length)
        return summed.unflatten(2, (3, v.shape[2]))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        blocks, v = ctx.saved_tensors
        (w,) = gradients
        to_blocks, to_v, _ = ctx.needs_input_grad
        return (
            _EntryProduct.apply(v, w, ctx.pattern) if to_blocks else None,
            _Product.apply(blocks, w, ctx.pattern) if to_v else None,
            None,
        )


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, blocks: torch.Tensor, w: torch.Tensor, pattern: SparsityPattern) -> torch.Tensor:
        ctx.save_for_backward(blocks, w)
        ctx.pattern = pattern
        terms = (blocks[..., None] * w.index_select(1, pattern.atoms)).sum(2)
        return _segment_sum(terms, pattern.row_ptr, pattern.row_length)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        blocks, w = ctx.saved_tensors
        (v,) = gradients
        to_blocks, to_w, _ = ctx.needs_input_grad
        return (
            _EntryProduct.apply(v, w, ctx.pattern) if to_blocks else None,
            _TransposeProduct.apply(blocks, v, ctx.pattern) if to_w else None,
            None,
        )


class _EntryProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: torch.Tensor, w: torch.Tensor, pattern: SparsityPattern) -> torch.Tensor:
        ctx.save_for_backward(v, w)
        ctx.pattern = pattern
        return (v.index_select(1, pattern.rows)[:, :, None] * w.index_select(1, pattern.atoms)).sum(-1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        v, w = ctx.saved_tensors
        (blocks,) = gradients
        to_v, to_w, _ = ctx.needs_input_grad
        return (
            _Product.apply(blocks, w, ctx.pattern) if to_v else None,
            _TransposeProduct.apply(blocks, v, ctx.pattern) if to_w else None,
            None,
        )


def transpose_product(blocks: torch.Tensor, v: torch.Tensor, pattern: SparsityPattern) -> torch.Tensor:
    """J^T v, (F, N, 3, K), from blocks (F, E, 3) and v (F, D, K)."""
    result: torch.Tensor = _TransposeProduct.apply(blocks, v, pattern)
    return result


def product(blocks: torch.Tensor, w: torch.Tensor, pattern: SparsityPattern) -> torch.Tensor:
    """J w, (F, D, K), from blocks (F, E, 3) and w (F, N, 3, K)."""
    result: torch.Tensor = _Product.apply(blocks, w, pattern)
    return result
