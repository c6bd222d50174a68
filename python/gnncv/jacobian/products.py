"""The three contractions of sum_e J_e . w[atom of e] v[row of e], each the derivative of the others.

With blocks J (F, E, 3), cotangents v (F, D, K) and tangents w (F, N, 3, K):

    transpose_product   (J^T v)[f, a, x, k] = sum over entries e of atom a of J[f, e, x] v[f, row(e), k]
    product             (J w)[f, d, k]      = sum over entries e of row d of J[f, e] . w[f, atom(e), :, k]
    entry_product       [f, e, x]           = sum_k v[f, row(e), k] w[f, atom(e), x, k]

The gradient of each with respect to either argument is another of the three, so derivatives of any order
exist, and no order costs more than a few passes over the entries. They are operators of the compiled library,
with kernels for the CPU and sums over sorted segments, without atomics, on other devices.
"""

from __future__ import annotations

import torch

from gnncv._native import load_operators
from gnncv.jacobian.pattern import SparsityPattern


def transpose_product(
    blocks: torch.Tensor, v: torch.Tensor, pattern: SparsityPattern, frames: torch.Tensor | None = None
) -> torch.Tensor:
    """J^T v, (F, N, 3, K), from blocks and v (F, D, K); `frames` (F,) are those of the blocks to use."""
    load_operators()
    result: torch.Tensor = torch.ops.gnncv.sparse_transpose_product(blocks, v, pattern.parts, frames)
    return result


def product(
    blocks: torch.Tensor, w: torch.Tensor, pattern: SparsityPattern, frames: torch.Tensor | None = None
) -> torch.Tensor:
    """J w, (F, D, K), from blocks and w (F, N, 3, K); `frames` (F,) are those of the blocks to use."""
    load_operators()
    result: torch.Tensor = torch.ops.gnncv.sparse_product(blocks, w, pattern.parts, frames)
    return result
