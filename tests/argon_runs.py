"""Small argon systems, variables and biases for the tests of the engines."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk

from analytic_cv import AnalyticCV

ARGON = {"sigma_angstrom": 3.405, "epsilon_kj_mol": 0.99607}
SYSTEM = {"kind": "lennard-jones", "species": {"Ar": ARGON}, "cutoff_angstrom": 7.5, "switch_angstrom": 6.5}


def argon(cells: int = 3, shake: float = 0.15, triclinic: bool = False, seed: int = 0) -> Atoms:
    """An fcc crystal with its atoms displaced at random, in a cubic or a triclinic box."""
    atoms = bulk("Ar", "fcc", a=5.4, cubic=True) * (cells, cells, cells)
    generator = np.random.default_rng(seed)
    if triclinic:
        strain = np.eye(3) + generator.uniform(-0.06, 0.06, (3, 3))
        atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
    atoms.positions += generator.normal(0.0, shake, atoms.positions.shape)
    return atoms


def analytic() -> AnalyticCV:
    """An analytic variable that is in the middle of its range for shaken argon."""
    return AnalyticCV(cutoff=5.1, middle=0.95, width=0.5)


METADYNAMICS = {
    "kind": "metadynamics",
    "cv": "progress",
    "sigma": 0.02,
    "height_kj_mol": 1.0,
    "pace": 10,
    "biasfactor": 10.0,
}
