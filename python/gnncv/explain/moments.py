"""Averages of arrays that pass by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class RunningMoments:
    """Mean, spread and extremes of arrays of one shape, of which none is kept.

    Updated as in B. P. Welford, Technometrics 4, 419 (1962), https://doi.org/10.1080/00401706.1962.10490022:
    no differences of large sums.

    Attributes
    ----------
    count
        How many arrays were added.
    mean, smallest, largest
        Of the arrays' shape; empty before the first.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = self.smallest = self.largest = np.zeros(0)
        self._squares = np.zeros(0)

    def add(self, values: Array) -> None:
        """Take one more array into account."""
        self.count += 1
        if self.count == 1:
            self.mean, self.smallest, self.largest = values.copy(), values.copy(), values.copy()
            self._squares = np.zeros_like(values)
            return
        difference = values - self.mean
        self.mean += difference / self.count
        self._squares += difference * (values - self.mean)
        np.minimum(self.smallest, values, out=self.smallest)
        np.maximum(self.largest, values, out=self.largest)

    @property
    def spread(self) -> Array:
        """Standard deviation over the arrays (divided by their number, as `numpy.std`)."""
        return np.sqrt(self._squares / max(self.count, 1))
