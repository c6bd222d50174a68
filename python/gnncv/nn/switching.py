"""Switching functions: one inside, zero at the cutoff."""

import torch
from torch import Tensor, nn


class QuinticSwitching(nn.Module):
    """``1 - 10 x^3 + 15 x^4 - 6 x^5`` with ``x = (d - onset) / (cutoff - onset)`` clipped to [0, 1].

    Value one below the onset, zero from the cutoff on; first and second derivatives vanish at both ends,
    so that forces and their derivatives stay continuous when a pair enters or leaves
    (Ebert, Texturing & Modeling, 3rd ed., 2003: "smootherstep").
    """

    def __init__(self, cutoff: float, onset: float) -> None:
        super().__init__()
        self.cutoff = float(cutoff)
        self.onset = float(onset)

    def forward(self, distances: Tensor) -> Tensor:
        # the same polynomial in 1 - x: near the cutoff, where it is small, it keeps its digits
        y = ((self.cutoff - distances) / (self.cutoff - self.onset)).clamp(0.0, 1.0)
        return y * y * y * (10.0 - y * (15.0 - 6.0 * y))


class HardCutoff(nn.Module):
    """One for every pair: what a model without switching does. For analysis; export refuses it."""

    def forward(self, distances: Tensor) -> Tensor:
        return torch.ones_like(distances)
