"""OpenMM's well-tempered metadynamics with hills in a HILLS file, chosen walkers and exact restarts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import openmm
import openmm.app
from numpy.typing import NDArray
from openmm import unit

from gnncv.engines.bias import Hill
from gnncv.engines.walkers import SharedBias
from gnncv.files import HillsWriter

Array = NDArray[np.float64]


class Metadynamics(openmm.app.Metadynamics):  # type: ignore[misc]
    """`openmm.app.Metadynamics` on one collective variable, with what a restart needs.

    Beside its base class: every hill is written to a HILLS file, the walker's number and its part of the bias
    can be set, other walkers' hills are felt from the moment they are read, and outside [minValue, maxValue]
    the bias keeps its edge value while a harmonic wall pushes back (OpenMM's falls to zero with a jump). No
    hills are added out there.

    Parameters
    ----------
    system : openmm.System
        The bias is added to it, in a force group of its own.
    variable : openmm.app.BiasVariable
        The variable, its range, width and grid; not periodic.
    temperature_kelvin, bias_factor, height_kj_mol : float
        As for the base class.
    pace : int
        Steps of the integrator between hills (of the outer step, with multiple time steps).
    wall_kappa : float
        Force constant of the walls, kJ/mol per squared unit of the variable.

    Attributes
    ----------
    hills : HillsWriter or None
        Where hills are written.
    shared : SharedBias or None
        The folder shared with other walkers.
    n_hills, n_outside : int
        Hills added, and hills left out because the variable was outside its range.
    """

    def __init__(
        self,
        system: openmm.System,
        variable: openmm.app.BiasVariable,
        temperature_kelvin: float,
        bias_factor: float,
        height_kj_mol: float,
        pace: int,
        wall_kappa: float = 0.0,
    ) -> None:
        super().__init__(system, [variable], temperature_kelvin, bias_factor, height_kj_mol, pace)
        low, high = variable.minValue, variable.maxValue
        self._force.setEnergyFunction(
            f"table(max({low!r}, min({high!r}, cv0)))"
            f" + {0.5 * wall_kappa!r}*(max(0, cv0 - {high!r})^2 + max(0, {low!r} - cv0)^2)"
        )
        self._force.setName("metadynamics")
        self.hills: HillsWriter | None = None
        self.shared: SharedBias | None = None
        self.n_hills = 0
        self.n_outside = 0

    @property
    def force_group(self) -> int:
        """The force group of the bias."""
        return int(self._force.getForceGroup())

    @property
    def own_bias(self) -> Array:
        """(grid,) hills of this walker, kJ/mol."""
        return np.array(self._selfBias)

    @property
    def total_bias(self) -> Array:
        """(grid,) hills of all walkers, kJ/mol."""
        return np.array(self._totalBias)

    def restore(
        self, own: Array, n_hills: int, n_outside: int, context: openmm.Context | None = None
    ) -> None:
        """Set this walker's part of the bias, as saved, and the counts."""
        self._selfBias = np.array(own)
        self.n_hills, self.n_outside = n_hills, n_outside
        self._sum_up(context)

    def step(self, simulation: Any, steps: int) -> None:
        """Advance by a number of steps, with a hill at every multiple of the pace."""
        left = steps
        while left > 0:
            now = min(left, self.frequency - simulation.currentStep % self.frequency)
            simulation.step(now)
            left -= now
            if simulation.currentStep % self.frequency == 0:
                time = simulation.context.getTime().value_in_unit(unit.picosecond)
                self.deposit(simulation.context, time)

    def bias_energy(self, context: openmm.Context) -> float:
        """The bias at the current configuration, kJ/mol."""
        state = context.getState(energy=True, groups={self.force_group})
        return float(state.getPotentialEnergy().value_in_unit(unit.kilojoules_per_mole))

    def deposit(self, context: openmm.Context, time_ps: float) -> Hill | None:
        """Add a hill at the current configuration; None when the variable is outside its range."""
        variable = self.variables[0]
        center = float(self._force.getCollectiveVariableValues(context)[0])
        if not variable.minValue <= center <= variable.maxValue:
            self.n_outside += 1
            return None
        scale = (unit.MOLAR_GAS_CONSTANT_R * self._deltaT).value_in_unit(unit.kilojoules_per_mole)
        height = self.height.value_in_unit(unit.kilojoules_per_mole) * math.exp(
            -self.bias_energy(context) / scale
        )
        self._addGaussian([center], height * unit.kilojoules_per_mole, context)
        self.n_hills += 1
        if self.hills is not None:
            self.hills.write(time_ps, center, variable.biasWidth, height)
        return Hill(center, variable.biasWidth, height)

    def exchange(self, context: openmm.Context | None = None, publish: bool = True) -> None:
        """Publish this walker's hills and take in those of the others."""
        if self.shared is not None:
            if publish:
                self.shared.publish(self._selfBias)
            if self.shared.read_others():
                self._sum_up(context)

    def _sum_up(self, context: openmm.Context | None) -> None:
        """Make the felt bias the sum of all walkers' parts."""
        self._totalBias = self.own_bias if self.shared is None else self.shared.total(self._selfBias)
        self._table.setFunctionParameters(self._totalBias.flatten(), *self._limits)
        if context is not None:
            self._force.updateParametersInContext(context)
