"""A long run in one piece, the same run killed again and again, and a comparison of the two.

``python long_run.py``: 2 x 1 000 000 steps. ``--steps`` and ``--kills`` make it shorter, ``--parts`` choose
what is done: the killed run goes on where it was when the command is given again.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import ase.io
import numpy as np
import yaml
from ase.build import bulk

FILES = ("COLVAR", "HILLS", "trajectory.extxyz")
FIELDS = (
    "run", "process", "step", "memory", "n_evaluations", "n_rebuilds", "n_expected", "n_repeated",
    "largest_difference",
)  # fmt: skip


def write_inputs(name: str, steps: int) -> Path:
    """The run's configuration with its own output, and the crystal that it starts from."""
    here = Path(__file__).parent
    if not Path("crystal.extxyz").exists():
        atoms = bulk("Ar", "fcc", a=5.4, cubic=True) * (3, 3, 3)
        atoms.rattle(0.1, seed=1)
        ase.io.write("crystal.extxyz", atoms)
    values = yaml.safe_load((here / "run.yaml").read_text())
    path = Path(f"{name}.yaml")
    path.write_text(yaml.safe_dump({**values, "output": name, "steps": steps}, sort_keys=False))
    return path


def newest(folder: Path) -> int:
    """The step of the newest restart point; 0 without one."""
    steps = [int(path.name[-12:]) for path in (folder / "generations").glob("generation-*")]
    return max(steps, default=0)


class Process:
    """A process of a run, with what it said of memory and lists."""

    def __init__(self, name: str, path: Path, number: int) -> None:
        program = Path(__file__).with_name("audited_run.py")
        self.name, self.number = name, number
        self.log = Path(f"{name}-{number}.log")
        with self.log.open("w") as file:
            self.process = subprocess.Popen([sys.executable, str(program), str(path)], stdout=file)

    def finish(self) -> int:
        """Wait for its end and file its lines in the table of all processes."""
        code = self.process.wait()
        table = Path("processes.csv")
        new = not table.exists()
        with table.open("a", newline="") as file:
            writer = csv.DictWriter(file, FIELDS)
            if new:
                writer.writeheader()
            for line in self.log.read_text().splitlines():
                if line.endswith("}"):  # the last may be cut by a kill
                    writer.writerow({"run": self.name, "process": self.number, **json.loads(line)})
        self.log.unlink()
        return code


def run_whole(steps: int) -> None:
    """The run in one process."""
    process = Process("whole", write_inputs("whole", steps), 0)
    if process.finish() != 0:
        sys.exit("the run failed")


def run_killed(steps: int, kills: int, seed: int, minutes: float) -> None:
    """The same run, killed at random moments and started again; goes on where it was."""
    path, folder = write_inputs("killed", steps), Path("killed")
    end = time.monotonic() + 60.0 * minutes
    number = 1 + max((int(row["process"]) for row in read_table() if row["run"] == "killed"), default=-1)
    while newest(folder) < steps:
        generator = np.random.default_rng([seed, number])
        stop = newest(folder) + generator.uniform(0.5, 1.5) * steps / (kills + 1)
        process = Process("killed", path, number)
        while process.process.poll() is None and newest(folder) < stop and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(generator.uniform(0.0, 2.0))
        if process.process.poll() is None:
            process.process.kill()
            print(f"process {number} killed after the restart point at step {newest(folder)}", flush=True)
        if process.finish() > 0:
            sys.exit("the run failed")
        if time.monotonic() > end:
            sys.exit("time is up; give the command again")
        number += 1


def read_table() -> list[dict[str, str]]:
    """What all processes said so far."""
    if not Path("processes.csv").exists():
        return []
    with open("processes.csv", newline="") as file:
        return list(csv.DictReader(file))


def compare() -> None:
    """Say whether the two runs are one, how much memory they took, and whether all lists have a reason."""
    for name in FILES:
        same = Path("whole", name).read_bytes() == Path("killed", name).read_bytes()
        print(f"{name}: {'identical' if same else 'DIFFERENT'}")
    rows = read_table()
    for run in ("whole", "killed"):
        last = {row["process"]: row for row in rows if row["run"] == run}
        memory = np.array([int(row["memory"]) for row in rows if row["run"] == run]) / 2**20
        counts = {key: sum(int(row[key]) for row in last.values()) for key in FIELDS[4:8]}
        largest = max(float(row["largest_difference"]) for row in last.values())
        print(
            f"{run}: {len(last)} processes, memory {memory.min():.1f} to {memory.max():.1f} MiB, {counts}, "
        )
        print(f"  largest difference to an evaluation with a new list {largest:.1e}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="for the killed run, then give it again"
    )
    parser.add_argument("--parts", nargs="+", default=["whole", "killed", "compare"])
    options = parser.parse_args()
    if "whole" in options.parts:
        run_whole(options.steps)
    if "killed" in options.parts:
        run_killed(options.steps, options.kills, options.seed, options.minutes)
    if "compare" in options.parts:
        compare()
