"""How well values tell two phases apart, with errors that know of correlation in time and between sites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

Array = NDArray[np.float64]


@dataclass
class Accuracy:
    """Sites told apart rightly.

    ``low`` and ``high`` bound the 95 % interval of Clopper and Pearson (Biometrika 26, 404, 1934) for
    ``independent`` samples instead of ``n_sites``.
    """

    share: float
    low: float
    high: float
    n_sites: int
    n_wrong: int
    independent: float

    def __str__(self) -> str:
        return f"{100 * self.share:.2f} ({100 * self.low:.2f}-{100 * self.high:.2f})"


def independent_samples(values: Array) -> float:
    """How many independent values the (T, M) of M sites in T successive frames are worth.

    T M / (2 tau), tau the integrated autocorrelation time of single sites about the mean of all (window of
    5 tau), divided by how much larger the variance of a frame's mean is than that of M independent sites.
    """
    n_frames, n_sites = values.shape
    centered = values - values.mean()
    variance = float(np.mean(centered**2))
    if variance == 0.0:
        return 1.0
    tau = 0.5
    for lag in range(1, n_frames):
        tau += float(np.mean(centered[lag:] * centered[:-lag])) / variance
        if lag >= 5.0 * tau:
            break
    together = n_sites * float(np.var(values.mean(axis=1))) / variance
    return n_frames * n_sites / (max(2.0 * tau, 1.0) * max(together, 1.0))


def accuracy(melt: Array, crystal: Array, threshold: float) -> Accuracy:
    """Of ``values > threshold`` as crystal, or below if crystals lie there, for (T, M) of each phase."""
    sign = 1.0 if crystal.mean() >= melt.mean() else -1.0
    wrong = int(np.sum(sign * (melt - threshold) > 0) + np.sum(sign * (crystal - threshold) <= 0))
    n_sites = melt.size + crystal.size
    independent = min(n_sites, independent_samples(melt) + independent_samples(crystal))
    failed = wrong / n_sites * independent
    low = float(beta.ppf(0.025, independent - failed, failed + 1.0)) if failed < independent else 0.0
    high = float(beta.ppf(0.975, independent - failed + 1.0, failed)) if failed > 0 else 1.0
    return Accuracy(1.0 - wrong / n_sites, low, high, n_sites, wrong, independent)


def best_threshold(melt: Array, crystal: Array) -> float:
    """The value between two samples that most of them lie on the right side of."""
    values = np.concatenate([melt.ravel(), crystal.ravel()])
    label = np.repeat([-1, 1], [melt.size, crystal.size])
    order = np.argsort(values)
    right = np.abs(np.cumsum(label[order]) - 0.5 * label.sum())[:-1]
    best = int(np.argmax(right))
    return float(values[order][best : best + 2].mean())


def separation(melt: Array, crystal: Array) -> float:
    """Difference of the means over the larger of the standard deviations of frames."""
    spread = max(melt.std(ddof=1), crystal.std(ddof=1))
    gap = abs(float(crystal.mean() - melt.mean()))
    return 0.0 if gap < 1e-9 * abs(float(melt.mean())) else gap / float(spread)


def mean_and_error(values: Array, n_blocks: int = 4) -> tuple[float, float]:
    """Mean of successive values, and its standard error from blocks of time."""
    blocks = np.array([part.mean() for part in np.array_split(values, n_blocks)])
    return float(values.mean()), float(blocks.std(ddof=1) / np.sqrt(n_blocks))
