"""Thermal energy in the units of PLUMED's files."""

from __future__ import annotations

import math

from gnncv.errors import InvalidArgument

BOLTZMANN_KJ_MOL_K = 0.00831446261815324
"""Molar gas constant (exact in the SI of 2019), kJ/mol/K."""

KJ_MOL_PER_EV = 96.48533212331001
"""An electronvolt (exact in the SI of 2019: elementary charge times Avogadro's number), kJ/mol."""


def thermal_energy(temperature_kelvin: float | None) -> float:
    """Return kT in kJ/mol; a missing, non-finite or non-positive temperature raises `InvalidArgument`."""
    if temperature_kelvin is None:
        raise InvalidArgument(
            "a temperature (temperature_kelvin) is needed to turn probabilities into energies"
        )
    if not (math.isfinite(temperature_kelvin) and temperature_kelvin > 0.0):
        raise InvalidArgument(f"temperature_kelvin is {temperature_kelvin}; it must be positive")
    return BOLTZMANN_KJ_MOL_K * temperature_kelvin
