"""Weights that turn the samples of a metadynamics run into samples of the unbiased system.

Three ways, with V(s, t) the bias at time t and s_t the variable's value then:

- `bias_weights`: w_t = exp(V(s_t, t) / kT), with the bias as logged, right for a bias that does not
  change (and for the quasi-static end of a run);
- `final_bias_weights`: w_t = exp(V(s_t, t_end) / kT), the final bias of a converged run for all samples
  (Branduardi, Bussi, Parrinello, JCTC 8, 2247, 2012, doi:10.1021/ct3002464);
- `tiwary_parrinello_weights`: w_t = exp((V(s_t, t) - c(t)) / kT), with

      c(t) = kT ln [ int ds exp(g V(s,t) / ((g-1) kT)) / int ds exp(V(s,t) / ((g-1) kT)) ],

  g the bias factor (Tiwary, Parrinello, J. Phys. Chem. B 119, 736, 2015, doi:10.1021/jp504920s); for plain
  metadynamics (g to infinity) the exponents become V/kT and 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gnncv.analysis.bias import BiasGrid, hill_grid, hill_sum
from gnncv.analysis.thermal import thermal_energy
from gnncv.errors import InvalidArgument
from gnncv.files.hills import Hills

Array = NDArray[np.float64]


def _finite(values: Array, what: str) -> Array:
    values = np.asarray(values, dtype=np.float64)
    if not np.all(np.isfinite(values)):
        bad = int(np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))[0])
        raise InvalidArgument(f"{what} of sample {bad} is not finite")
    return values


def _log_sum_exp(exponents: Array, factors: Array | float = 1.0) -> float:
    """log(sum(factors * exp(exponents))) without overflow."""
    highest = float(exponents.max())
    return highest + float(np.log(np.sum(factors * np.exp(exponents - highest))))


def bias_weights(bias_kj_mol: Array, temperature_kelvin: float) -> Array:
    """Weights exp(V/kT) of samples taken under a bias.

    Parameters
    ----------
    bias_kj_mol : (T,) float64
        Bias felt by each sample, kJ/mol.
    temperature_kelvin : float
        Temperature of the run.

    Returns
    -------
    (T,) float64
        Weights, scaled so that they sum to one.
    """
    energy = thermal_energy(temperature_kelvin)
    exponents = _finite(bias_kj_mol, "the bias") / energy
    if len(exponents) == 0:
        raise InvalidArgument("there are no samples to reweight")
    weights: Array = np.exp(exponents - _log_sum_exp(exponents))
    return weights


def gradient_norms(squares: Array, name: str = "gradnorm2") -> Array:
    """Weights (T,) of the geometric free energy: ``|grad s|``, from its squares.

    ``F(s) = -kT ln < |grad s| delta(s(r) - s) >`` is the same for s and for any monotonic function of s,
    where the plain ``-kT ln < delta(s(r) - s) >`` is not: a learned variable is known only up to such a
    function.

    Parameters
    ----------
    squares : (T,) float64
        ``|grad s|^2`` of each sample, in any unit.
    name : str
        Of the column, for errors.

    Raises
    ------
    InvalidArgument
        If a square is not finite or not positive.

    References
    ----------
    Hartmann, Latorre, Ciccotti, Eur. Phys. J. Spec. Top. 200, 73 (2011), doi:10.1140/epjst/e2011-01519-7.
    """
    values = _finite(squares, name)
    if not (values > 0.0).all():
        first = int(np.flatnonzero(values <= 0.0)[0])
        raise InvalidArgument(
            f"{name} is {values[first]:g} in sample {first}; a squared gradient is positive where the "
            "variable is free to move"
        )
    norms: Array = np.sqrt(values)
    return norms


def final_bias_weights(samples: Array, bias: Hills | BiasGrid, temperature_kelvin: float) -> Array:
    """Weights exp(V(s, t_end)/kT) with the final bias of a run.

    Parameters
    ----------
    samples : (T,) or (T, D) float64
        Values of the biased variable(s).
    bias : Hills or BiasGrid
        All hills of the run, or OpenMM's bias.
    temperature_kelvin : float
        Temperature of the run.

    Returns
    -------
    (T,) float64
        Weights, scaled so that they sum to one.
    """
    samples = _finite(samples, "the biased variable")
    if isinstance(bias, BiasGrid):
        return bias_weights(bias.at(samples.reshape(-1)), temperature_kelvin)
    if len(bias) == 0:
        raise InvalidArgument("the HILLS file has no hills")
    if len(bias.cv) > 1:
        return bias_weights(hill_sum(bias, samples), temperature_kelvin)
    values = samples.reshape(-1)
    if len(values) == 0:
        raise InvalidArgument("there are no samples to reweight")
    grid = hill_grid(bias, float(values.min()), float(values.max()))
    return bias_weights(np.interp(values, grid, hill_sum(bias, grid)), temperature_kelvin)


def bias_offset(bias: Array, grid: Array, bias_factor: float | None, temperature_kelvin: float) -> float:
    """c(t) of Tiwary and Parrinello (kJ/mol) for a bias (M,) on an even grid (M,)."""
    energy = thermal_energy(temperature_kelvin)
    with_bias = 1.0 if bias_factor is None else bias_factor / (bias_factor - 1.0)
    without = 0.0 if bias_factor is None else 1.0 / (bias_factor - 1.0)
    measure = np.full(len(grid), 1.0)
    measure[[0, -1]] = 0.5  # trapezoidal rule; the step cancels
    top = _log_sum_exp(with_bias * bias / energy, measure)
    bottom = _log_sum_exp(without * bias / energy, measure)
    return float(energy * (top - bottom))


def tiwary_parrinello_weights(
    time_ps: Array,
    samples: Array,
    hills: Hills,
    temperature_kelvin: float,
    domain: tuple[float, float] | None = None,
) -> Array:
    """Weights exp((V(s_t, t) - c(t))/kT), rebuilding the bias from the hills.

    Parameters
    ----------
    time_ps : (T,) float64
        Times of the samples, ascending.
    samples : (T,) float64
        Values of the biased variable.
    hills : Hills
        Hills of one variable. A sample feels the hills deposited before its time, not the one at its time.
    temperature_kelvin : float
        Temperature of the run.
    domain : (low, high), optional
        Range of the integrals in c(t); default what samples and hills have visited.

    Returns
    -------
    (T,) float64
        Weights, scaled so that they sum to one.
    """
    energy = thermal_energy(temperature_kelvin)
    values, times = _finite(samples, "the biased variable").reshape(-1), _finite(time_ps, "the time")
    if len(hills.cv) != 1:
        raise InvalidArgument(f"c(t) is available for one variable; the hills have {', '.join(hills.cv)}")
    if len(values) != len(times) or len(values) == 0:
        raise InvalidArgument(f"{len(times)} times and {len(values)} samples were given")
    if np.any(np.diff(times) < 0.0) or np.any(np.diff(hills.time) < 0.0):
        raise InvalidArgument(
            "times must ascend in both the samples and the hills; sort (and cut restarts) first"
        )
    seen = [values, hills.centers[:, 0]]
    low = min(float(part.min()) for part in seen if len(part))
    high = max(float(part.max()) for part in seen if len(part))
    if len(hills) == 0 or low == high:
        raise InvalidArgument("there are no hills, or samples and hills have one value only")
    grid = hill_grid(hills, low, high)
    inside = np.ones(len(grid), dtype=bool) if domain is None else (grid >= domain[0]) & (grid <= domain[1])
    if inside.sum() < 2:
        raise InvalidArgument(f"the domain {domain} does not overlap what was visited, {low:g} to {high:g}")
    felt = np.searchsorted(hills.time, times, side="left")  # hills before each sample
    exponents = np.zeros(len(values))
    bias, done = np.zeros(len(grid)), 0
    for count in np.unique(felt):
        bias, done = bias + hill_sum(hills.part(done, int(count)), grid), int(count)
        offset = bias_offset(bias[inside], grid[inside], hills.bias_factor, temperature_kelvin)
        chosen = slice(*np.searchsorted(felt, [count, count + 1]))
        exponents[chosen] = (np.interp(values[chosen], grid, bias) - offset) / energy
    weights: Array = np.exp(exponents - _log_sum_exp(exponents))
    return weights
