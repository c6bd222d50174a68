"""Time a CV over real dynamics, lists renewed when they must be, beside PLUMED's COORDINATION and Q6.

    python benchmarks/trajectory.py                            # the core alone
    python benchmarks/trajectory.py --plumed --kernel-29 FILE  # and actions of PLUMED, through its interface

4096 argon atoms (Lennard-Jones) are melted and equilibrated at 95 K with OpenMM, then every step of 4 fs is
kept and replayed. All see the same atoms within the same cutoff, 41 neighbors on average. A step of PLUMED is
what an engine does: positions, box and masses handed over, bias calculated and applied. COORDINATION's lists
are those that give the values of a new list at every step within 1e-6; the best of them counts.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from machine import print_facts
from models import MODELS, cutoff_of, write_model
from structures import liquid_like

Array = NDArray[np.float64]
STEP_FS, TEMPERATURE = 4.0, 95.0
NEIGHBORS = 41.0


@dataclass(frozen=True)
class Trajectory:
    """Positions ``(F, N, 3)`` in angstrom at successive steps, and the cell ``(3, 3)``."""

    positions: Array
    cell: Array


def simulate(atoms: Atoms, n_frames: int, equilibration: int = 1500) -> Trajectory:
    """Run argon with OpenMM and keep every step."""
    import openmm
    from openmm import unit

    system, force = openmm.System(), openmm.NonbondedForce()
    system.setDefaultPeriodicBoxVectors(*(0.1 * atoms.cell.array))
    for mass in atoms.get_masses():
        system.addParticle(mass)
        force.addParticle(0.0, 0.3405, 0.99607)
    force.setNonbondedMethod(openmm.NonbondedForce.CutoffPeriodic)
    force.setCutoffDistance(0.85)
    system.addForce(force)
    integrator = openmm.LangevinMiddleIntegrator(TEMPERATURE, 1.0, 1e-3 * STEP_FS)
    integrator.setRandomNumberSeed(1)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName("CPU"))
    context.setPositions(0.1 * atoms.positions)
    openmm.LocalEnergyMinimizer.minimize(context, 1.0, 50)
    context.setVelocitiesToTemperature(TEMPERATURE, 1)
    integrator.step(equilibration)
    frames = []
    for _ in range(n_frames):
        integrator.step(1)
        where = context.getState(getPositions=True).getPositions(asNumpy=True)
        frames.append(where.value_in_unit(unit.angstrom))
    return Trajectory(np.array(frames), atoms.cell.array.copy())


def times_of(call: Any, frames: Array) -> list[float]:
    """Milliseconds of ``call(frame)`` for each frame."""
    times = []
    for frame in frames:
        start = perf_counter()
        call(frame)
        times.append(1e3 * (perf_counter() - start))
    return times


def core_rows(name: str, model: Path, trajectory: Trajectory, arguments: argparse.Namespace) -> None:
    """Print what a step costs for several skins: with the list kept, and with all of its lists."""
    import gnncv

    for skin in arguments.skins:
        cv = gnncv.CollectiveVariable(model, num_threads=arguments.threads, skin=skin)
        cv.bind(["Ar"] * trajectory.positions.shape[1])
        periodic = np.array([True, True, True])

        def call(frame: Array, cv: Any = cv, periodic: Any = periodic) -> None:
            cv.compute(frame, trajectory.cell, periodic, outputs=["progress"])

        times_of(call, trajectory.positions[:10])
        before = cv.statistics["n_rebuilds"]
        times = times_of(call, trajectory.positions[10:])
        lists = cv.statistics["n_rebuilds"] - before
        kept, all_of_it = median(times), sum(times) / len(times)
        label = "default" if skin is None else f"{skin:g}"
        print(
            f"  {name:<28}{label:>8} {cv.skin:6.2f} {kept:9.2f} {all_of_it:10.2f} {all_of_it / kept:7.3f} "
            f"{len(times) / max(lists, 1):10.1f}",
            flush=True,
        )


class Session:
    """One input of PLUMED, called as an engine would."""

    def __init__(self, kernel: str, lines: list[str], trajectory: Trajectory) -> None:
        from plumed import Plumed
        from plumed_moving import Steps

        self.plumed = Plumed(kernel)
        n_atoms = trajectory.positions.shape[1]
        for key, value in (("setNatoms", n_atoms), ("setMDEngine", "benchmark"), ("setTimestep", 0.004)):
            self.plumed.cmd(key, value)
        self.plumed.cmd("setLogFile", "plumed.log")
        self.plumed.cmd("init")
        for line in lines:
            self.plumed.cmd("readInputLine", line)
        self._steps = Steps(self.plumed, trajectory.cell, n_atoms)

    def __call__(self, frame: Array) -> None:
        self._steps(np.ascontiguousarray(0.1 * frame))

    def bias(self) -> float:
        """Of the last step."""
        value = np.zeros(1)
        self.plumed.cmd("getBias", value)
        return float(value[0])


def coordination(stride: int, reach: float) -> list[str]:
    """COORDINATION with a list of so many steps and angstrom; stride 0: no list."""
    listed = f" NLIST NL_CUTOFF={0.1 * reach} NL_STRIDE={stride}" if stride else ""
    switch = f"SWITCH={{RATIONAL R_0=0.5 D_MAX={0.1 * cutoff_of(NEIGHBORS)}}}"
    return [f"c: COORDINATION GROUPA=@mdatoms {switch}{listed}", "RESTRAINT ARG=c AT=0 KAPPA=1e-9"]


def q6(n_atoms: int) -> list[str]:
    """Q6 of all atoms, its mean."""
    switch = f"SWITCH={{RATIONAL R_0=0.5 D_MAX={0.1 * cutoff_of(NEIGHBORS)}}}"
    return [f"q: Q6 SPECIES=1-{n_atoms} {switch} MEAN", "RESTRAINT ARG=q.mean AT=0 KAPPA=1"]


def plumed_rows(files: dict[str, Path], trajectory: Trajectory, arguments: argparse.Namespace) -> None:
    """Print what a step costs through PLUMED's interface: ours, then PLUMED's own."""
    from gnncv.plumed import choose_installation, find_plugin, load_line

    installation = choose_installation(arguments.plumed)
    plugin, kernel = arguments.plugin or find_plugin(installation), str(installation.kernel)
    if plugin is None:
        sys.exit(f"no plugin for {installation}: run gnncv plumed build --plumed {installation.command}")
    print(f"\n{'through PLUMED, all of it':<44}{'ms a step':>10}")
    frames, n_atoms = trajectory.positions, trajectory.positions.shape[1]

    def row(title: str, kernel: str, lines: list[str], frames: Array, warm: int = 3) -> Session:
        session = Session(kernel, lines, trajectory)
        times_of(session, frames[:warm])
        times = times_of(session, frames[warm:])
        print(f"  {title:<42}{sum(times) / len(times):10.2f}", flush=True)
        return session

    for name, model in files.items():
        lines = [load_line(plugin), f"cv: GNNCV MODEL={model} ATOMS=@mdatoms"]
        row(f"GNNCV {name}", kernel, [*lines, "RESTRAINT ARG=cv.progress AT=0 KAPPA=1"], frames, 10)
    exact = Session(kernel, coordination(0, 0.0), trajectory)
    exact(frames[-1])
    for stride, skin in arguments.lists:
        n = 1 + (len(frames) - 1) // stride * stride  # end with the oldest list there is
        used = frames[-n:]
        title = f"COORDINATION, list of {stride} steps, {skin:g} A wider"
        session = row(title, kernel, coordination(stride, cutoff_of(NEIGHBORS) + skin), used[:-1], 0)
        session(used[-1])
        if abs(session.bias() / exact.bias() - 1.0) > 1e-6:
            print(
                f"{'':<10}its value is wrong by {session.bias() / exact.bias() - 1.0:.1e}: it does not count"
            )
    row("Q6", kernel, q6(n_atoms), frames[: arguments.slow_steps], 1)
    if arguments.kernel_29:
        row("Q6, PLUMED 2.9", arguments.kernel_29, q6(n_atoms), frames[: arguments.slow_steps], 1)


def read_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["filter-2x16", "default"], choices=list(MODELS))
    parser.add_argument("--atoms", type=int, default=4096)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--skins", nargs="+", type=float, default=[None, 0.5, 0.8, 1.1, 1.5], help="angstrom")
    parser.add_argument("--plumed", nargs="?", const="plumed", help="actions of PLUMED, too: the program")
    parser.add_argument("--plugin", type=Path, help="libgnncv_plumed.so (default: as gnncv finds it)")
    parser.add_argument("--kernel-29", help="libplumedKernel.so of a PLUMED 2.9, for its Q6")
    parser.add_argument(
        "--lists", nargs="+", type=_list, default=[(10, 1.0), (20, 1.5), (40, 2.0), (80, 3.0)],
        help="of COORDINATION: steps and how much wider than the cutoff, such as 10,1.0",
    )  # fmt: skip
    parser.add_argument("--slow-steps", type=int, default=4, help="of Q6")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def _list(text: str) -> tuple[int, float]:
    stride, skin = text.split(",")
    return int(stride), float(skin)


def main() -> None:
    """Make the trajectory, time, print."""
    arguments = read_arguments()
    os.environ.setdefault("OMP_NUM_THREADS", str(arguments.threads))
    print_facts(arguments.threads)
    with tempfile.TemporaryDirectory() as name:
        files = {model: write_model(model, Path(name)) for model in arguments.models}
        trajectory = simulate(liquid_like(arguments.atoms), arguments.frames)
        os.chdir(name)
        print(
            f"\n{f'{arguments.atoms} atoms':<30}{'skin':>8} {'(A)':>6} {'list kept':>9} {'all of it':>10} "
            f"{'ratio':>7} {'steps/list':>10}"
        )
        for model, path in files.items():
            core_rows(model, path, trajectory, arguments)
        if arguments.plumed:
            plumed_rows(files, trajectory, arguments)


if __name__ == "__main__":
    main()
