"""Weighted histograms and means of correlated samples, with error bars from block averages.

For blocks b with weighted counts A_b and weights W_b the estimate is the ratio p = sum A_b / sum W_b. Its
variance, to first order in the fluctuations (delta method; equal to the delete-one-block jackknife), is

    var p = B / (B - 1) * sum_b (A_b - p W_b)^2 / (sum_b W_b)^2 ,

right when blocks are longer than the correlation time of samples and weights (Flyvbjerg, Petersen,
JCP 91, 461, 1989, doi:10.1063/1.457480; Bussi, Tribello, Methods Mol. Biol. 2022, 529, 2019,
doi:10.1007/978-1-4939-9608-7_21).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument

Array = NDArray[np.float64]


def _checked(samples: Array, weights: Array | None) -> tuple[Array, Array]:
    samples = np.asarray(samples, dtype=np.float64)
    weights = np.ones(len(samples)) if weights is None else np.asarray(weights, dtype=np.float64)
    if samples.ndim != 1 or weights.shape != samples.shape:
        raise InvalidArgument(
            f"samples of shape {samples.shape} and weights of shape {weights.shape} do not match"
        )
    if len(samples) == 0:
        raise InvalidArgument("there are no samples")
    if not (np.all(np.isfinite(samples)) and np.all(np.isfinite(weights))):
        raise InvalidArgument("samples and weights must be finite")
    if np.any(weights < 0.0) or not weights.sum() > 0.0:
        raise InvalidArgument("weights must not be negative, and not all zero")
    return samples, weights / weights.max()


def kish_sample_size(weights: Array) -> float:
    """Number of equally weighted samples that (T,) weights are worth, (sum w)^2 / sum w^2 (Kish, 1965)."""
    _, scaled = _checked(np.zeros(len(weights)), weights)
    return float(scaled.sum() ** 2 / np.sum(scaled**2))


def ratio_error(numerators: Array, weights: Array) -> tuple[Array, Array]:
    """Ratio of block sums and its standard error.

    Parameters
    ----------
    numerators : (B, M) float64
        Weighted sums A_b of M quantities in each of B blocks.
    weights : (B,) float64
        Sums of weights W_b.

    Returns
    -------
    ratio, error : (M,) float64
        p and its standard error; the error is infinite for one block.
    """
    total = weights.sum()
    ratio = numerators.sum(axis=0) / total
    n_blocks = len(weights)
    if n_blocks < 2:
        return ratio, np.full(ratio.shape, np.inf)
    residuals = numerators - weights[:, None] * ratio[None, :]
    variance = n_blocks / (n_blocks - 1) * np.sum(residuals**2, axis=0) / total**2
    return ratio, np.sqrt(variance)


@dataclass
class WeightedHistogram:
    """A normalized histogram with error bars.

    Attributes
    ----------
    centers : (M,) float64
        Bin centers.
    density, errors : (M,) float64
        Probability density (per unit of the variable) and its standard error.
    n_blocks : int
        Number of blocks behind the errors.
    effective_samples : float
        Kish's effective number of samples: what the weights leave, correlation not counted.
    inside : float
        Fraction of the weight that lies in the range of the bins.
    """

    centers: Array
    density: Array
    errors: Array
    n_blocks: int
    effective_samples: float
    inside: float


def weighted_histogram(
    samples: Array, weights: Array | None, edges: Array, n_blocks: int = 5
) -> WeightedHistogram:
    """Histogram of correlated samples, with block error bars.

    Parameters
    ----------
    samples, weights : (T,) float64
        In the order of time. Weights None: all equal.
    edges : (M+1,) float64
        Ascending edges of the bins; samples outside count in the normalization.
    n_blocks : int
        Blocks of equal length; at least 2, and at most T.

    Returns
    -------
    WeightedHistogram
    """
    samples, weights = _checked(samples, weights)
    edges = np.asarray(edges, dtype=np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not np.all(np.diff(edges) > 0.0):
        raise InvalidArgument("the edges of a histogram must be at least two ascending values")
    if not 2 <= n_blocks <= len(samples):
        raise InvalidArgument(
            f"n_blocks is {n_blocks}; it must lie between 2 and the number of samples, {len(samples)}"
        )
    bounds = np.linspace(0, len(samples), n_blocks + 1).astype(int)
    counts = np.zeros((n_blocks, len(edges) - 1))
    block_weights = np.zeros(n_blocks)
    for b, (start, end) in enumerate(pairwise(bounds)):
        counts[b], _ = np.histogram(samples[start:end], edges, weights=weights[start:end])
        block_weights[b] = weights[start:end].sum()
    probability, error = ratio_error(counts, block_weights)
    width = np.diff(edges)
    return WeightedHistogram(
        0.5 * (edges[:-1] + edges[1:]),
        probability / width,
        error / width,
        n_blocks,
        kish_sample_size(weights),
        float(probability.sum()),
    )


@dataclass
class BlockScan:
    """Error of a weighted mean against the length of the blocks; it rises to a plateau, which is the error.

    Attributes
    ----------
    sizes : (S,) int
        Samples in a block.
    n_blocks : (S,) int
        Number of blocks.
    errors, uncertainties : (S,) float64
        Standard error of the mean, and its own standard deviation, error / sqrt(2 (B - 1)).
    mean : float
        The weighted mean.
    """

    sizes: NDArray[np.int64]
    n_blocks: NDArray[np.int64]
    errors: Array
    uncertainties: Array
    mean: float

    @property
    def inefficiency(self) -> float:
        """How many samples are worth one: (largest error / error of single samples) squared, at least 1."""
        return max(1.0, float((self.errors.max() / self.errors[0]) ** 2)) if self.errors[0] > 0.0 else 1.0


def scan_blocks(
    samples: Array, weights: Array | None = None, sizes: Sequence[int] | None = None
) -> BlockScan:
    """Block-average errors of a weighted mean over a range of block sizes.

    Parameters
    ----------
    samples, weights : (T,) float64
        In the order of time. Weights None: all equal.
    sizes : sequence of int, optional
        Block sizes; default 1, 2, 4, ... as long as 8 blocks remain. What does not fill a block at the end is
        left out of the errors.

    Returns
    -------
    BlockScan
    """
    samples, weights = _checked(samples, weights)
    if sizes is None:
        sizes = [2**k for k in range(64) if len(samples) // 2**k >= 8] or [1]
    errors, counts = [], []
    for size in sizes:
        number = len(samples) // size if size >= 1 else 0
        if number < 2:
            raise InvalidArgument(
                f"a block size of {size} leaves fewer than two blocks of {len(samples)} samples"
            )
        cut = number * size
        block_weights = weights[:cut].reshape(number, size).sum(axis=1)
        sums = (weights[:cut] * samples[:cut]).reshape(number, size).sum(axis=1)
        errors.append(float(ratio_error(sums[:, None], block_weights)[1][0]))
        counts.append(number)
    n_blocks, found = np.array(counts, dtype=np.int64), np.array(errors)
    mean = float(np.sum(weights * samples) / weights.sum())
    return BlockScan(
        np.array(sizes, dtype=np.int64), n_blocks, found, found / np.sqrt(2.0 * (n_blocks - 1)), mean
    )
