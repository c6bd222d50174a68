"""GROMACS with its native PLUMED interface: the example, its restart, and the pressure of a bias.

GNNCV_GMX is the command `gmx` of GROMACS 2025 or newer; without it, `gmx` on the PATH is taken.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from ase.io import read
from engine_examples import copy_example, edit, energy_of_hills, run, write_start
from plumed_driver import Plumed, read_fields

import gnncv

COMMAND = os.environ.get("GNNCV_GMX") or shutil.which("gmx") or ""
BAR_NM3 = 0.0602214076  # kJ/mol
MDRUN = ("mdrun", "-deffnm", "npt", "-plumed", "plumed.dat", "-ntmpi", "1", "-ntomp", "1")


@cache
def has_plumed() -> bool:
    """Whether mdrun takes PLUMED by itself."""
    said = subprocess.run([COMMAND, "mdrun", "-h"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return "-plumed" in said.stdout


@pytest.fixture
def example(plumed: Plumed, tmp_path: Path) -> Path:
    if not COMMAND:
        pytest.skip("no GROMACS: GNNCV_GMX is not set and there is no gmx on the PATH")
    if not has_plumed():
        pytest.skip(f"{COMMAND} has no `mdrun -plumed`: GROMACS 2025 or newer is needed")
    folder = copy_example("gromacs", tmp_path / "gromacs", plumed)
    write_start(folder)
    return folder


def prepare(example: Path) -> None:
    run([COMMAND, "grompp", "-f", "npt.mdp", "-c", "argon.gro", "-p", "topol.top", "-o", "npt.tpr"], example)


def test_the_example_runs_and_restarts(example: Path, plumed: Plumed) -> None:
    edit(example / "plumed.dat", {"PACE=120 ": "PACE=20 ", "STRIDE=60": "STRIDE=10"})
    prepare(example)
    run([COMMAND, *MDRUN, "-nsteps", "50"], example, plumed)
    assert np.allclose(read_fields(example / "HILLS")["time"], [0.08, 0.16])
    drift = read_fields(example / "drift")["effective-energy"][-1]
    assert abs(drift - energy_of_hills(read_fields(example / "HILLS"))) < 0.05

    run([COMMAND, *MDRUN, "-nsteps", "50", "-cpi", "npt.cpt"], example, plumed)
    both, hills = read_fields(example / "COLVAR"), read_fields(example / "HILLS")
    assert np.allclose(hills["time"], [0.08, 0.16, 0.24, 0.32, 0.4])
    assert np.allclose(both["time"], 0.04 * np.array([*range(6), *range(5, 11)]))
    assert both["cv.progress"][6] == pytest.approx(both["cv.progress"][5], abs=1e-5)
    assert both["metad.bias"][6] == pytest.approx(both["metad.bias"][5], abs=1e-4)


def pressure(example: Path, plumed: Plumed, text: str) -> np.ndarray:
    """The pressure tensor of the start, bar."""
    (example / "plumed.dat").write_text(text)
    run([COMMAND, *MDRUN, "-nsteps", "0"], example, plumed)
    names = [f"Pres-{row}{column}" for row in "XYZ" for column in "XYZ"]
    choice = "\n".join(names) + "\n\n"
    table = subprocess.run(
        [COMMAND, "energy", "-f", "npt.edr", "-o", "pressure.xvg", "-dp"],
        input=choice, cwd=example, capture_output=True, text=True,
    )  # fmt: skip
    assert table.returncode == 0, table.stderr[-2000:]
    rows = [
        line.split() for line in (example / "pressure.xvg").read_text().splitlines() if line[0] not in "#@"
    ]
    return np.array(rows[0][1:], dtype=float).reshape(3, 3)


def test_the_pressure_of_a_bias_is_its_strain_gradient(example: Path, plumed: Plumed) -> None:
    prepare(example)
    action = "INCLUDE FILE=load.dat\ncv: GNNCV MODEL=argon.pt ATOMS=@mdatoms PRECISION=float64\n"
    slope = 20000.0  # kJ/mol: a bias linear in the variable
    plain = pressure(example, plumed, action + "PRINT ARG=cv.progress FILE=COLVAR\n")
    biased = pressure(example, plumed, action + f"RESTRAINT ARG=cv.progress AT=0 SLOPE={slope}\n")

    atoms = read(example / "argon.gro")
    cv = gnncv.CollectiveVariable(example / "argon.pt", num_threads=1, precision="float64")
    cv.bind(["Ar"] * len(atoms))
    result = cv.compute(atoms.positions, np.array(atoms.cell[:]), [True] * 3, outputs=["progress"])
    wanted = -slope * result.strain_gradient[0] / (1e-3 * atoms.get_volume()) / BAR_NM3
    assert np.abs(wanted).max() > 100.0  # bar
    assert np.allclose(biased - plain, wanted, rtol=0, atol=1e-3 * np.abs(wanted).max())
