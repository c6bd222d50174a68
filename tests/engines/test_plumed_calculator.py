"""The PLUMED calculator's forces and stress are the derivatives of its energy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.calculators.lj import LennardJones

from argon_runs import argon
from finite_differences import central_difference
from gnncv.demo import shipped_model
from gnncv.engines.plumed_calculator import ASE_UNITS, PlumedCalculator
from gnncv.engines.plumed_session import PlumedSession
from gnncv.plumed import PlumedInput, build_plugin, choose_installation, find_installations

INPUTS = {
    "GNNCV": f"cv: GNNCV MODEL={shipped_model()} ATOMS=1-108 PRECISION=float64\n"
    "r: RESTRAINT ARG=cv.latent-2 AT=0 KAPPA=5000\n",
    "COORDINATION": "d: COORDINATION GROUPA=1-108 R_0=0.45\nv: VOLUME\n"
    "r: RESTRAINT ARG=d,v AT=650,4 KAPPA=0.01,10\n",
    "ENERGY": "e: ENERGY\nr: RESTRAINT ARG=e AT=-1000 KAPPA=0.002\n",
}

pytestmark = pytest.mark.skipif(not find_installations(), reason="no PLUMED is installed")


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_plugin(choose_installation(), tmp_path_factory.mktemp("plugin"))


@pytest.mark.parametrize("name", INPUTS)
def test_forces_and_stress_are_derivatives(name: str, plugin: Path, tmp_path: Path, generator) -> None:
    """Also where a bias on the energy scales the base's own."""
    atoms = argon(triclinic=True)
    source = PlumedInput(INPUTS[name], tmp_path).with_load(plugin)
    session = PlumedSession(source, tmp_path / "plumed", choose_installation().kernel)
    session.start(len(atoms), 0.004, 0.7, "test", units=ASE_UNITS)
    base = LennardJones(sigma=3.405, epsilon=0.0103, rc=7.5, smooth=True)
    calculator = PlumedCalculator(base, session)
    atoms.calc = calculator
    stress, forces = atoms.get_stress(voigt=False), atoms.get_forces()
    unbiased = base.get_property("stress", atoms)
    assert np.abs(atoms.get_stress() - unbiased).max() > 0.05 * np.abs(unbiased).max()

    def energy(x: float, strain: np.ndarray, move: np.ndarray) -> np.ndarray:
        moved = atoms.copy()
        turned = np.eye(3) + x * strain
        moved.set_cell(atoms.cell.array @ turned.T)
        moved.positions = atoms.positions @ turned.T + x * move
        moved.calc = calculator
        return np.array(moved.get_potential_energy())

    none, still = np.zeros((3, 3)), np.zeros_like(forces)
    size = np.abs(stress).max() * atoms.get_volume()
    for _ in range(3):
        strain, move = generator.normal(size=(3, 3)), generator.normal(size=forces.shape)
        numeric = float(central_difference(lambda x, e=strain: energy(x, e, still)))
        assert numeric == pytest.approx(np.sum(stress * strain) * atoms.get_volume(), abs=1e-3 * size)
        numeric = float(central_difference(lambda x, d=move: energy(x, none, d)))
        assert numeric == pytest.approx(-np.sum(forces * move), abs=1e-3 * np.linalg.norm(forces))
    session.close()
