"""The demonstration with several seeds: does the crystal melt, when, and what does the model say meanwhile?

    python benchmarks/seeds.py OUTPUT [--seeds 0 1 2]

Each seed is `gnncv demo --seed N` in OUTPUT/seed-N; one that was done before is only read.
Prints one line a seed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from machine import print_facts


def main() -> None:
    """Run the seeds and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--quiet", action="store_true", help="no progress display")
    arguments = parser.parse_args()
    print_facts(1)
    lines = [line(arguments.output / f"seed-{seed}", seed, not arguments.quiet) for seed in arguments.seeds]
    print(
        f"\n{'seed':>4} {'left at':>9} {'back at':>9} {'lowest q6':>10} {'corr(progress, q6)':>19} "
        f"{'novelty max':>12} {'> 1':>6} {'steps/s':>8} {'CV share':>9} {'train':>7} {'run':>7} {'total':>7}"
    )
    for text in lines:
        print(text)


def line(folder: Path, seed: int, progress: bool) -> str:
    """Run one seed and return its line of the table; times in seconds, left and back in ps."""
    from gnncv.demo import run_demo
    from gnncv.demo.story import verdict_of
    from gnncv.files import read_colvar

    run_demo(folder, seed=seed, progress=progress)
    table = read_colvar(folder / "run" / "COLVAR")
    verdict = verdict_of(folder / "run")
    facts = json.loads((folder / "run" / "run.json").read_text())
    stages = {stage["name"]: stage["seconds"] for stage in json.loads((folder / "stages.json").read_text())}
    times = [
        f"{time:.0f} ps" if time is not None else "never"
        for time in (verdict.left_at_ps, verdict.returned_at_ps)
    ]
    return (
        f"{seed:>4} {times[0]:>9} {times[1]:>9} {table['q6'].min():10.3f} "
        f"{np.corrcoef(table['progress'], table['q6'])[0, 1]:19.2f} {table['novelty'].max():12.2f} "
        f"{100.0 * np.mean(table['novelty'] > 1.0):4.0f} % {facts['steps_per_second']:8.0f} "
        f"{100.0 * facts['cv_share']:7.0f} % {stages['Train']:7.0f} {stages['Run']:7.0f} "
        f"{sum(stages.values()):7.0f}"
    )


if __name__ == "__main__":
    main()
