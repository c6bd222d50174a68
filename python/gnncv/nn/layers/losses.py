"""What an autoencoder minimizes."""

import torch
from torch import Tensor, nn

from .properties import facts_of


class ReconstructionLoss(nn.Module):
    """``mean |x - x'|^2``: the mean square of what the decoder gets wrong."""

    facts = facts_of("ReconstructionLoss")

    def forward(self, decoded: Tensor, target: Tensor) -> Tensor:
        """A number from two tensors ``(N, F)``."""
        return (decoded - target).square().mean()


class DivergenceLoss(nn.Module):
    """``(1/N) sum_i KL(N(mu_i, sigma_i^2) | N(0, 1))``, in closed form.

    ``KL = (1/2) sum_l (mu_l^2 + sigma_l^2 - 1 - log sigma_l^2)`` (Kingma and Welling, arXiv:1312.6114, 2014,
    appendix B).
    """

    facts = facts_of("DivergenceLoss")

    def forward(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """A number from means and logarithms of variances ``(N, L)``."""
        return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(dim=1).mean()


class VariationalLoss(nn.Module):
    """Reconstruction and Kullback-Leibler divergence: the negative evidence lower bound up to constants.

    Parameters
    ----------
    divergence
        Weight of the divergence beside the reconstruction; 0 leaves the reconstruction alone.
    """

    facts = facts_of("VariationalLoss")

    def __init__(self, divergence: float) -> None:
        super().__init__()
        self.divergence = float(divergence)
        self.reconstruction = ReconstructionLoss()
        self.regularization = DivergenceLoss()

    def forward(self, decoded: Tensor, target: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
        """A number; ``decoded`` comes from :func:`sample` of the latents."""
        return self.reconstruction(decoded, target) + self.divergence * self.regularization(
            mean, log_variance
        )


def sample(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Latents drawn from the encoded normal distributions, differentiable in both (reparametrization)."""
    return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
