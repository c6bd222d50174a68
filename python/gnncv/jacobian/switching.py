"""Switching functions of distance for coordination numbers and adjacency."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class RationalSwitching:
    """s(d) = (1 - x^n) / (1 - x^m) with x = (d - d_0) / r_0, and 1 for d <= d_0: PLUMED's RATIONAL.

    Around x = 1, where numerator and denominator vanish, both are divided by x - 1 as series.

    Attributes
    ----------
    r_0, d_0
        Lengths in the unit of the distances.
    n, m
        Exponents.
    """

    r_0: float
    n: int = 6
    m: int = 12
    d_0: float = 0.0

    def __call__(self, distances: torch.Tensor) -> torch.Tensor:
        """Values, of the same shape."""
        x = ((distances - self.d_0) / self.r_0).clamp(min=0.0)
        if self.m == 2 * self.n:
            return 1 / (1 + x**self.n)
        near = (x - 1).abs() < 1e-3 if x.dtype == torch.float64 else (x - 1).abs() < 1e-2
        regular = torch.where(near, torch.zeros_like(x), x)
        far_value = (1 - regular**self.n) / (1 - regular**self.m)
        t = torch.where(near, x - 1, torch.zeros_like(x))
        return torch.where(near, self._series(t, self.n) / self._series(t, self.m), far_value)

    @staticmethod
    def _series(t: torch.Tensor, power: int) -> torch.Tensor:
        """((1 + t)^power - 1) / t to the sixth order in t."""
        total, coefficient = torch.zeros_like(t), 1.0
        for k in range(1, 7):
            coefficient *= (power - k + 1) / k
            total = total + coefficient * t ** (k - 1)
        return total
