"""One size of moving argon, timed by turns: ``plumed_moving.py N_ATOMS STEPS LOAD_LINE KERNEL`` prints a row.

A step of PLUMED is what an engine does at each step, through Python's wrapper: positions, box, forces and
virial handed over, biases calculated and applied. The core alone is one evaluation with one backward pass.
"""

from __future__ import annotations

import os
import sys
import tempfile
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

import gnncv
from gnncv.demo import shipped_model
from plumed import Plumed
from structures import liquid_like, moving

Array = NDArray[np.float64]
WARM_UP = 10


def open_plumed(kernel: str, load: str, n_atoms: int) -> Plumed:
    """PLUMED with one restraint on progress, in its own units."""
    plumed = Plumed(kernel)
    plumed.cmd("setNatoms", n_atoms)
    plumed.cmd("setMDEngine", "benchmark")
    plumed.cmd("setTimestep", 0.004)
    plumed.cmd("setLogFile", "plumed.log")
    plumed.cmd("init")
    plumed.cmd("readInputLine", load)
    plumed.cmd("readInputLine", f"cv: GNNCV MODEL={shipped_model()} ATOMS=@mdatoms")
    plumed.cmd("readInputLine", "RESTRAINT ARG=cv.progress AT=0 KAPPA=1")
    return plumed


class Steps:
    """Steps of PLUMED on arrays that stay."""

    def __init__(self, plumed: Plumed, cell: Array, n_atoms: int) -> None:
        self.plumed, self.box = plumed, 0.1 * cell
        self.masses, self.forces = np.full(n_atoms, 39.948), np.zeros((n_atoms, 3))
        self.virial, self.step = np.zeros((3, 3)), 0

    def __call__(self, positions: Array) -> None:
        """One step; positions in nm."""
        command = self.plumed.cmd
        command("setStep", self.step)
        command("setPositions", positions)
        command("setBox", self.box)
        command("setMasses", self.masses)
        command("setForces", self.forces)
        command("setVirial", self.virial)
        command("calc")
        self.step += 1


def main() -> None:
    """Time and print."""
    n_atoms, n_steps, load, kernel = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    atoms = liquid_like(n_atoms)
    cell, pbc = np.array(atoms.cell[:]), np.array([True] * 3)
    cv = gnncv.CollectiveVariable(str(shipped_model()), num_threads=1)
    cv.bind(atoms.get_chemical_symbols())
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        step = Steps(open_plumed(kernel, load, n_atoms), cell, n_atoms)
        theirs, ours = [], []
        for positions in moving(atoms, WARM_UP + n_steps):
            converted = 0.1 * positions
            start = perf_counter()
            step(converted)
            between = perf_counter()
            cv.compute(positions, cell, pbc, outputs=["progress"])
            ours.append(perf_counter() - between)
            theirs.append(between - start)
        os.chdir("/")
    plumed, core = np.array(theirs[WARM_UP:]), np.array(ours[WARM_UP:])
    low, middle, high = 1e6 * np.quantile(plumed - core, [0.25, 0.5, 0.75])
    row = f"{f'{n_atoms} atoms':<16}{1e3 * np.median(plumed):10.3f} {1e3 * np.median(core):10.3f}"
    row += f" {f'{middle:.0f} ({low:.0f} - {high:.0f})':>26} {1e-4 * middle / np.median(core):10.2f} %"
    print(f"{row} {cv.statistics['n_rebuilds']:7d}")


if __name__ == "__main__":
    main()
