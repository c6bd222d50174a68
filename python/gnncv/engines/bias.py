"""Bias potentials V(s) of outputs of a collective variable: value and derivative together.

Energies are in whatever unit the caller chooses for heights and force constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from gnncv.errors import InvalidArgument

Array = NDArray[np.float64]


class Bias(Protocol):
    """A potential of the outputs named in `outputs`."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs it acts on."""

    def __call__(self, values: Array) -> tuple[float, Array]:
        """The energy and its derivative with respect to each of the (G,) values."""


@dataclass(frozen=True)
class Harmonic:
    """V = kappa/2 (s - center)^2."""

    cv: str
    center: float
    kappa: float

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.cv,)

    def __call__(self, values: Array) -> tuple[float, Array]:
        away = values - self.center
        return float(0.5 * self.kappa * away[0] ** 2), self.kappa * away


@dataclass(frozen=True)
class Linear:
    """V = slope s."""

    cv: str
    slope: float

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.cv,)

    def __call__(self, values: Array) -> tuple[float, Array]:
        return float(self.slope * values[0]), np.full(1, self.slope)


@dataclass(frozen=True)
class Wall:
    """V = kappa/2 (s - at)^2 above (side "upper") or below ("lower") `at`, else zero."""

    cv: str
    side: str
    at: float
    kappa: float

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.cv,)

    def __call__(self, values: Array) -> tuple[float, Array]:
        away = values - self.at
        beyond = np.maximum(away, 0.0) if self.side == "upper" else np.minimum(away, 0.0)
        return float(0.5 * self.kappa * beyond[0] ** 2), self.kappa * beyond


class Sum:
    """The sum of several biases, on all their outputs."""

    def __init__(self, biases: Sequence[Bias]) -> None:
        self.biases = tuple(biases)
        self.outputs = tuple(dict.fromkeys(name for bias in self.biases for name in bias.outputs))

    def __call__(self, values: Array) -> tuple[float, Array]:
        energy, derivative = 0.0, np.zeros(len(self.outputs))
        for bias in self.biases:
            where = [self.outputs.index(name) for name in bias.outputs]
            part, slope = bias(values[where])
            energy += part
            derivative[where] += slope
        return energy, derivative


class Scaled:
    """A bias in other units: `factor` times its energy."""

    def __init__(self, bias: Bias, factor: float) -> None:
        self.bias = bias
        self.factor = factor
        self.outputs = bias.outputs

    def __call__(self, values: Array) -> tuple[float, Array]:
        energy, derivative = self.bias(values)
        return self.factor * energy, self.factor * derivative


@dataclass(frozen=True)
class Hill:
    """One Gaussian: center, width, height as the simulation feels it."""

    center: float
    sigma: float
    height: float


class HillGrid:
    """Well-tempered metadynamics on a grid, one output.

    V(s) is the natural cubic spline through the grid, as in OpenMM's Metadynamics. Outside [minimum, maximum]
    it keeps its edge value, a harmonic wall pushes back, and no hills are added.

    Parameters
    ----------
    cv : str
        The output.
    sigma, height : float
        Width of the hills and the height of the first.
    temperature_energy : float
        kT times (bias factor - 1): hills shrink as exp(-V/this) (Barducci, Bussi, Parrinello,
        PRL 100, 020603, 2008, doi:10.1103/PhysRevLett.100.020603).
    minimum, maximum : float
        Range of the grid.
    points : int
        Number of grid points.
    wall_kappa : float
        Force constant of the walls at both ends.
    """

    def __init__(
        self,
        cv: str,
        sigma: float,
        height: float,
        temperature_energy: float,
        minimum: float,
        maximum: float,
        points: int,
        wall_kappa: float,
    ) -> None:
        if not minimum < maximum or points < 3 or sigma <= 0.0 or temperature_energy <= 0.0:
            raise InvalidArgument(
                f"hills on {cv}: need min < max, at least 3 grid points, sigma and kT (biasfactor - 1) > 0; "
                f"got min {minimum}, max {maximum}, grid {points}, sigma {sigma}, {temperature_energy}"
            )
        self.outputs = (cv,)
        self.sigma, self.height, self.temperature_energy = sigma, height, temperature_energy
        self.grid = np.linspace(minimum, maximum, points)
        self.wall_kappa = wall_kappa
        self.own = np.zeros(points)
        self.total = np.zeros(points)
        self.n_outside = 0
        self._refit()

    def _refit(self) -> None:
        self._spline = CubicSpline(self.grid, self.total, bc_type="natural")

    def set_bias(self, own: Array, total: Array) -> None:
        """Replace this walker's hills and the bias that is felt (with the other walkers' hills)."""
        self.own, self.total = own.copy(), total.copy()
        self._refit()

    def __call__(self, values: Array) -> tuple[float, Array]:
        inside = np.clip(values, self.grid[0], self.grid[-1])
        beyond = values - inside
        slope = self._spline(inside, 1) if beyond[0] == 0.0 else np.zeros(1)
        energy = float(self._spline(inside[0])) + 0.5 * self.wall_kappa * float(beyond[0]) ** 2
        return energy, slope + self.wall_kappa * beyond

    def deposit(self, value: float) -> Hill | None:
        """Add a hill at `value`; None, and counted, when that is outside the grid."""
        if not self.grid[0] <= value <= self.grid[-1]:
            self.n_outside += 1
            return None
        height = self.height * float(np.exp(-float(self._spline(value)) / self.temperature_energy))
        gaussian = height * np.exp(-0.5 * ((self.grid - value) / self.sigma) ** 2)
        self.own += gaussian
        self.total += gaussian
        self._refit()
        return Hill(value, self.sigma, height)
