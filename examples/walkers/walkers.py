"""Walkers on one bias: how fast they fill a range together, and whether a kill costs a hill.

``python walkers.py --way grids --walkers 4`` starts four runs on one bias; ``--walkers 1`` one alone.
``--kills 6`` kills one of them six times at random moments and starts it again. ``--until-filled`` stops when
the range is filled. When all have ended, the hills on file must be the bias that each walker feels.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
import yaml
from accounts import check_accounts
from ase.build import bulk

from gnncv.analysis.bias import hill_sum
from gnncv.files import read_colvar, read_hills

HERE = Path(__file__).parent
LOW, HIGH, BIN = 0.3, 1.0, 0.05  # the range of `progress` to fill, in bins as wide as a hill


@dataclass
class Walker:
    """One run, and the process that works on it."""

    folder: Path
    configuration: Path
    hills: Path
    process: subprocess.Popen[bytes] | None = None
    cpu_seconds: float = 0.0

    def start(self) -> None:
        """Start or go on."""
        command = [sys.executable, "-m", "gnncv.cli.main", "run", str(self.configuration), "--quiet"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)

    def running(self) -> bool:
        """Whether its process lives; its processor time is taken when it has ended."""
        assert self.process is not None
        if self.process.returncode is None:
            self._reap(os.WNOHANG)
        return self.process.returncode is None

    def used(self) -> float:
        """Processor time so far, in seconds, of all its processes."""
        now = 0.0
        if self.running():
            with open(f"/proc/{self.process.pid}/stat") as file:
                words = file.read().rpartition(")")[2].split()
            now = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
        return self.cpu_seconds + now

    def end(self, kill: bool = False) -> None:
        """Wait for its end, or kill it."""
        assert self.process is not None
        if self.running():
            if kill:
                self.process.kill()
            self._reap(0)

    def _reap(self, option: int) -> None:
        assert self.process is not None
        number, status, usage = os.wait4(self.process.pid, option)
        if number:
            self.process.returncode = os.waitstatus_to_exitcode(status)
            self.cpu_seconds += usage.ru_utime + usage.ru_stime


def make_walkers(output: Path, way: str, number: int, steps: int, seed: int, pace: int) -> list[Walker]:
    """Write the configuration of each walker."""
    output.mkdir()
    (output / "bias").mkdir()
    atoms = bulk("Ar", "fcc", a=5.4, cubic=True) * (3, 3, 3)
    atoms.rattle(0.1, seed=1)
    ase.io.write(output / "crystal.extxyz", atoms)
    shutil.copy("argon.pt", output)
    walkers = []
    for k in range(number):
        values = yaml.safe_load((HERE / "run.yaml").read_text())
        values |= {"output": f"walker-{k}", "steps": steps, "seed": 100 * seed + k}
        values["bias"]["pace"] = pace
        folder = output / f"walker-{k}"
        hills = folder / "HILLS"
        if way == "plumed":
            words = (
                f"WALKERS_DIR=bias WALKERS_N={number} WALKERS_ID={k} WALKERS_RSTRIDE={pace}"
                if number > 1
                else ""
            )
            text = (HERE / "plumed.dat").read_text().replace("PACE=100", f"PACE={pace}")
            text = text.replace("  WALKERS\n", f"  {words}\n" if words else "")
            (output / f"plumed-{k}.dat").write_text(text)
            values["bias"] = {"kind": "plumed", "input": f"plumed-{k}.dat"}
            hills = output / "bias" / f"HILLS.{k}" if number > 1 else folder / "plumed" / "HILLS"
        elif number > 1:
            values["walkers"] = {"directory": "bias", "id": k, "sync_stride": pace}
        configuration = output / f"walker-{k}.yaml"
        configuration.write_text(yaml.safe_dump(values, sort_keys=False))
        walkers.append(Walker(folder, configuration, hills))
    return walkers


def filling(walkers: list[Walker]) -> dict[str, float]:
    """Hills so far, the part of the bins that has one, the least bias in the range, the least Q6."""
    centers = np.arange(LOW, HIGH - 0.5 * BIN, BIN) + 0.5 * BIN
    bias, covered, hills, order = np.zeros(len(centers)), np.zeros(len(centers), bool), 0, 1.0
    for walker in walkers:
        try:
            each, table = read_hills(walker.hills), read_colvar(walker.folder / "COLVAR")
        except Exception:  # not written yet, or in the middle of a row
            continue
        hills += len(each)
        bias += hill_sum(each, centers)
        covered |= (np.abs(each.centers - centers) <= 0.5 * BIN).any(axis=0)
        order = min(order, table["Q6"].min(initial=1.0))
    return {"hills": hills, "covered": covered.mean(), "least_bias": bias.min(), "least_Q6": order}


def run(
    walkers: list[Walker], kills: int, expected: int, depth: float | None, generator: np.random.Generator,
    table: Path,
) -> None:  # fmt: skip
    """Run all walkers to their ends, or until the range is filled to a depth; write how they fill it.

    They are killed when they have random parts of the `expected` hills.
    """
    started = time.monotonic()
    for walker in walkers:
        walker.start()
    moments = [*np.sort(generator.uniform(0.02, 0.95, kills)) * expected, np.inf]  # in hills of all
    with table.open("w", newline="") as file:
        fields = ["seconds", "cpu_seconds", "hills", "covered", "least_bias", "least_Q6"]
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        while any(walker.running() for walker in walkers):
            seconds, now = time.monotonic() - started, filling(walkers)
            now |= {"seconds": seconds, "cpu_seconds": sum(walker.used() for walker in walkers)}
            writer.writerow({key: round(float(value), 4) for key, value in now.items()})
            file.flush()
            if depth is not None and now["covered"] == 1.0 and now["least_bias"] >= depth:
                for walker in walkers:
                    if walker.running():
                        walker.process.terminate()
                break
            if now["hills"] >= moments[0]:
                alive = [walker for walker in walkers if walker.running()]
                if alive:
                    walker = alive[generator.integers(len(alive))]
                    walker.end(kill=True)
                    walker.start()
                    print(f"killed {walker.folder.name} at {now['hills']} hills, after {seconds:.1f} s")
                moments.pop(0)
            time.sleep(float(generator.uniform(0.1, 0.3) if moments[0] < np.inf else 1.0))
    for walker in walkers:
        walker.end()
    codes = [walker.process.returncode for walker in walkers]
    if any(codes) and depth is None:
        sys.exit(f"walkers ended with {codes}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=["grids", "plumed"], default="grids")
    parser.add_argument("--walkers", type=int, default=4)
    parser.add_argument("--steps", type=int, default=20_000, help="of each walker")
    parser.add_argument("--pace", type=int, default=100, help="steps between hills")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--until-filled", action="store_true")
    parser.add_argument("--depth", type=float, default=10.0, help="kJ/mol that make it filled")
    parser.add_argument("--output", type=Path, default=Path("walkers"))
    options = parser.parse_args()
    walkers = make_walkers(
        options.output, options.way, options.walkers, options.steps, options.seed, options.pace
    )
    generator = np.random.default_rng(options.seed)
    expected = options.walkers * options.steps // options.pace
    depth = options.depth if options.until_filled else None
    run(walkers, options.kills, expected, depth, generator, options.output / "filling.csv")
    print(
        f"processor time {sum(walker.cpu_seconds for walker in walkers):.1f} s, at the end {filling(walkers)}"
    )
    if not options.until_filled:
        check_accounts(options.output)
