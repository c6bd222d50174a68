"""The density of latents under a mixture of normal distributions."""

import torch
from torch import Tensor


def latent_density(
    latents: Tensor, log_weights: Tensor, means: Tensor, whitenings: Tensor, floor: Tensor
) -> Tensor:
    """``-log sum_k exp(c_k - |W_k^T (z - m_k)|^2 / 2) - floor`` of each site, in float64.

    Parameters
    ----------
    latents
        ``(N, L)``.
    log_weights, means, whitenings
        ``c`` ``(K,)``, ``m`` ``(K, L)`` and ``W`` ``(K, L, L)``, float64; the precision of component ``k`` is
        ``W_k W_k^T``, and ``c_k`` holds its normalization.
    floor
        A number, float64.

    Returns
    -------
    Tensor
        ``(N, 1)``, float64.
    """
    offsets = latents.double().unsqueeze(0) - means.unsqueeze(1)
    squares = torch.bmm(offsets, whitenings).square().sum(dim=2)
    log_density = torch.logsumexp(log_weights.unsqueeze(1) - 0.5 * squares, dim=0)
    return (-log_density - floor).unsqueeze(1)
