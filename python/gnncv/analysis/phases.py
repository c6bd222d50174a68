"""When a run changed its phase, judged by an order parameter, and the phases' free-energy difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnncv.analysis.blocks import ratio_error
from gnncv.analysis.thermal import thermal_energy
from gnncv.errors import InvalidArgument

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PhaseVisits:
    """The phases that a run was in, in order.

    Attributes
    ----------
    rows : (V,) int64
        Row of the order parameter at which each visit began.
    ordered : (V,) bool
        Whether the phase was the ordered one.
    """

    rows: NDArray[np.int64]
    ordered: NDArray[np.bool_]

    @property
    def round_trips(self) -> int:
        """How often the run left its first phase for the other one and came back."""
        return max(0, (len(self.rows) - 1) // 2)


def phase_visits(order: Array, melt_below: float, crystal_above: float) -> PhaseVisits:
    """Visits to the two phases, by an order parameter that is large in the ordered one.

    A visit begins where the order parameter passes the threshold of the other phase; between the two
    thresholds the run is still in the phase that it was in before, so that fluctuations count as nothing.

    Parameters
    ----------
    order : (T,) float64
        In the order of time.
    melt_below, crystal_above : float
        The two thresholds, such as those of unbiased runs (`gnncv.rounds.OrderThresholds`).

    Raises
    ------
    InvalidArgument
        Thresholds that are not in order, or values that are not finite.
    """
    if not melt_below < crystal_above:
        raise InvalidArgument(
            f"melt_below ({melt_below:g}) must be less than crystal_above ({crystal_above:g})"
        )
    values = np.asarray(order, dtype=np.float64)
    if not np.all(np.isfinite(values)):
        raise InvalidArgument(
            f"order parameter of row {int(np.flatnonzero(~np.isfinite(values))[0])} is not finite"
        )
    sure = np.flatnonzero((values < melt_below) | (values > crystal_above))
    ordered = values[sure] > crystal_above
    begins = np.ones(len(sure), dtype=bool)
    begins[1:] = ordered[1:] != ordered[:-1]
    return PhaseVisits(sure[begins].astype(np.int64), ordered[begins])


def phase_free_energy(
    order: Array, divide: float, temperature_kelvin: float, weights: Array | None = None, n_blocks: int = 5
) -> tuple[float, float]:
    r"""Free energy of the ordered phase minus that of the other one, kJ/mol, and its standard error.

    .. math:: \Delta F = - kT \ln \frac{p}{1 - p}, \qquad p = \frac{\sum_t w_t [o_t > d]}{\sum_t w_t}

    The error is that of p by blocks (`gnncv.analysis.blocks`), by the derivative :math:`kT / (p (1 - p))`.
    A run that passed between the phases a few times has an error that blocks do not see: compare runs.

    Parameters
    ----------
    order : (T,) float64
        The order parameter, in the order of time.
    divide : float
        d: the phases lie on its two sides.
    temperature_kelvin : float
        Temperature of the run.
    weights : (T,) float64, optional
        Of the samples, such as `bias_weights`.
    n_blocks : int
        Blocks of equal length, at least 2.

    Raises
    ------
    InvalidArgument
        No sample on one of the two sides, or shapes that do not match.
    """
    values = np.asarray(order, dtype=np.float64)
    weight = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    if values.ndim != 1 or weight.shape != values.shape or not 2 <= n_blocks <= len(values):
        raise InvalidArgument(
            f"order of shape {values.shape}, weights of shape {weight.shape} and {n_blocks} blocks do not fit"
        )
    inside = (values > divide) * weight
    pieces = np.array_split(np.arange(len(values)), n_blocks)
    sums = np.array([[inside[piece].sum()] for piece in pieces])
    share, error = ratio_error(sums, np.array([weight[piece].sum() for piece in pieces]))
    part = float(share[0])
    if not 0.0 < part < 1.0:
        side = "below" if part == 0.0 else "above"
        raise InvalidArgument(f"all samples lie {side} {divide:g}: the run was in one phase only")
    energy = thermal_energy(temperature_kelvin)
    return -energy * float(np.log(part / (1.0 - part))), energy * float(error[0]) / (part * (1.0 - part))
