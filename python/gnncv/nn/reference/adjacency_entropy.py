"""Cross entropy of the adjacency that inner products of features decode."""

import torch
from torch import Tensor

from .segment_sum import segment_centers


def adjacency_entropy(features: Tensor, joined: Tensor, neighbor: Tensor, row_ptr: Tensor) -> Tensor:
    """Mean over pairs of the binary cross entropy of ``features_i . features_j``, a logit, with ``joined``.

    The inner-product decoder of Kipf and Welling (arXiv:1611.07308, 2016), with adjacencies between zero and
    one. The fused operator needs each bond in both directions, with the same adjacency.

    Parameters
    ----------
    features
        ``(N, C)``.
    joined
        ``(P,)``, zero to one; the fused operator has no gradient of it.
    neighbor, row_ptr
        Integers ``(P,)`` and ``(N+1,)``.

    Returns
    -------
    Tensor
        ``()``; zero without pairs.
    """
    if joined.shape[0] == 0:
        return features.new_zeros(()) * features.sum()
    logits = (features[segment_centers(row_ptr)] * features[neighbor]).sum(dim=1)
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, joined)
