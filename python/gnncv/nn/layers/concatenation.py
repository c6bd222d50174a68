"""The concatenation layer: a graph of molecules from what is known of each."""

import torch
from torch import Tensor, nn

from .properties import facts_of


def concatenate_nodes(features: Tensor, *more: Tensor) -> Tensor:
    """Nodes ``(N, C + 3 k)``: features ``(N, C)``, then positions or velocities ``(N, 3)``. For analysis."""
    return torch.cat([features, *(extra.to(features.dtype) for extra in more)], dim=1)


class SwitchedConcatenation(nn.Module):
    """Edges of weight ``f_c(d_ij)``, which fade at the cutoff.

    Parameters
    ----------
    switching
        Maps distances ``(P,)`` to ``f_c``.
    """

    facts = facts_of("SwitchedConcatenation")

    def __init__(self, switching: nn.Module) -> None:
        super().__init__()
        self.switching = switching

    def forward(self, nodes: Tensor, distances: Tensor, center: Tensor, neighbor: Tensor) -> Tensor:
        """Weights ``(P,)`` of the pairs given."""
        return self.switching(distances)


class ThresholdConcatenation(nn.Module):
    """Edges of weight one if two centers are closer than ``D_t``, else zero. For analysis.

    Parameters
    ----------
    threshold
        ``D_t``, angstrom.
    """

    facts = facts_of("ThresholdConcatenation")

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = float(threshold)

    def forward(self, nodes: Tensor, distances: Tensor, center: Tensor, neighbor: Tensor) -> Tensor:
        """Weights ``(P,)`` of the pairs given."""
        return (distances < self.threshold).to(nodes.dtype)


class SiteAttention(nn.Module):
    """``alpha_i``: how likely molecule i is part of a crystal, from what is known of it.

    ``alpha_i = sigma(f(h_i))`` with a network ``f``, learned with everything else. What is trained on labels
    to say the same is the classifier's probability, the column ``crystallinity`` of a site.

    Parameters
    ----------
    width
        Channels of the nodes.
    activation
        Non-linearity of the network; smooth for a CV.
    """

    facts = facts_of("SiteAttention")

    def __init__(self, width: int, activation: nn.Module) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(width, width), activation, nn.Linear(width, 1))

    def logits(self, nodes: Tensor) -> Tensor:
        """``f(h_i)``, ``(N, 1)`` from ``(N, C)``."""
        return self.score(nodes)

    def forward(self, nodes: Tensor) -> Tensor:
        """``alpha`` ``(N, 1)``."""
        return torch.sigmoid(self.score(nodes))


class AttentionConcatenation(nn.Module):
    """Learned edges ``alpha_ij = f_c(d_ij) alpha_i alpha_j`` with ``alpha_i`` of :class:`SiteAttention`.

    An edge counts where both ends may be part of a crystal. The design lets the matrix of ``alpha_ij`` be a
    parameter; as a function of what the nodes are it serves any number of molecules in any order.

    Parameters
    ----------
    switching
        Maps distances ``(P,)`` to ``f_c``.
    width
        Channels of the nodes.
    activation
        Non-linearity of the network of ``alpha_i``.
    """

    facts = facts_of("AttentionConcatenation")

    def __init__(self, switching: nn.Module, width: int, activation: nn.Module) -> None:
        super().__init__()
        self.switching = switching
        self.site = SiteAttention(width, activation)

    def forward(self, nodes: Tensor, distances: Tensor, center: Tensor, neighbor: Tensor) -> Tensor:
        """Weights ``(P,)`` of the pairs given, from nodes ``(N, C)``."""
        alpha = self.site(nodes).squeeze(1)
        return self.switching(distances) * alpha.index_select(0, center) * alpha.index_select(0, neighbor)
