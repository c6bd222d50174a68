"""Run `plumed benchmark` and read its own times and those that GNNCV's core reports."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_TIMER = re.compile(r"^BENCH:\s+B\d .*?\s+\d+\s+([\d.]+)\s+[\d.]+\s+[\d.]+\s+[\d.]+\s*$", re.MULTILINE)
_CORE = re.compile(
    r"([\d.e+-]+) s for neighbors, ([\d.e+-]+) s for the model, ([\d.e+-]+) s for the chain rule"
)


@dataclass(frozen=True)
class Step:
    """What a step costs, seconds: all of it, and the part within gnncv's core (0 for other actions)."""

    total: float
    core: float = 0.0

    @property
    def added(self) -> float:
        """What the action and PLUMED add to the core."""
        return self.total - self.core


@dataclass(frozen=True)
class Runner:
    """Where and how `plumed benchmark` runs.

    Attributes
    ----------
    command
        The program, with mpirun before it where there is one.
    folder
        Work is done here.
    threads
        For PLUMED and torch.
    """

    command: tuple[str, ...]
    folder: Path
    threads: int = 1

    def total(self, text: str, n_atoms: int, n_steps: int, kernel: str = "this") -> Step:
        """All steps of one run; the first ones too."""
        (self.folder / "plumed.dat").write_text(text)
        words = ["benchmark", "--plumed", "plumed.dat", "--kernel", kernel, "--natoms", str(n_atoms)]
        words += ["--nsteps", str(n_steps), "--atom-distribution", "sc"]
        pinned = dict.fromkeys(
            ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "PLUMED_NUM_THREADS"), str(self.threads)
        )
        done = subprocess.run(
            [*self.command, *words],
            cwd=self.folder,
            env={**os.environ, **pinned},
            capture_output=True,
            text=True,
        )
        if done.returncode or "BENCH:  B" not in done.stdout:
            raise RuntimeError(f"plumed benchmark failed:\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}")
        core = _CORE.search(done.stdout)
        return Step(
            sum(float(seconds) for seconds in _TIMER.findall(done.stdout)),
            sum(map(float, core.groups())) if core else 0.0,
        )

    def step(self, text: str, n_atoms: int, steps: tuple[int, int], kernel: str = "this") -> Step:
        """One step: the slope between a short and a long run, which leaves out start and first steps."""
        short, long = (self.total(text, n_atoms, n, kernel) for n in steps)
        n_steps = steps[1] - steps[0]
        return Step((long.total - short.total) / n_steps, (long.core - short.core) / n_steps)


def middle(steps: list[Step]) -> Step:
    """The medians of several."""
    return Step(median(step.total for step in steps), median(step.core for step in steps))


def spread(steps: list[Step]) -> tuple[float, float]:
    """Smallest and largest total."""
    return min(step.total for step in steps), max(step.total for step in steps)
