"""Radial basis functions."""

import torch
from torch import Tensor, nn


class GaussianBasis(nn.Module):
    """Gaussians ``exp(-(d - mu_k)^2 / (2 w^2))`` on equally spaced centers, as wide as their spacing.

    Parameters
    ----------
    start, stop
        First and last center, angstrom.
    n_functions
        Number of functions, at least 2.
    """

    centers: Tensor

    def __init__(self, start: float, stop: float, n_functions: int) -> None:
        super().__init__()
        self.register_buffer("centers", torch.linspace(start, stop, n_functions, dtype=torch.float64))
        self.width = (stop - start) / (n_functions - 1)

    def forward(self, distances: Tensor) -> Tensor:
        """``(P,)`` angstrom to ``(P, n_functions)``."""
        centers = self.centers.to(distances.dtype)
        return torch.exp(-0.5 * ((distances[:, None] - centers) / self.width).square())
