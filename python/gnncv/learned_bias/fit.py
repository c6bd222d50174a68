"""Fit the network of a learned bias to a free energy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnncv.analysis.thermal import KJ_MOL_PER_EV
from gnncv.errors import InvalidArgument

from .landscape import MOST_SAMPLES, Landscape, bandwidth
from .network import LearnedBias

Array = NDArray[np.float64]

MOST_KERNELS = 200
KERNELS_PER_OUTPUT = 60
DISTRUST = 0.05
"""The confidence is one half where there are this many times the samples that are near the median one."""
MARGIN = 1.05
"""Of the largest energy above what is fitted, so that the logistic function can reach it."""
DECAY = 1e-6
STEPS = 400


@dataclass
class Fit:
    """A fitted bias and how good it is.

    Attributes
    ----------
    bias : LearnedBias
        From the outputs' values to eV.
    zero_at : float
        The free energy (eV above the lowest) at which the bias is zero.
    bias_factor : float or None
        gamma in V = (1 - 1/gamma) (F_0 - F); None for infinite.
    fit_residual, residual : float
        Root mean square (eV) of V minus (1 - 1/gamma) (F_0 - F), over the points that were fitted and over
        the held-out ones, up to a constant. Held-out points where the confidence is below one half are left
        out, and free energies above F_0 count as F_0.
    n_tested : int
        Held-out points that counted.
    """

    bias: LearnedBias
    zero_at: float
    bias_factor: float | None
    fit_residual: float
    residual: float
    n_tested: int


def fit_bias(
    landscape: Landscape,
    bias_factor: float | None = None,
    largest_kj_mol: float | None = None,
    seed: int = 0,
) -> Fit:
    """Fit V = (1 - 1/gamma) (F_0 - F), zero where F is F_0 or more, flat where there are no samples.

    F_0 is the highest free energy where the confidence is at least one half.

    Parameters
    ----------
    landscape
        Free energies at points, and samples.
    bias_factor
        gamma of the bias, above 1; None for infinite, which makes the biased distribution flat. At gamma
        it is that of the unbiased system to the power 1/gamma, as in well-tempered metadynamics.
    largest_kj_mol
        Bound of the energy; wells deeper than it are filled from F_0 = bound / (1 - 1/gamma) down to their
        bottom.
    seed
        Of the network's first weights and of the choice of kernels.

    Raises
    ------
    InvalidArgument
        A bias factor or a bound that is out of range, or a landscape that is flat already.
    """
    if bias_factor is not None and not (math.isfinite(bias_factor) and bias_factor > 1.0):
        raise InvalidArgument(f"the bias factor is {bias_factor}; it must be above 1 (none: infinite)")
    if largest_kj_mol is not None and not (math.isfinite(largest_kj_mol) and largest_kj_mol > 0.0):
        raise InvalidArgument(f"the largest energy is {largest_kj_mol} kJ/mol; it must be positive")
    scale = 1.0 if bias_factor is None else 1.0 - 1.0 / bias_factor
    bias = _start(landscape, seed)
    points, energies = torch.from_numpy(landscape.points), torch.from_numpy(landscape.energies)
    trusted = bias.confidence(points) >= 0.5
    zero_at = float(energies[trusted].max()) if bool(trusted.any()) else 0.0
    if largest_kj_mol is not None:
        zero_at = min(zero_at, largest_kj_mol / KJ_MOL_PER_EV / scale)
    if not zero_at > 0.0:
        raise InvalidArgument("the free energy is the same at all trusted points: there is nothing to bias")
    bound = MARGIN * scale * zero_at
    bias.largest = bound if largest_kj_mol is None else min(bound, largest_kj_mol / KJ_MOL_PER_EV)
    target = scale * (zero_at - energies).clamp(min=0.0)
    _optimize(bias, points, target, torch.from_numpy(landscape.certainty))
    with torch.no_grad():
        fitted = _root_mean_square(bias(points)[trusted] - target[trusted])
    residual, n_tested = _test(bias, landscape, scale, zero_at)
    return Fit(bias.requires_grad_(False).eval(), zero_at, bias_factor, fitted, residual, n_tested)


def _start(landscape: Landscape, seed: int) -> LearnedBias:
    """A network that was not trained, with the kernels of its confidence."""
    samples = landscape.samples
    shift, spread = samples.mean(axis=0), samples.std(axis=0)
    width = bandwidth(samples, landscape.held_out)
    standard = (samples - shift) / spread
    centers, counts = _kernels(standard, seed)
    if len(centers) > 1:
        from scipy.spatial import cKDTree

        apart = cKDTree(centers).query(centers, k=2)[0][:, 1]
        width = max(width, float(np.median(apart)))  # neighboring kernels overlap
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        bias = LearnedBias(
            torch.from_numpy(shift),
            torch.from_numpy(spread),
            torch.from_numpy(centers),
            torch.from_numpy(counts),
            width,
            half_trusted=1.0,
            largest=1.0,
        )
    some = torch.from_numpy(samples[:: max(1, len(samples) // MOST_SAMPLES)])
    share = bias.confidence(some)  # n / (n + 1)
    bias.half_trusted = DISTRUST * float((share / (1.0 - share)).median())
    return bias


def _kernels(standard: Array, seed: int) -> tuple[Array, Array]:
    """Where samples are, as centers ``(M, D)`` and how many each stands for ``(M,)``, by k-means."""
    from sklearn.cluster import KMeans

    some = standard[:: max(1, len(standard) // MOST_SAMPLES)]
    n_kernels = min(KERNELS_PER_OUTPUT * standard.shape[1], MOST_KERNELS, len(np.unique(some, axis=0)))
    means = KMeans(n_kernels, n_init=1, max_iter=50, random_state=seed).fit(some)
    counts = np.bincount(means.labels_, minlength=n_kernels) * (len(standard) / len(some))
    return np.ascontiguousarray(means.cluster_centers_, dtype=np.float64), counts.astype(np.float64)


def _optimize(bias: LearnedBias, points: Tensor, target: Tensor, certainty: Tensor) -> None:
    """Least squares by L-BFGS, in units of the largest energy."""
    optimizer = torch.optim.LBFGS(
        bias.parameters(), max_iter=STEPS, history_size=20, line_search_fn="strong_wolfe"
    )
    share = certainty / certainty.sum()

    def loss() -> Tensor:
        optimizer.zero_grad()
        error = (share * ((bias(points) - target) / bias.largest).square()).sum()
        size = torch.stack([parameter.square().sum() for parameter in bias.parameters()]).sum()
        total: Tensor = error + DECAY * size
        total.backward()
        return total

    optimizer.step(loss)


@torch.no_grad()
def _test(bias: LearnedBias, landscape: Landscape, scale: float, zero_at: float) -> tuple[float, int]:
    """Residual at held-out points, and how many they are."""
    points = torch.from_numpy(landscape.test_points)
    trusted = bias.confidence(points) >= 0.5
    if not bool(trusted.any()):
        raise InvalidArgument(
            "the bias is trusted at none of the held-out samples: the run has not been anywhere twice; "
            "run longer, or name fewer outputs"
        )
    energies = torch.from_numpy(landscape.test_energies)[trusted]
    found = bias(points[trusted])
    # held-out free energies have a constant of their own: the mean difference, found where F is below F_0
    target = scale * (zero_at - energies)
    for _ in range(3):
        target = target + (found - target.clamp(min=0.0)).mean()
    return _root_mean_square(found - target.clamp(min=0.0)), len(energies)


def _root_mean_square(values: Tensor) -> float:
    return float(values.square().mean().sqrt())
