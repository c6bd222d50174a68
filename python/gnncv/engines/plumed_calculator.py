"""A PLUMED bias for any ASE calculator, with its stress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from gnncv.engines.ase import free_energy
from gnncv.engines.plumed_session import MdUnits, PlumedSession

ASE_UNITS = MdUnits(energy=units.mol / units.kJ, length=1.0 / units.nm, time=1.0 / (1000.0 * units.fs))


class PlumedCalculator(Calculator):  # type: ignore[misc]
    """A base calculator plus the biases of a PLUMED session.

    Energy, forces and stress are those of base + bias. A step may be evaluated any number of times: whoever
    drives the dynamics sets `step`, and calls the session's `update` once a step.

    Parameters
    ----------
    base : ase Calculator
        Any calculator.
    session : PlumedSession
        Started with `ASE_UNITS`.
    with_stress : bool
        Compute the stress along in each evaluation, for dynamics that will ask for it.

    Attributes
    ----------
    step : int
        The step that the next evaluations are of.
    results : dict
        Besides ASE's: ``base_energy`` and ``bias_energy`` (eV).
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, base: Any, session: PlumedSession, with_stress: bool = False) -> None:
        super().__init__()
        self.base = base
        self.session = session
        self.with_stress = with_stress
        self.step = 0

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Fill `results`: energy, forces, and stress where it is asked for and the base has it."""
        super().calculate(atoms, properties, system_changes)
        here: Atoms = self.atoms
        stressed = here.cell.rank == 3 and (self.with_stress or "stress" in properties)
        volume = here.get_volume() if stressed else 0.0
        base_energy = self.base.get_property("energy", here)
        base_free = free_energy(self.base, here)
        virial = None
        if stressed:  # at PLUMED's interface the virial is the derivative of the energy by strain
            voigt = self.base.get_property("stress", here)
            virial = volume * np.array(voigt)[[0, 5, 4, 5, 1, 3, 4, 3, 2]].reshape(3, 3)
        evaluation = self.session.evaluate(
            self.step, here.positions, np.array(here.cell) if here.pbc.any() else None,
            masses=here.get_masses(),
            charges=here.get_initial_charges() if here.has("initial_charges") else None,
            forces=self.base.get_property("forces", here), virial=virial, energy=base_energy,
        )  # fmt: skip
        self.results: dict[str, Any] = {
            "energy": base_energy + evaluation.bias,
            "free_energy": (base_energy if base_free is None else base_free) + evaluation.bias,
            "forces": evaluation.forces.copy(),
            "base_energy": base_energy,
            "bias_energy": evaluation.bias,
        }
        if stressed:
            self.results["stress"] = full_3x3_to_voigt_6_stress(evaluation.virial / volume)
