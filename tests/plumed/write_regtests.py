"""Write the frames of plumed_plugin/regtest, and the model they are run with.

    python tests/plumed/write_regtests.py core.pt
    export GNNCV_MODEL=$PWD/core.pt GNNCV_PLUGIN=/path/to/libgnncv_plumed.so
    plumed_plugin/regtest/scripts/run --reset plumed_plugin/regtest/gnncv/rt-*   # rewrites the references

Twelve atoms on a distorted lattice, in a triclinic cell, an open space, or jumping to another cell.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from ase import Atoms

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "plumed")]

from plumed_driver import write_frames  # noqa: E402

from core_model import write_core_model  # noqa: E402

REGTESTS = ROOT / "plumed_plugin" / "regtest" / "gnncv"
CELL = np.array([[7.2, 0.0, 0.0], [1.4, 4.9, 0.0], [-0.8, 1.1, 5.2]])
OTHER_CELL = np.array([[6.9, 0.0, 0.0], [-1.0, 5.1, 0.0], [0.6, -0.9, 5.4]])


def frame(step: int, cell: np.ndarray, periodic: bool) -> Atoms:
    lattice = np.array([[i / 3, j / 2, k / 2] for i in range(3) for j in range(2) for k in range(2)])
    phases = np.outer(np.arange(12), [1.0, 1.7, 2.3]) + 0.6 * step
    positions = np.round((lattice + 0.03 * np.sin(phases)) @ cell, 6)
    return Atoms("Cu6Zr6", positions, cell=cell, pbc=periodic)


def frames(name: str) -> list[Atoms]:
    if name == "rt-jump":
        cells = [CELL, CELL, OTHER_CELL, CELL]
        return [frame(2 * int(cell is OTHER_CELL), cell, True) for cell in cells]
    return [frame(step, CELL * (1 + 0.01 * step), name != "rt-open") for step in range(3)]


if __name__ == "__main__":
    for folder in sorted(REGTESTS.glob("rt-*")):
        write_frames(folder / "frames.xyz", frames(folder.name))
    write_core_model(Path(sys.argv[1]))
