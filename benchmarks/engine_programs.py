"""Time LAMMPS and GROMACS as programs: processor time of the steps after a warm-up."""

from __future__ import annotations

import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from engine_cases import Case

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
WARM_UP = 12  # steps; TorchScript compiles itself within the first few evaluations


@dataclass(frozen=True)
class Program:
    """Where an engine is and where it works.

    Attributes
    ----------
    command
        Words that start it.
    folder
        A folder for its files; made, and filled from the example's.
    frames
        The trajectory whose last frame is the start.
    environment
        More variables.
    """

    command: tuple[str, ...]
    folder: Path
    frames: Path
    environment: dict[str, str]


def words(text: str) -> tuple[str, ...]:
    """A command as a user types it."""
    return tuple(shlex.split(text))


def run(program: Program, arguments: list[str], kernel: Path | None = None) -> str:
    """Output of a command in the program's folder; RuntimeError with its last lines if it fails."""
    environment = os.environ | program.environment
    if kernel is not None:
        environment |= {"PLUMED_KERNEL": str(kernel)}
    done = subprocess.run(
        [*program.command, *arguments], cwd=program.folder, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stdout[-1500:])
    return done.stdout


class Lammps:
    """`lmp` with the files of examples/lammps; `fix_plumed` is the plugin, None where LAMMPS has PLUMED."""

    name = "LAMMPS"
    plain_ms = 0.35
    longer = 1.0

    def __init__(self, program: Program, fix_plumed: Path | None) -> None:
        self.program, self.fix_plumed = program, fix_plumed
        prepare(program, "lammps")

    def time(self, case: Case, steps: int) -> float:
        """Seconds of so many steps."""
        lines = [] if self.fix_plumed is None else [f"plugin load {self.fix_plumed}"]
        lines += ["include argon.settings", "pair_style lj/cut 9.1935", "pair_coeff 1 1 0.238066 3.405"]
        lines += ["pair_modify tail yes", "velocity all create 82 2026 dist gaussian"]
        if case.lines:
            (self.program.folder / "plumed.dat").write_text(case.plumed(case.every))
            lines += ["fix bias all plumed plumedfile plumed.dat outfile plumed.log"]
        lines += ["fix move all npt temp 82 82 400 iso 0.98692 0.98692 4000"]
        lines += ["thermo 100000", f"run {WARM_UP}", f"run {steps}"]
        (self.program.folder / "in.engine").write_text("\n".join(lines) + "\n")
        said = run(self.program, ["-in", "in.engine", "-log", "none"], case.kernel)
        loop = float(re.findall(r"Loop time of (\S+) on", said)[-1])
        return 0.01 * loop * float(re.findall(r"([\d.]+)% CPU use", said)[-1])


class Gromacs:
    """`gmx mdrun -plumed` with the files of examples/gromacs."""

    name = "GROMACS"
    plain_ms = 0.1
    longer = 4.0  # two processes are subtracted, whose starts differ

    def __init__(self, program: Program) -> None:
        self.program = program
        prepare(program, "gromacs")
        run(program, ["grompp", "-f", "npt.mdp", "-c", "argon.gro", "-p", "topol.top", "-o", "npt.tpr"])

    def time(self, case: Case, steps: int) -> float:
        """Seconds of so many steps: GROMACS tells wall time only, so a long run less a short one."""
        spent = []
        for n_steps in (WARM_UP, WARM_UP + steps):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            self._run(case, n_steps)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        return spent[1] - spent[0]

    def _run(self, case: Case, n_steps: int) -> None:
        arguments = ["mdrun", "-s", "npt.tpr", "-deffnm", "timed", "-noconfout", "-ntmpi", "1", "-ntomp", "1"]
        arguments += ["-nsteps", str(n_steps), "-pin", "off"]
        if case.lines:
            (self.program.folder / "plumed.dat").write_text(case.plumed(case.every))
            arguments += ["-plumed", "plumed.dat"]
        run(self.program, arguments, case.kernel)


def prepare(program: Program, example: str) -> None:
    """Copy the example and write its start."""
    shutil.copytree(EXAMPLES / example, program.folder)
    script = [sys.executable, "write_argon.py", str(program.frames)]
    subprocess.run(script, cwd=program.folder, check=True, stdout=subprocess.DEVNULL)
