"""Metadynamics of 256 argon atoms with ASE's dynamics and ASE's own Plumed calculator.

python run.py [--steps N] [--cells 4] [--restart]
"""

import argparse
import os
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.calculators.plumed import Plumed
from ase.io import read
from ase.md.langevin import Langevin

from gnncv.plumed import choose_installation

TEMPERATURE = 82.0  # K
TIMESTEP = 4.0 * units.fs
LAST = Path("last.extxyz")  # positions and momenta that a restart begins with


def start(cells: int, restart: bool) -> Atoms:
    """Return the crystal with thermal momenta, or the end of the run before."""
    if restart:
        return read(LAST)
    atoms = bulk("Ar", "fcc", a=5.48, cubic=True) * (cells, cells, cells)
    generator = np.random.default_rng(2026)
    atoms.positions += generator.normal(0.0, 0.25, atoms.positions.shape)  # about what 82 K do
    width = np.sqrt(units.kB * TEMPERATURE * atoms.get_masses())[:, None]
    atoms.set_momenta(width * generator.normal(size=(len(atoms), 3)))
    return atoms


def main() -> None:
    """Run, and write where it ended."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--cells", type=int, default=4, help="unit cells along each edge")
    parser.add_argument("--restart", action="store_true", help=f"go on from {LAST}, with its hills")
    arguments = parser.parse_args()

    # Python's wrapper asks only this variable which PLUMED to load.
    os.environ.setdefault("PLUMED_KERNEL", str(choose_installation().kernel))
    atoms = start(arguments.cells, arguments.restart)
    done = int(atoms.info.get("step", 0))
    forces = LennardJones(sigma=3.405, epsilon=0.99607 * units.kJ / units.mol, rc=8.0, smooth=True)
    atoms.calc = Plumed(
        calc=forces,
        input=["INCLUDE FILE=plumed.dat"],  # the whole file: comments and continued lines too
        timestep=TIMESTEP,
        atoms=atoms,
        kT=units.kB * TEMPERATURE,
        log="plumed.log",
        restart=arguments.restart,
    )
    atoms.calc.istep = done
    dynamics = Langevin(atoms, TIMESTEP, temperature_K=TEMPERATURE, friction=0.001 / units.fs, fixcm=False)
    dynamics.run(arguments.steps)

    end = atoms.copy()
    end.info["step"] = done + arguments.steps
    end.write(LAST)
    atoms.calc.plumed.finalize()
    print(f"{end.info['step']} steps, {end.get_temperature():.1f} K; see COLVAR and HILLS")


if __name__ == "__main__":
    main()
