"""A bias beside calculators of ASE that have fewer properties than ASE's own."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from argon_runs import analytic, argon
from gnncv.engines import BiasedCalculator
from gnncv.engines.bias import Linear


class Springs(Calculator):
    """Atoms tied to the origin: energy and forces, and no free energy, like ASE's of LAMMPS."""

    implemented_properties: ClassVar[list[str]] = ["energy", "forces"]

    def calculate(self, atoms: Any = None, properties: Any = (), system_changes: Any = ()) -> None:
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": 0.5 * float(np.sum(atoms.positions**2)), "forces": -atoms.positions}


def test_a_calculator_without_a_free_energy_is_biased() -> None:
    atoms: Atoms = argon(3, shake=0.1, seed=3)
    cv = analytic()
    cv.bind(atoms.get_chemical_symbols())
    base = Springs()
    atoms.calc = BiasedCalculator(base, cv, Linear("progress", 2.0))
    result = cv.compute(atoms.positions, np.array(atoms.cell), atoms.pbc, outputs=["progress"])
    expected = 0.5 * np.sum(atoms.positions**2) + 2.0 * result["progress"]
    assert np.isclose(atoms.get_potential_energy(), expected, rtol=1e-12)
    assert np.isclose(atoms.get_potential_energy(force_consistent=True), expected, rtol=1e-12)
    assert np.allclose(atoms.get_forces(), -atoms.positions - 2.0 * result.gradient("progress"), rtol=1e-10)
