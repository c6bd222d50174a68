"""Attention message passing with a smooth cutoff."""

import torch
from torch import Tensor

from .message_passing import message_passing
from .segment_sum import segment_centers, segment_sum


def attention_message_passing(
    logits: Tensor,
    switching: Tensor,
    filters: Tensor,
    features: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    lone: float,
) -> Tensor:
    """Sum the neighbors' filtered features with attention weights that fade at the cutoff.

    ``a_p = f_p exp(l_p) / (lone + sum_q f_q exp(l_q))`` over the pairs of a center, with the switching
    function ``f``: a neighbor enters with weight zero, and ``lone > 0`` lets even the only neighbor fade.

    Parameters
    ----------
    logits
        ``(P, H)``, one a head.
    switching
        ``(P,)``, zero at the cutoff.
    filters, features
        ``(P, C)`` and ``(N, C)`` with ``C`` a multiple of ``H``; head ``h`` weighs its ``C/H`` channels.
    neighbor, row_ptr
        int64 ``(P,)`` and ``(N+1,)``.
    lone
        The constant in the denominator.

    Returns
    -------
    Tensor
        ``(N, C)``.
    """
    weights = switching[:, None] * torch.exp(logits)
    attention = weights / (lone + segment_sum(weights, row_ptr))[segment_centers(row_ptr)]
    per_channel = attention.repeat_interleave(features.shape[1] // logits.shape[1], dim=1)
    return message_passing(per_channel * filters, features, neighbor, row_ptr)
