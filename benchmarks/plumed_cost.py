"""Time the PLUMED action GNNCV against the core that it calls, beside actions of PLUMED and others.

    python benchmarks/plumed_cost.py                       # 1000, 4000 and 16000 atoms
    python benchmarks/plumed_cost.py --mlcolvar-action FILE.so --peer-python PYTHON --pytorch-action FILE.so

Two tables. The first comes from `plumed benchmark` (2.10): a static lattice with 18 neighbors, so no lists
are renewed; per step, the slope between a short and a long run, the median of several such pairs, with the
core of gnncv timed by itself within the same run. The second is from Python: liquid-like argon moves as in
dynamics, each step is done by PLUMED and by the core alone, by turns, in one process; lists are renewed as
in a run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import plumed_inputs as inputs
from machine import print_facts
from models import MODELS
from plumed_steps import Runner, middle, spread

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One action: its name, its input, steps of the short and the long run, and the kernel that runs it."""

    title: str
    text: str
    steps: tuple[int, int]
    kernel: str = "this"


def steps_for(seconds: float, n_atoms: int, per_step: float) -> tuple[int, int]:
    """Steps of a short and a long run of an action that costs about so many microseconds an atom."""
    long = max(6, min(1000, round(1e6 * seconds / (per_step * n_atoms))))
    return max(2, long // 5), long


def cases(
    arguments: argparse.Namespace, models: dict[str, Path], folder: Path, n_atoms: int
) -> Iterator[Case]:
    """The actions that are there, gnncv's first."""
    load = arguments.load
    steps = partial(steps_for, arguments.seconds, n_atoms)
    for name, model in models.items():
        yield Case(f"GNNCV {name}, biased", inputs.gnncv(load, model, True), steps(5))
        yield Case(f"GNNCV {name}, not biased", inputs.gnncv(load, model, False), steps(3))
    for stride in arguments.strides:
        text = inputs.coordination(stride)
        yield Case(f"COORDINATION, list renewed every {stride}", text, steps(1 + 40 / stride))
    if n_atoms <= arguments.largest_slow:
        yield Case("COORDINATION, no list", inputs.coordination(0), steps(0.007 * n_atoms))
        yield Case("Q6 MEAN", inputs.q6(n_atoms), steps(400))
        if arguments.kernel_29:
            yield Case("Q6 MEAN, PLUMED 2.9", inputs.q6(n_atoms), steps(400), arguments.kernel_29)
        if arguments.peer_model:
            structure = inputs.write_structure(folder / f"{n_atoms}.pdb", n_atoms)
            text = inputs.mlcolvar_action(arguments.mlcolvar_action, arguments.peer_model, structure, n_atoms)
            yield Case("PYTORCH_GNN, mlcolvar's SchNet", text, steps(30))
    if arguments.pytorch_action:
        network = inputs.small_network(folder / "network.pt")
        text = inputs.pytorch_model(arguments.pytorch_action, network)
        yield Case("PYTORCH_MODEL, 64x64, two distances", text, (400, 2000))


def lattice_table(arguments: argparse.Namespace, folder: Path) -> None:
    """Time all cases by turns, size by size, and print each as a row."""
    files = arguments.files or [inputs.lattice_model(folder, name) for name in arguments.models]
    models = {file.stem: file.absolute() for file in files}
    runner = Runner((arguments.plumed, "--no-mpi"), folder, arguments.threads)
    print("\n`plumed benchmark`, static lattice: ms a step, median (least - most) of repeats")
    for n_atoms in arguments.sizes:
        head = f"{'step':>9} {'':>19} {'core':>9} {'added (us)':>11} {'of the core':>12}"
        print(f"\n{f'{n_atoms} atoms':<40}{head}")
        found = {case: [] for case in cases(arguments, models, folder, n_atoms)}
        for _ in range(arguments.repeats):
            for case, steps in found.items():
                steps.append(runner.step(case.text, n_atoms, case.steps, case.kernel))
        for case, steps in found.items():
            (low, high), step = spread(steps), middle(steps)
            row = f"  {case.title:<38}{1e3 * step.total:9.3f} {f'{1e3 * low:.3f} - {1e3 * high:.3f}':>19}"
            if step.core:
                row += (
                    f" {1e3 * step.core:9.3f} {1e6 * step.added:11.0f} {100 * step.added / step.core:10.2f} %"
                )
            print(row, flush=True)


def moving_table(arguments: argparse.Namespace) -> None:
    """Print the second table: a fresh process for each size."""
    print("\nmoving liquid, PLUMED and the core alone by turns: ms a step, medians")
    print(
        f"{'':<16}{'PLUMED':>10} {'core':>10} {'added (us), quartiles':>26} {'of the core':>12} {'lists':>7}"
    )
    pinned = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(arguments.threads))
    for n_atoms in arguments.sizes:
        words = [str(n_atoms), str(arguments.moving_steps), arguments.load, arguments.kernel]
        done = subprocess.run(
            [sys.executable, str(HERE / "plumed_moving.py"), *words],
            env={**os.environ, **pinned, "PLUMED_KERNEL": arguments.kernel}, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            sys.exit(done.stderr[-2000:])
        print(done.stdout.splitlines()[-1], flush=True)


def read_arguments() -> argparse.Namespace:
    """Parse, and find PLUMED and the plugin."""
    from gnncv.plumed import choose_installation, find_plugin, load_line

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plumed", help="the program (default: as gnncv finds it); 2.10 or newer")
    parser.add_argument("--plugin", type=Path, help="libgnncv_plumed.so (default: as gnncv finds it)")
    parser.add_argument("--models", nargs="+", default=["default", "filter-2x16"], choices=list(MODELS))
    parser.add_argument("--files", nargs="+", type=Path, help="model files of 15 A cutoff instead")
    parser.add_argument("--strides", nargs="+", type=int, default=(10, 50, 100), help="of COORDINATION")
    parser.add_argument("--kernel-29", help="libplumedKernel.so of a PLUMED 2.9, to time its Q6 too")
    parser.add_argument("--mlcolvar-action", type=Path, help="mlcolvar's PYTORCH_GNN, compiled")
    parser.add_argument("--peer-python", help="an interpreter that can import mlcolvar, to export its model")
    parser.add_argument("--pytorch-action", type=Path, help="PLUMED's PYTORCH_MODEL, compiled as a plugin")
    parser.add_argument("--sizes", type=int, nargs="+", default=(1000, 4000, 16000))
    parser.add_argument(
        "--largest-slow", type=int, default=4000, help="atoms for Q6 and searches of all pairs"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="about so long is a long run")
    parser.add_argument("--moving-steps", type=int, default=60, help="0: leave the second table out")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    installation = choose_installation(arguments.plumed)
    plugin = arguments.plugin or find_plugin(installation)
    if plugin is None:
        sys.exit(f"no plugin for {installation}: run gnncv plumed build --plumed {installation.command}")
    arguments.plumed, arguments.load = str(installation.command), load_line(plugin)
    arguments.kernel, arguments.version = str(installation.kernel), installation.version
    return arguments


def main() -> None:
    """Print machine and versions, then both tables."""
    arguments = read_arguments()
    os.environ.setdefault("OMP_NUM_THREADS", str(arguments.threads))
    print_facts(arguments.threads)
    print(f"{'PLUMED':>14}  {arguments.version}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arguments.peer_model = None
        if arguments.mlcolvar_action and arguments.peer_python:
            arguments.peer_model = folder / "peer.pt"
            words = [str(HERE / "peer_mlcolvar.py"), repr(inputs.CUTOFF), str(arguments.peer_model)]
            subprocess.run([arguments.peer_python, *words], check=True)
        lattice_table(arguments, folder)
    if arguments.moving_steps:
        moving_table(arguments)


if __name__ == "__main__":
    main()
