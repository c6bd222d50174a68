"""Pooling that looks where something happens, smoothly."""

import torch
from torch import Tensor, nn

from .edges import Edges, frame_sums
from .properties import facts_of


class AttentionPooling(nn.Module):
    """``Z = sum_i w_i z_i / sum_i w_i`` with ``w_i = exp(s_i)``, bounded scores ``s_i = b tanh(f(z_i) / b)``.

    Attention over the sites of a configuration (Ilse et al., arXiv:1802.04712, 2018, eq. 7 and 8): the few
    sites of a nucleus can outweigh the many of the melt, by ``exp(2 b)`` at most. Sums over sites in
    numerator and denominator make it the same for a replicated box, and smooth; weights fade where top-k
    pooling drops sites.

    Parameters
    ----------
    width
        Channels of the nodes.
    hidden
        Channels of the score's hidden layer.
    activation
        Its non-linearity; smooth for a CV.
    bound
        ``b``.
    """

    facts = facts_of("AttentionPooling")

    def __init__(self, width: int, hidden: int, activation: nn.Module, bound: float = 3.0) -> None:
        super().__init__()
        self.bound = float(bound)
        self.score = nn.Sequential(nn.Linear(width, hidden), activation, nn.Linear(hidden, 1))

    def weights(self, nodes: Tensor) -> Tensor:
        """``w`` ``(N, 1)`` of nodes ``(N, C)``, between ``exp(-b)`` and ``exp(b)``."""
        return bounded_weights(self.score(nodes), self.bound)

    def forward(self, nodes: Tensor, frame: Tensor, n_frames: int, edges: Edges | None = None) -> Tensor:
        """``(B, C)`` from ``(N, C)``, the frame ``(N,)`` of each site and the number of frames."""
        weights = self.weights(nodes)
        total = frame_sums(weights, frame, n_frames)
        return frame_sums(weights * nodes, frame, n_frames) / total


def bounded_weights(scores: Tensor, bound: float) -> Tensor:
    """``exp(b tanh(f / b))``."""
    return torch.exp(bound * torch.tanh(scores / bound))
