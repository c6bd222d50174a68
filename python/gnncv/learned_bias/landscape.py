"""Free energy on the sampled part of the space of some outputs: what a bias is learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnncv.analysis.bias import hill_sum
from gnncv.analysis.estimators import free_energy_from_samples
from gnncv.analysis.thermal import KJ_MOL_PER_EV, thermal_energy
from gnncv.errors import InvalidArgument
from gnncv.files import Hills

Array = NDArray[np.float64]
BLOCKS = 10
HELD_OUT_BLOCKS = (2, 7)
BINS = 60
MOST_POINTS = 800
MOST_SAMPLES = 4000
BANDWIDTHS = (0.15, 0.25, 0.4, 0.6, 1.0)
"""Of which that with the largest likelihood of held-out samples is taken, in units of Scott's."""


@dataclass
class Landscape:
    """Where a run has been, and the free energy there.

    Attributes
    ----------
    outputs : list of D str
        The variables.
    samples : (T, D)
        Where the run has been, in the order of time.
    held_out : (T,) bool
        Samples in the blocks of time that are kept for the residual.
    points, energies : (P, D), (P,)
        Free energies (eV) from the other samples; the lowest is zero.
    certainty : (P,)
        Weights of the points in a fit: 1 / (1 + (error / kT)^2) where errors are known, else 1.
    test_points, test_energies : (Q, D), (Q,)
        Free energies at held-out samples, up to a constant.
    method, test_method : str
        Where both come from, in words.
    temperature_kelvin, bias_factor : float or None
        Of the run, where known; no bias factor means infinite.
    facts : dict
        Figures behind it.
    """

    outputs: list[str]
    samples: Array
    held_out: NDArray[np.bool_]
    points: Array
    energies: Array
    certainty: Array
    test_points: Array
    test_energies: Array
    method: str
    test_method: str
    temperature_kelvin: float | None = None
    bias_factor: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def held_out_blocks(n_samples: int) -> NDArray[np.bool_]:
    """Which of so many samples in the order of time are held out: two of ten blocks."""
    block = np.arange(n_samples) * BLOCKS // max(n_samples, 1)
    return np.isin(block, HELD_OUT_BLOCKS)


def landscape_from_hills(hills: Hills, outputs: Sequence[str]) -> Landscape:
    """Minus the sum of the hills, scaled by g/(g-1) if well-tempered, where hills were added.

    Parameters
    ----------
    hills
        Of the D variables.
    outputs
        What the model calls them, in the order of the hills' variables.

    References
    ----------
    Barducci, Bussi, Parrinello, PRL 100, 020603 (2008), doi:10.1103/PhysRevLett.100.020603.
    """
    if len(hills) < 2 * BLOCKS:
        raise InvalidArgument(f"there are {len(hills)} hills; at least {2 * BLOCKS} are needed")
    if any(period is not None for period in hills.periods()):
        raise InvalidArgument("the hills are of a periodic variable; outputs of a model are not periodic")
    centers = np.asarray(hills.centers, dtype=np.float64)
    held_out = held_out_blocks(len(centers))
    points = centers[_spread(np.flatnonzero(~held_out))]
    test_points = centers[_spread(np.flatnonzero(held_out))]
    energies, test_energies = (
        -hill_sum(hills, where, hills.heights) / KJ_MOL_PER_EV for where in (points, test_points)
    )
    return Landscape(
        list(outputs), centers, held_out, points, energies - energies.min(), np.ones(len(points)),
        test_points, test_energies - energies.min(), f"sum of {len(hills)} hills",
        "the same hills, at positions that were not fitted: the error of the fit, not of sampling",
        None, hills.bias_factor, {"n_hills": len(hills)},
    )  # fmt: skip


def landscape_from_samples(
    samples: Array,
    weights: Array | None,
    temperature_kelvin: float,
    outputs: Sequence[str],
    method: str,
    held_out: NDArray[np.bool_] | None = None,
) -> Landscape:
    """-kT ln p of weighted samples: a histogram of one variable, kernels of several.

    Parameters
    ----------
    samples : (T, D)
        In the order of time.
    weights : (T,) or None
        That make them samples of the unbiased system.
    temperature_kelvin
        Of the run.
    outputs
        What the model calls the variables.
    method
        What the weights are, in words.
    held_out : (T,) bool, optional
        Which samples are kept for the residual; two of ten blocks of time if absent.

    Raises
    ------
    InvalidArgument
        Too few samples, or a variable that does not change.
    """
    samples = np.asarray(samples, dtype=np.float64).reshape(len(samples), -1)
    if len(samples) < 10 * BLOCKS:
        raise InvalidArgument(f"there are {len(samples)} samples; at least {10 * BLOCKS} are needed")
    for name, column in zip(outputs, samples.T, strict=True):
        if not np.all(np.isfinite(column)) or column.min() == column.max():
            raise InvalidArgument(f"{name} is not finite, or has one value only, in the samples")
    held_out = held_out_blocks(len(samples)) if held_out is None else held_out
    weights = np.full(len(samples), 1.0 / len(samples)) if weights is None else np.asarray(weights)
    parts = []
    width = None if samples.shape[1] == 1 else bandwidth(samples, held_out, weights)
    for chosen in (~held_out, held_out):
        if width is None:
            low, high = float(samples.min()), float(samples.max())
            parts.append(_histogram(samples[chosen, 0], weights[chosen], temperature_kelvin, (low, high)))
        else:
            parts.append(_kernels(samples[chosen], weights[chosen], temperature_kelvin, width))
    (points, energies, certainty), (test_points, test_energies, _) = parts
    effective = float(weights.sum() ** 2 / np.sum(weights**2))
    return Landscape(
        list(outputs), samples, held_out, points, energies - energies.min(), certainty, test_points,
        test_energies, method, "free energy of held-out blocks of time alone", temperature_kelvin, None,
        {"n_samples": len(samples), "effective_samples": effective},
    )  # fmt: skip


def bandwidth(samples: Array, held_out: NDArray[np.bool_], weights: Array | None = None) -> float:
    """Width of Gaussian kernels, in units of each variable's spread, that predicts held-out samples best."""
    from sklearn.neighbors import KernelDensity

    standard = (samples - samples.mean(axis=0)) / samples.std(axis=0)
    train, test = _spread(np.flatnonzero(~held_out), MOST_SAMPLES), _spread(np.flatnonzero(held_out), 500)
    scott = len(train) ** (-1.0 / (samples.shape[1] + 4.0))
    share = None if weights is None else weights[train] / weights[train].max()
    found: dict[float, float] = {}
    for factor in BANDWIDTHS:
        density = KernelDensity(bandwidth=factor * scott, rtol=1e-4).fit(standard[train], sample_weight=share)
        logs = np.maximum(density.score_samples(standard[test]), -50.0)  # one stray sample decides nothing
        found[factor * scott] = float(np.average(logs, weights=None if weights is None else weights[test]))
    return max(found, key=lambda width: found[width])


def _histogram(
    samples: Array, weights: Array, temperature_kelvin: float, value_range: tuple[float, float]
) -> tuple[Array, Array, Array]:
    """Visited bins' centers, free energies (eV) there, and their certainty."""
    curve = free_energy_from_samples(
        samples, weights / weights.sum(), temperature_kelvin, "samples", BINS, value_range
    )
    visited = np.isfinite(curve.values)
    errors = np.zeros(len(curve.grid)) if curve.errors is None else curve.errors
    certainty = 1.0 / (1.0 + (errors[visited] / thermal_energy(temperature_kelvin)) ** 2)
    return curve.grid[visited, None], curve.values[visited] / KJ_MOL_PER_EV, certainty


def _kernels(
    samples: Array, weights: Array, temperature_kelvin: float, width: float
) -> tuple[Array, Array, Array]:
    """Some of the samples, free energies (eV) there, and ones."""
    from sklearn.neighbors import KernelDensity

    shift, spread = samples.mean(axis=0), samples.std(axis=0)
    some = _spread(np.arange(len(samples)), MOST_SAMPLES)
    density = KernelDensity(bandwidth=width, rtol=1e-4)
    density.fit((samples[some] - shift) / spread, sample_weight=weights[some] / weights[some].max())
    points = samples[_spread(np.arange(len(samples)))]
    logs = density.score_samples((points - shift) / spread)
    return points, -thermal_energy(temperature_kelvin) / KJ_MOL_PER_EV * logs, np.ones(len(points))


def _spread(indices: NDArray[np.int64], most: int = MOST_POINTS) -> NDArray[np.int64]:
    """At most so many of the indices, evenly spaced."""
    if len(indices) <= most:
        return indices
    return indices[np.linspace(0, len(indices) - 1, most).round().astype(np.int64)]
