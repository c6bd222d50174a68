"""Free energies from hills, from a bias grid, and from weighted samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gnncv.analysis.bias import BiasGrid, hill_sum, partial_sums
from gnncv.analysis.blocks import weighted_histogram
from gnncv.analysis.curve import FreeEnergy
from gnncv.analysis.thermal import thermal_energy
from gnncv.errors import InvalidArgument
from gnncv.files.hills import Hills

Array = NDArray[np.float64]


def check_range(value_range: tuple[float, float] | None) -> None:
    """Refuse a range that is not two finite ascending values."""
    if value_range is not None:
        low, high = value_range
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise InvalidArgument(f"the range is {low} to {high}; the first must be smaller than the second")


def free_energy_from_hills(
    hills: Hills,
    bins: int = 200,
    value_range: tuple[float, float] | None = None,
    blocks: int = 5,
    plumed_cutoff: bool = False,
) -> FreeEnergy:
    """Minus the sum of the hills, scaled by g/(g-1) if well-tempered, as ``plumed sum_hills`` does.

    Parameters
    ----------
    hills : Hills
        Hills of one variable.
    bins : int
        Points of the grid.
    value_range : (low, high), optional
        Range of the grid; default from the lowest to the highest center, where the run has been.
    blocks : int
        The errors are the standard deviation of `blocks` estimates, after half of the hills and on, evenly
        spaced to all of them, aligned by their means. They say how much the curve still moves, not
        how well it was sampled: reweighting (`free_energy_from_samples`) gives sampling errors.
    plumed_cutoff : bool
        Cut Gaussians as PLUMED does.

    Returns
    -------
    FreeEnergy

    References
    ----------
    Barducci, Bussi, Parrinello, PRL 100, 020603 (2008), doi:10.1103/PhysRevLett.100.020603.
    """
    check_range(value_range)
    if len(hills.cv) != 1:
        raise InvalidArgument(
            f"the hills have {len(hills.cv)} variables ({', '.join(hills.cv)}) and a curve has one: "
            "reweight the COLVAR file of the run onto the one of interest"
        )
    if len(hills) == 0:
        raise InvalidArgument("the HILLS file has no hills")
    centers = hills.centers[:, 0]
    low, high = value_range or (float(centers.min()), float(centers.max()))
    if low == high:
        low, high = low - float(hills.sigmas.max()), high + float(hills.sigmas.max())
    grid = np.linspace(low, high, bins)
    values = -hill_sum(hills, grid, hills.heights, plumed_cutoff)
    errors, error_method = None, "no error estimate: too few hills"
    if len(hills) >= 2 * blocks:
        first = len(hills) // 2
        ends = [first + round((len(hills) - first) * k / (blocks - 1)) for k in range(blocks)]
        curves = np.array([-total for total in partial_sums(hills, grid, ends, hills.heights)])
        curves -= curves.mean(axis=1, keepdims=True)
        errors = curves.std(axis=0, ddof=1)
        error_method = (
            f"spread of {blocks} estimates over the second half of the hills (convergence, not sampling)"
        )
    kind = "plain" if hills.bias_factor is None else f"well-tempered (bias factor {hills.bias_factor:g})"
    return FreeEnergy(
        hills.cv[0],
        grid,
        values,
        errors,
        f"sum of {len(hills)} {kind} metadynamics hills",
        error_method,
        facts={"n_hills": len(hills)},
    )


def free_energy_from_grid(bias: BiasGrid, bias_factor: float | None, cv: str) -> FreeEnergy:
    """Minus g/(g-1) times the bias of OpenMM's `Metadynamics`, without errors: a grid has no history.

    Parameters
    ----------
    bias : BiasGrid
        The bias, summed over walkers.
    bias_factor : float or None
        Bias factor g > 1 of the run; None for plain metadynamics.
    cv : str
        Name of the variable.

    Returns
    -------
    FreeEnergy
    """
    if bias_factor is not None and not (np.isfinite(bias_factor) and bias_factor > 1.0):
        raise InvalidArgument(
            f"bias_factor is {bias_factor}; it must be above 1 (None for plain metadynamics)"
        )
    scale = 1.0 if bias_factor is None else bias_factor / (bias_factor - 1.0)
    return FreeEnergy(
        cv,
        bias.grid,
        -scale * bias.bias,
        None,
        f"bias grid of {len(bias.walkers)} walker(s)",
        "no error estimate: a grid has no history",
        facts={"n_walkers": len(bias.walkers)},
    )


def free_energy_from_samples(
    samples: Array,
    weights: Array | None,
    temperature_kelvin: float,
    cv: str,
    bins: int = 60,
    value_range: tuple[float, float] | None = None,
    blocks: int = 5,
    method: str = "histogram",
) -> FreeEnergy:
    """-kT ln p of a weighted histogram, with block error bars kT dp/p.

    Parameters
    ----------
    samples, weights : (T,) float64
        Values in the order of time, and their weights (None: all equal).
    temperature_kelvin : float
        Temperature of the run.
    cv : str
        Name of the variable.
    bins, value_range : int, (low, high)
        Bins of the histogram; default range that of the samples.
    blocks : int
        Blocks of the error estimate.
    method : str
        What the weights are, for the files.

    Returns
    -------
    FreeEnergy
        Errors are those of -kT ln p with p normalized, before the lowest value is set to zero.
    """
    energy = thermal_energy(temperature_kelvin)
    check_range(value_range)
    samples = np.asarray(samples, dtype=np.float64)
    if len(samples) == 0:
        raise InvalidArgument(f"there are no samples of {cv}")
    low, high = value_range or (float(samples.min()), float(samples.max()))
    if low == high:
        raise InvalidArgument(f"{cv} has the one value {low:g} in all samples; there is no curve to draw")
    histogram = weighted_histogram(samples, weights, np.linspace(low, high, bins + 1), blocks)
    visited = histogram.density > 0.0
    values = np.full(bins, np.inf)
    errors = np.full(bins, np.nan)
    values[visited] = -energy * np.log(histogram.density[visited])
    errors[visited] = energy * histogram.errors[visited] / histogram.density[visited]
    return FreeEnergy(
        cv,
        histogram.centers,
        values,
        errors,
        method,
        f"block averages over {blocks} blocks",
        temperature_kelvin,
        {
            "n_samples": len(samples),
            "effective_samples": histogram.effective_samples,
            "n_blocks": blocks,
            "weight_in_range": histogram.inside,
        },
    )
