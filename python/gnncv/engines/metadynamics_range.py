"""The range, grid and walls of a metadynamics bias where the configuration leaves them open."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gnncv.engines.config import Metadynamics
from gnncv.errors import InvalidArgument

GAS_CONSTANT = 8.31446261815324e-3  # kJ/mol/K, exact (SI 2019)


@dataclass(frozen=True)
class GridRange:
    """The grid of a bias: its ends, number of points and the force constant of the walls at its ends."""

    minimum: float
    maximum: float
    points: int
    wall_kappa: float

    def facts(self, cv: str, sigma: float) -> dict[str, float | str]:
        """What walkers must agree on."""
        return {"cv": cv, "min": self.minimum, "max": self.maximum, "points": self.points, "sigma": sigma}


def choose_range(bias: Metadynamics, temperature_kelvin: float, n_atoms: int) -> GridRange:
    """Fill in what the configuration leaves open.

    Notes
    -----
    `progress` and the crystallinities get [-0.3, 1.3] and [-0.05, 1.05] (never less than 3 sigma of margin),
    `ncrystal` the same times the number of atoms. Other outputs have no natural range: min and max must be
    given. Five grid points per sigma, as OpenMM's Metadynamics.
    """
    low, high = bias.min, bias.max
    if low is None or high is None:
        default = _default_range(bias.cv, bias.sigma, n_atoms)
        if default is None:
            raise InvalidArgument(f"bias.min and bias.max are needed for {bias.cv}: it has no natural range")
        low = default[0] if low is None else low
        high = default[1] if high is None else high
    if low >= high:
        raise InvalidArgument(f"bias.min ({low}) must be below bias.max ({high})")
    points = bias.grid or math.ceil(5.0 * (high - low) / bias.sigma) + 1
    if (high - low) / (points - 1) > bias.sigma:
        raise InvalidArgument(
            f"bias.grid {points} is too coarse for sigma {bias.sigma}: at least "
            f"{math.ceil((high - low) / bias.sigma) + 1} points for [{low}, {high}]"
        )
    kappa = bias.wall_kappa_kj_mol
    if kappa is None:
        kappa = 10.0 * GAS_CONSTANT * temperature_kelvin / bias.sigma**2
    return GridRange(low, high, points, kappa)


def _default_range(cv: str, sigma: float, n_atoms: int) -> tuple[float, float] | None:
    name = cv.split("-")[0]
    if name == "progress":
        margin, scale = 0.3, 1.0
    elif name in ("crystallinity", "ncrystal"):
        margin, scale = 0.05, 1.0 if name == "crystallinity" else float(n_atoms)
    else:
        return None
    margin = max(margin * scale, 3.0 * sigma)
    return -margin, scale + margin
