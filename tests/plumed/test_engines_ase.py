"""ASE's dynamics with ASE's own Plumed calculator: the example, its restart, forces and stress."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from engine_examples import copy_example, edit, energy_of_hills, run
from plumed_driver import Plumed, read_fields

SHORT = {"PACE=120 ": "PACE=4 ", "PRINT_STRIDE=60": "PRINT_STRIDE=1", " STRIDE=60": " STRIDE=1 FMT=%.12g"}


@pytest.fixture
def example(plumed: Plumed, tmp_path: Path) -> Path:
    pytest.importorskip("plumed", reason="Python's wrapper of PLUMED is not installed")
    folder = copy_example("ase_plumed", tmp_path / "ase", plumed)
    edit(folder / "plumed.dat", SHORT)
    return folder


def test_the_example_runs_and_restarts(example: Path, plumed: Plumed) -> None:
    short = [sys.executable, "run.py", "--cells", "3", "--steps", "9"]
    assert "9 steps" in run(short, example, plumed)
    before = read_fields(example / "COLVAR")
    assert len(before["time"]) == 10
    assert len(read_fields(example / "HILLS")["height"]) == 2
    drift = read_fields(example / "drift")["effective-energy"][-1]
    assert abs(drift - energy_of_hills(read_fields(example / "HILLS"))) < 0.05

    assert "18 steps" in run([*short, "--restart"], example, plumed)
    both = read_fields(example / "COLVAR")
    hills = read_fields(example / "HILLS")
    assert np.allclose(both["time"], 0.004 * np.array([*range(10), *range(9, 19)]))
    assert np.allclose(hills["time"], [0.016, 0.032, 0.048, 0.064])
    for name in ("cv.progress", "metad.bias"):  # at the step where one ended and the other began
        assert both[name][10] == pytest.approx(both[name][9], rel=1e-6, abs=1e-6)


def test_forces_and_stress_are_those_of_the_energy(example: Path, plumed: Plumed) -> None:
    action = "INCLUDE FILE=load.dat\ncv: GNNCV MODEL=argon.pt ATOMS=@mdatoms PRECISION=float64\n"
    (example / "plumed.dat").write_text(action + "RESTRAINT ARG=cv.progress AT=0 KAPPA=500\n")
    (example / "differences.py").write_text(_DIFFERENCES)
    said = run([sys.executable, "differences.py"], example, plumed)
    forces, stress = (float(word) for word in said.split()[-2:])
    assert forces < 1e-6
    assert stress < 1e-6


_DIFFERENCES = """
import numpy as np
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.calculators.plumed import Plumed

atoms = bulk("Ar", "fcc", a=5.5, cubic=True) * (3, 3, 2)
generator = np.random.default_rng(7)
atoms.positions += generator.normal(0.0, 0.2, atoms.positions.shape)
atoms.set_cell(atoms.cell.array @ (np.eye(3) + generator.normal(0.0, 0.03, (3, 3))), scale_atoms=True)
nothing = LennardJones(sigma=3.405, epsilon=0.0, rc=6.0)
atoms.calc = Plumed(nothing, ["INCLUDE FILE=plumed.dat"], timestep=1.0, atoms=atoms, log="log")



def slope(atom, axis):
    energies = []
    for step in (1e-4, -2e-4, 1e-4):
        atoms.positions[atom, axis] += step
        energies.append(atoms.get_potential_energy())
    return (energies[1] - energies[0]) / 2e-4


forces, stress = atoms.get_forces(), atoms.get_stress(voigt=False)
numbers = [slope(atom, axis) for atom in (0, 17) for axis in range(3)]
error = np.abs(forces[[0, 17]].ravel() - numbers).max() / np.abs(forces).max()


def strained(row, column, size):
    other = atoms.copy()
    strain = np.eye(3)
    strain[row, column] += size
    other.set_cell(atoms.cell.array @ strain.T, scale_atoms=True)
    atoms.set_cell(other.cell)
    atoms.positions = other.positions
    return atoms.get_potential_energy()


start, volume, slopes = atoms.copy(), atoms.get_volume(), np.zeros((3, 3))
for row in range(3):
    for column in range(3):
        energies = []
        for size in (1e-4, -1e-4):
            energies.append(strained(row, column, size))
            atoms.set_cell(start.cell)
            atoms.positions = start.positions
        slopes[row, column] = (energies[0] - energies[1]) / 2e-4 / volume
print(error, np.abs(slopes - stress).max() / np.abs(stress).max())
"""
