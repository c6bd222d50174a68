"""From half a pair list to all pairs."""

import torch
from torch import Tensor

from .segment_sum import segment_centers


def both_directions(neighbor: Tensor, row_ptr: Tensor, half_begin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of both directions of the bonds that stand for both.

    Parameters
    ----------
    neighbor, row_ptr
        Integers ``(P,)`` and ``(N+1,)``.
    half_begin
        ``(N,)`` int64. The bonds of row ``i`` from ``half_begin[i]`` on stand for themselves and for their
        opposite directions; those before it are not looked at.

    Returns
    -------
    tuple of Tensor
        Which bond of the given list each pair is ``(Q,)``, its neighbor ``(Q,)``, and where the rows begin
        ``(N+1,)``.
    """
    center = segment_centers(row_ptr)
    bonds = torch.arange(len(center), device=center.device)
    bonds = bonds[bonds >= half_begin[center]]
    here, there = center[bonds], neighbor[bonds].to(center.dtype)
    centers, neighbors = torch.cat([here, there]), torch.cat([there, here])
    order = torch.argsort(centers, stable=True)
    counts = torch.bincount(centers, minlength=len(half_begin))
    return bonds.repeat(2)[order], neighbors[order], torch.cat([row_ptr[:1], counts.cumsum(0)])
