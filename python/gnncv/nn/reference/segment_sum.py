"""Sums over the rows of a compressed list."""

import torch
from torch import Tensor


def segment_centers(row_ptr: Tensor) -> Tensor:
    """Row index of every entry of a compressed list, int64 ``(P,)``, from its offsets ``(N+1,)``."""
    counts = row_ptr[1:] - row_ptr[:-1]
    return torch.repeat_interleave(torch.arange(counts.shape[0], device=row_ptr.device), counts)


def segment_sum(values: Tensor, row_ptr: Tensor) -> Tensor:
    """Sum ``values`` over the pairs of each center.

    Parameters
    ----------
    values
        ``(P, C)``, pairs sorted by center.
    row_ptr
        int64 ``(N+1,)``: pairs of center ``i`` are ``row_ptr[i]`` to ``row_ptr[i+1]``.

    Returns
    -------
    Tensor
        ``(N, C)``; zero for a center without pairs.
    """
    sums = values.new_zeros((row_ptr.shape[0] - 1, values.shape[1]))
    return sums.index_add(0, segment_centers(row_ptr), values)
