"""How likely a site's latent is under the training data: a mixture of normal distributions."""

import math

import torch
from torch import Tensor, nn

from . import site_operators

N_COMPONENTS = 8


class LatentDensity(nn.Module):
    """Negative log-density of latents, zero at the most likely site of the training data.

    ``-log sum_k w_k N(z; mu_k, P_k^-1) - floor`` with precisions ``P_k = W_k W_k^T``: smooth everywhere,
    and growing like the square of the distance far from all that was seen. Until it is set, a standard
    normal distribution.

    Parameters
    ----------
    n_latent
        Latent dimensions.
    """

    log_weights: Tensor
    means: Tensor
    whitenings: Tensor
    floor: Tensor

    def __init__(self, n_latent: int) -> None:
        super().__init__()
        shape = (N_COMPONENTS, n_latent, n_latent)
        normalization = math.log(N_COMPONENTS) + 0.5 * n_latent * math.log(2.0 * math.pi)
        self.register_buffer("log_weights", torch.full((N_COMPONENTS,), -normalization, dtype=torch.float64))
        self.register_buffer("means", torch.zeros(shape[:2], dtype=torch.float64))
        whitening = torch.eye(n_latent, dtype=torch.float64)
        self.register_buffer("whitenings", whitening.repeat(N_COMPONENTS, 1, 1))
        self.register_buffer("floor", torch.zeros((), dtype=torch.float64))

    def set_mixture(self, weights: Tensor, means: Tensor, whitenings: Tensor) -> None:
        """Take over a mixture of at most ``N_COMPONENTS`` components; the first is split if there are fewer.

        ``weights`` ``(K,)``, ``means`` ``(K, L)`` and ``whitenings`` ``(K, L, L)``, the ``W_k`` above.
        """
        missing = N_COMPONENTS - weights.shape[0]
        index = torch.cat([torch.zeros(missing, dtype=torch.int64), torch.arange(weights.shape[0])])
        share = torch.ones(N_COMPONENTS, dtype=torch.float64)
        share[: missing + 1] = 1.0 / (missing + 1)
        determinants = whitenings.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        normalization = 0.5 * means.shape[1] * math.log(2.0 * math.pi)
        self.log_weights.copy_((weights.log() + determinants - normalization)[index] + share.log())
        self.means.copy_(means[index])
        self.whitenings.copy_(whitenings[index])
        self.floor.zero_()

    def forward(self, latents: Tensor) -> Tensor:
        """``(N, L)`` to ``(N, 1)`` float64."""
        return site_operators.latent_density(
            latents, self.log_weights, self.means, self.whitenings, self.floor
        )
