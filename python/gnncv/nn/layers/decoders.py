"""Reverse layers: what an autoencoder rebuilds of a graph from the latents of its sites."""

import torch
from torch import Tensor, nn

from .properties import facts_of


class InnerProductDecoder(nn.Linear):
    """Edges from inner products: ``p_ij = sigma(y_i . y_j)`` of projections ``y_i = W z_i``.

    The decoder of graph autoencoders (Kipf and Welling, arXiv:1611.07308, 2016, eq. 2), trained against the
    switching function rather than edges of zeros and ones. Called, it gives the projections, from which the
    operator ``adjacency_entropy`` computes the loss without a matrix of all pairs.

    Parameters
    ----------
    latent, width
        Channels of the latents and of the projections.
    """

    facts = facts_of("InnerProductDecoder")

    def __init__(self, latent: int, width: int) -> None:
        super().__init__(latent, width, bias=False)

    def logits(self, latents: Tensor, center: Tensor, neighbor: Tensor) -> Tensor:
        """``y_i . y_j`` ``(P,)`` of the pairs given, of latents ``(N, L)``."""
        projected = self(latents)
        return (projected[center] * projected[neighbor]).sum(dim=1)

    def probabilities(self, latents: Tensor) -> Tensor:
        """``p`` ``(N, N)`` of all pairs of sites: memory grows with the square of their number."""
        projected = self(latents)
        return torch.sigmoid(projected @ projected.T)


class FeatureDecoder(nn.Sequential):
    """The features of a site from its latent, by a network of two hidden layers.

    Parameters
    ----------
    latent, width, n_features
        Channels of the latents, the hidden layers and the features.
    activation
        Class of the non-linearity.
    """

    facts = facts_of("FeatureDecoder")

    def __init__(self, latent: int, width: int, n_features: int, activation: type[nn.Module]) -> None:
        super().__init__(
            nn.Linear(latent, width),
            activation(),
            nn.Linear(width, width),
            activation(),
            nn.Linear(width, n_features),
        )
