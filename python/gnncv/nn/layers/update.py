"""What a site makes of itself and of what it took from its neighbors: the updates of message passing.

The design writes ``Update(h_i + Agg)``. Network and recurrent cell act on that sum; of mean and largest,
which need two things, the two are ``h_i`` and ``Agg``.
"""

import torch
from torch import Tensor, nn

from .properties import facts_of


class MeanUpdate(nn.Module):
    """``(h_i + m_i) / 2``: the sum, halved."""

    facts = facts_of("MeanUpdate")

    def forward(self, features: Tensor, messages: Tensor) -> Tensor:
        """``(N, C)`` from features ``h`` and messages ``m``, both ``(N, C)``."""
        return 0.5 * (features + messages)


class MaxUpdate(nn.Module):
    """``max(h_i, m_i)``, channel by channel. For analysis: it has a kink."""

    facts = facts_of("MaxUpdate")

    def forward(self, features: Tensor, messages: Tensor) -> Tensor:
        """``(N, C)`` from features ``h`` and messages ``m``, both ``(N, C)``."""
        return torch.maximum(features, messages)


class NetworkUpdate(nn.Module):
    """``a(W (h_i + m_i) + b)`` with a non-linearity ``a``.

    Parameters
    ----------
    width
        Channels.
    activation
        The non-linearity; smooth for a CV.
    """

    facts = facts_of("NetworkUpdate")

    def __init__(self, width: int, activation: nn.Module) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Linear(width, width), activation)

    def forward(self, features: Tensor, messages: Tensor) -> Tensor:
        """``(N, C)`` from features ``h`` and messages ``m``, both ``(N, C)``."""
        return self.network(features + messages)


class RecurrentUpdate(nn.Module):
    """``GRU(h_i + m_i, h_i)``: a gated recurrent unit reads the sum and remembers the features.

    Gated graph networks (Li et al., arXiv:1511.05493, 2016, eq. 3 to 6), with the sum of the design as input.

    Parameters
    ----------
    width
        Channels.
    """

    facts = facts_of("RecurrentUpdate")

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cell = nn.GRUCell(width, width)

    def forward(self, features: Tensor, messages: Tensor) -> Tensor:
        """``(N, C)`` from features ``h`` and messages ``m``, both ``(N, C)``."""
        return self.cell(features + messages, features)


def make_update(name: str, width: int, activation: nn.Module) -> nn.Module:
    """The update that a configuration calls ``name``."""
    if name == "network":
        return NetworkUpdate(width, activation)
    if name == "recurrent":
        return RecurrentUpdate(width)
    return {"mean": MeanUpdate, "max": MaxUpdate}[name]()
