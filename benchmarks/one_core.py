"""Time runs of one thread with OpenMM, on one core and wherever the system puts their threads.

    python benchmarks/one_core.py [--seconds 2] [--rounds 5]

Crystals of argon at 82 K without a bias, and with a weak restraint on `progress` at every 5th step. Wall
time, since waiting is what is compared; needs two idle cores. By turns, the median of the rounds; the ratio
is that of the medians.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import ase.io
from ase.build import bulk
from tqdm import tqdm

import gnncv
from gnncv.demo import shipped_model
from gnncv.engines import RunConfig
from gnncv.engines.one_core import OneCore
from gnncv.engines.start import make_engine, read_start
from machine import print_facts

CELLS = (3, 4, 5, 8)
CHUNK = 200  # steps between looks at the clock
SYSTEM = {
    "kind": "lennard-jones", "cutoff_angstrom": 7.5, "switch_angstrom": 6.5,
    "species": {"Ar": {"sigma_angstrom": 3.405, "epsilon_kj_mol": 0.99607}},
}  # fmt: skip
BIAS = {"kind": "harmonic", "cv": "progress", "center": 0.9, "kappa_kj_mol": 1}


def steps_per_second(config: RunConfig, one_core: bool, seconds: float) -> float:
    """Of a run that is made for it, after a first chunk."""
    cv = None if config.cv is None else gnncv.CollectiveVariable(str(config.cv), num_threads=1)
    with OneCore(one_core) as core:
        engine = make_engine(config, read_start(config), cv, 1, None)
        engine.advance(CHUNK)
        first, start = engine.step, perf_counter()
        while perf_counter() - start < seconds:
            engine.advance(CHUNK)
            core.follow()
        return (engine.step - first) / (perf_counter() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    print_facts(1)
    print(f"{'atoms':>6} {'bias':>8} {'anywhere':>10} {'one core':>10} {'ratio':>6}   lowest-highest of each")
    kinds: dict[str, dict[str, Any]] = {
        "none": {},
        "progress": {"cv": str(shipped_model()), "cv_every": 5, "bias": BIAS},
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        tqdm(total=len(CELLS) * len(kinds) * given.rounds, file=sys.stderr) as bar,
    ):
        for n in CELLS:
            atoms = bulk("Ar", "fcc", a=5.4, cubic=True).repeat(n)
            atoms.rattle(0.1, seed=1)
            structure = Path(folder) / f"{n}.extxyz"
            ase.io.write(structure, atoms)
            for kind, keys in kinds.items():
                facts = {
                    "engine": "openmm", "start": str(structure), "system": SYSTEM, "steps": 10**9,
                    "temperature_kelvin": 82, "timestep_fs": 4, "output": f"{folder}/run", **keys,
                }  # fmt: skip
                config = RunConfig.from_dict(facts)
                found: dict[bool, list[float]] = {False: [], True: []}
                for _ in range(given.rounds):
                    for one_core, speeds in found.items():
                        speeds.append(steps_per_second(config, one_core, given.seconds))
                    bar.update()
                loose, kept = (median(found[one_core]) for one_core in (False, True))
                ranges = ", ".join(f"{min(speeds):.0f}-{max(speeds):.0f}" for speeds in found.values())
                tqdm.write(
                    f"{len(atoms):6d} {kind:>8} {loose:10.0f} {kept:10.0f} {kept / loose:6.2f}   {ranges}"
                )


if __name__ == "__main__":
    main()
