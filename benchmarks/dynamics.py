"""Steps per second of the demonstration's simulation, plain and biased, and the CV's share of the cost.

    python benchmarks/dynamics.py [--model cv.pt] [--steps 4096]

256 argon atoms, NPT, OpenMM: without CV, and with well-tempered metadynamics on progress where the CV is
evaluated at every step, every 2nd and every 4th (multiple time steps).
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from machine import print_facts


def main() -> None:
    """Parse the arguments, run every kind once and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="model file; default: the default model, exported here")
    parser.add_argument("--steps", type=int, default=4096, help="of each run; a multiple of 128")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    print_facts(arguments.threads)
    print(
        f"\n{'':<26}{'steps/s':>9} {'ns/day':>8} {'CV share':>9} "
        f"{'evaluations/step':>17} {'ms/evaluation':>14}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, facts in measure(folder, arguments):
            share = 100.0 * facts["cv_share"]
            count = max(facts["n_evaluations"], 1)
            print(
                f"{title:<26}{facts['steps_per_second']:9.0f} {facts['ns_per_day']:8.0f} {share:7.0f} % "
                f"{facts['n_evaluations'] / facts['steps']:17.2f} {1e3 * facts['seconds_cv'] / count:14.2f}",
                flush=True,
            )


def measure(folder: Path, arguments: argparse.Namespace) -> list[tuple[str, dict[str, Any]]]:
    """Run each kind; title and the facts of its run.json."""
    from ase.io import read, write

    from gnncv.demo import fcc_crystal
    from gnncv.demo.settings import equilibration_config, run_config
    from gnncv.engines import run

    model = arguments.model
    if model is None:
        from evaluate import demo_model

        model = demo_model(folder, "float32")
    write(folder / "lattice.extxyz", fcc_crystal(), format="extxyz")
    plain = equilibration_config(folder / "lattice.extxyz", folder / "plain", threads=arguments.threads)
    plain = plain.model_copy(update={"steps": max(arguments.steps, 512)})
    found = [("plain", _facts(run(plain, progress=False)))]
    write(folder / "start.extxyz", read(folder / "plain" / "trajectory.extxyz", index=-1), format="extxyz")
    for every in (1, 2, 4):
        config = run_config(
            model, folder / "start.extxyz", folder / f"every-{every}", 0, arguments.steps, arguments.threads
        )
        config = config.model_copy(update={"cv_every": every, "stop_when": None})
        title = f"biased, CV every {every} step{'s' if every > 1 else ''}"
        found.append((title, _facts(run(config, progress=False))))
    return found


def _facts(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return facts


if __name__ == "__main__":
    main()
