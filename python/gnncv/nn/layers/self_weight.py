"""The weight of a site's own features in attention message passing."""

import torch
from torch import Tensor, nn

from .properties import facts_of


class SelfWeight(nn.Module):
    """``alpha_i h_i`` with the learned weight ``alpha_i = 2 / (1 + exp(-u h_i - c))``, between 0 and 2.

    The weight that attention gives to the site itself, beside the ``alpha_ij`` of its neighbors. With its
    initial parameters it is one.

    Parameters
    ----------
    width
        Channels of the node features.
    """

    facts = facts_of("SelfWeight")

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Linear(width, 1)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)

    def forward(self, features: Tensor) -> Tensor:
        """``(N, width)`` to ``(N, width)``."""
        return 2.0 * torch.sigmoid(self.score(features)) * features
