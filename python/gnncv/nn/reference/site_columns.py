"""What a collective variable knows of each site, and what is pooled of it."""

import torch
from torch import Tensor

NOVELTY_FLOOR = 1e-30


def site_columns(
    latents: Tensor,
    logits: Tensor,
    errors: Tensor,
    surprises: Tensor,
    error_scale: Tensor,
    surprise_scale: Tensor,
    novelty_scale: Tensor,
) -> Tensor:
    """Latents, class probabilities and novelty of each site, side by side in float64.

    The novelty is ``((e / e_0)^4 + (h / h_0)^4 + 1e-30)^(1/4) / v_0``. In float64 because next to 0 and 1 the
    slope ``p (1 - p)`` of a probability would lose its digits in float32.

    Parameters
    ----------
    latents
        ``(N, L)``.
    logits
        ``(N, C)`` of the classes, or ``(N, 0)``; the probability of the first class is left out.
    errors, surprises
        ``(N, 1)``: reconstruction error ``e``; negative log-density ``h`` of the latent, float64.
    error_scale, surprise_scale, novelty_scale
        ``e_0``, ``h_0`` and ``v_0``, float64.

    Returns
    -------
    Tensor
        ``(N, L + max(C - 1, 0) + 1)``.
    """
    probabilities = torch.softmax(logits.double(), dim=1)[:, 1:]
    fourth = (errors.double() / error_scale).pow(4) + (surprises / surprise_scale).pow(4)
    novelty = (fourth + NOVELTY_FLOOR).pow(0.25) / novelty_scale
    return torch.cat([latents.double(), probabilities, novelty], dim=1)


def site_sums(columns: Tensor) -> Tensor:
    """Sums ``(S + 1,)`` over sites of columns ``(N, S)``, of the last its fourth power; and ``N``."""
    count = torch.full([1], float(columns.shape[0]), dtype=columns.dtype, device=columns.device)
    return torch.cat([columns[:, :-1].sum(dim=0), columns[:, -1:].pow(4).sum(dim=0), count])
