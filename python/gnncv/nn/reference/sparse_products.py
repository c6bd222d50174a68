"""Products with a Jacobian in compressed rows, whose entries are blocks of three: one for each atom of a row.

`pattern` holds row_ptr (D + 1,), the atom (E,) and the row (E,) of each entry, the entries sorted by atom
(E,), and where each atom begins among those (N + 1,), all int64. `frames` (F,) says which frame of the blocks
each frame of the vector belongs to; all in order where it is None.
"""

from torch import Tensor


def sparse_transpose_product(
    blocks: Tensor, v: Tensor, pattern: list[Tensor], frames: Tensor | None = None
) -> Tensor:
    """J^T v: w[f, a, x, k] = sum over entries e of atom a of blocks[f, e, x] v[f, row(e), k].

    Blocks (F, E, 3) and v (F, D, K) give w (F, N, 3, K).
    """
    _, atoms, rows, _, atom_ptr = pattern
    terms = _chosen(blocks, frames)[..., None] * v[:, rows][:, :, None]
    return terms.new_zeros(len(v), len(atom_ptr) - 1, 3, v.shape[2]).index_add(1, atoms, terms)


def sparse_product(blocks: Tensor, w: Tensor, pattern: list[Tensor], frames: Tensor | None = None) -> Tensor:
    """J w: v[f, d, k] = sum over entries e of row d and over x of blocks[f, e, x] w[f, atom(e), x, k].

    Blocks (F, E, 3) and w (F, N, 3, K) give v (F, D, K).
    """
    row_ptr, atoms, rows, _, _ = pattern
    terms = (_chosen(blocks, frames)[..., None] * w[:, atoms]).sum(2)
    return terms.new_zeros(len(w), len(row_ptr) - 1, w.shape[3]).index_add(1, rows, terms)


def sparse_entry_product(v: Tensor, w: Tensor, pattern: list[Tensor]) -> Tensor:
    """The derivative of both with respect to the blocks: sum_k v[f, row(e), k] w[f, atom(e), x, k], (F, E,
    3).
    """
    _, atoms, rows, _, _ = pattern
    return (v[:, rows][:, :, None] * w[:, atoms]).sum(-1)


def _chosen(blocks: Tensor, frames: Tensor | None) -> Tensor:
    return blocks if frames is None else blocks[frames]
