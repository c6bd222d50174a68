"""Time the PLUMED action GNNCV with its atoms divided between MPI processes, with `plumed benchmark`.

    python benchmarks/plumed_ranks.py --plumed plumed-mpi      # 32768 atoms, 1, 2 and 4 processes
    python benchmarks/plumed_ranks.py --mpirun "mpirun --bind-to core --map-by core" --ranks 1 2

A static lattice with 18 neighbors; per step, the slope between a short and a long run, the median of several
such pairs. More processes than cores take turns on them, which says nothing about a machine that has them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import plumed_inputs as inputs
from machine import print_facts
from plumed_steps import Runner, middle, spread


def main() -> None:
    """Parse, run, print a row for each number of processes."""
    from gnncv.plumed import choose_installation, find_plugin, load_line

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plumed", default="plumed-mpi", help="the program, compiled with MPI")
    parser.add_argument("--plugin", type=Path, help="libgnncv_plumed.so (default: as gnncv finds it)")
    parser.add_argument("--model", type=Path, help="of 15 A cutoff (default: trained here for one epoch)")
    parser.add_argument("--mpirun", default="mpirun", help="with its options, in quotes")
    parser.add_argument("--ranks", type=int, nargs="+", default=(1, 2, 4))
    parser.add_argument("--atoms", type=int, default=32768)
    parser.add_argument(
        "--steps", type=int, nargs=2, default=(3, 13), help="of the short and of the long run"
    )
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    installation = choose_installation(arguments.plumed)
    plugin = arguments.plugin or find_plugin(installation)
    if not installation.has_mpi or plugin is None:
        sys.exit(f"{installation} must be compiled with MPI, and gnncv plumed build --plumed be run for it")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    print_facts(1)
    print(f"{'PLUMED':>14}  {installation.version} with MPI\n")
    print(f"{f'{arguments.atoms} atoms':<16}{'ms a step':>10} {'least - most':>19} {'speedup':>9}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = arguments.model or inputs.lattice_model(folder, "default")
        text = inputs.gnncv(load_line(plugin), model.absolute(), biased=True)
        found = {ranks: [] for ranks in arguments.ranks}
        for _ in range(arguments.repeats):
            for ranks, steps in found.items():
                command = (*arguments.mpirun.split(), "-n", str(ranks), str(installation.command))
                steps.append(
                    Runner(command, folder).step(
                        text, arguments.atoms, (arguments.steps[0], arguments.steps[1])
                    )
                )
        first = middle(found[arguments.ranks[0]]).total
        for ranks, steps in found.items():
            (low, high), step = spread(steps), middle(steps)
            print(
                f"{f'{ranks} processes':<16}{1e3 * step.total:10.1f} "
                f"{f'{1e3 * low:.1f} - {1e3 * high:.1f}':>19} {first / step.total:9.2f}"
            )


if __name__ == "__main__":
    main()
