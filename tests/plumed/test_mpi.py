"""Processes that divide the atoms get the values, forces and virial of one."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from plumed_driver import Plumed, Run, read_forces, species_lines

DIGITS = "FMT=%.14e"


@pytest.fixture
def run_with(plumed_with_mpi: Plumed, model: Path, tmp_path: Path):
    if shutil.which("mpirun") is None:
        pytest.skip("there is no mpirun")

    def run(frames, ranks: int, flags: str = "") -> Run:
        text = (
            f"UNITS LENGTH=A\ncv: GNNCV MODEL={model} {species_lines(frames[0])} {flags}\n"
            f"DUMPDERIVATIVES ARG=cv.mean-2 FILE=derivatives {DIGITS}\n"
            f"RESTRAINT ARG=cv.mixed,cv.total AT=0,0 KAPPA=2,1\nPRINT ARG=cv.* FILE=COLVAR {DIGITS}\n"
        )
        options = ["--dump-forces", "forces", "--dump-forces-fmt", "%.12e"]
        return plumed_with_mpi.driver(tmp_path / f"{ranks}{flags}", text, frames, options, ranks=ranks)

    return run


@pytest.mark.parametrize("ranks", [2, 3, 4])
@pytest.mark.parametrize("box", ["triclinic", "open"])
def test_numbers_do_not_depend_on_the_number_of_processes(run_with, trajectory, box: str, ranks: int) -> None:
    frames = trajectory(box, n_atoms=64, n_frames=3)
    alone, together = run_with(frames, 1), run_with(frames, ranks)
    for name, column in alone.table().items():
        assert np.allclose(together.table()[name], column, rtol=1e-11), name
    for name, column in alone.table("derivatives").items():
        assert np.allclose(together.table("derivatives")[name], column, atol=1e-11 * np.abs(column).max())
    expected, virials = read_forces(alone.folder / "forces")
    for rank in range(ranks):  # each process has the forces of all atoms, once
        forces, others = read_forces(together.folder / f"forces.{rank}")
        assert np.allclose(forces, expected, rtol=0, atol=1e-10 * np.abs(expected).max())
        assert np.allclose(others, virials, rtol=0, atol=1e-10 * np.abs(virials).max())
    assert f"atoms are divided between {ranks} processes" in together.log
    assert together.counts().backward == alone.counts().backward


def test_serial_evaluates_everything_everywhere(run_with, trajectory) -> None:
    frames = trajectory("triclinic", n_frames=2)
    divided, serial = run_with(frames, 2), run_with(frames, 2, "SERIAL")
    assert "atoms are divided" not in serial.log
    assert np.allclose(divided.table()["cv.mixed"], serial.table()["cv.mixed"], rtol=1e-11)


def test_engines_that_divide_the_atoms_get_the_same_forces(
    plumed_with_mpi: Plumed, run_with, model: Path, trajectory, tmp_path: Path
) -> None:
    """PLUMED's driver imitates domain decomposition: each process has the atoms of its part."""
    frames = trajectory("triclinic", n_frames=2)
    alone = run_with(frames, 1)
    text = (
        f"UNITS LENGTH=A\ncv: GNNCV MODEL={model} {species_lines(frames[0])}\n"
        "RESTRAINT ARG=cv.mixed,cv.total AT=0,0 KAPPA=2,1\n"
    )
    options = ["--dump-forces", "forces", "--dump-forces-fmt", "%.12e", "--debug-dd", "yes"]
    divided = plumed_with_mpi.driver(tmp_path / "divided", text, frames, options, ranks=3)
    expected = alone.forces()
    for rank in range(3):
        forces = divided.forces(f"forces.{rank}")
        assert np.allclose(forces, expected, rtol=0, atol=1e-10 * np.abs(expected).max())
