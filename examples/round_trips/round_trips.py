"""Crystal to melt and back: argon driven by our variable, by Q6 and by the density.

    python round_trips.py prepare                    # cv.pt, crystal.extxyz, melt.extxyz
    python round_trips.py run progress crystal       # runs/progress-crystal-1; again: goes on
    python round_trips.py cost                       # cost.csv: speed of each variable, and without
    python round_trips.py table                      # round_trips.csv and round_trips.png of all runs

`--steps` shortens or lengthens a run, `--seed` makes another one. Whether a phase was left is judged by Q6.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import yaml
from ase import Atoms
from ase.build import bulk
from ase.io import read, write
from judge import judge

import gnncv
from gnncv.demo.frames import shipped_model
from gnncv.engines import RunConfig, run
from gnncv.files import write_atomic

HERE = Path(__file__).parent
VARIABLES = ("progress", "q6", "density")
UNBIASED = {"cv": None, "cv_every": 1, "bias": None}


def configuration(**keys: object) -> RunConfig:
    """The run of run.yaml with some keys replaced."""
    values = yaml.safe_load((HERE / "run.yaml").read_text())
    return RunConfig.from_dict({**values, **keys}, folder=HERE)


def prepare(arguments: argparse.Namespace) -> None:
    """The model that comes with gnncv, and both phases of 256 atoms at 82 K and 1 bar."""
    if not (HERE / "cv.pt").exists():
        (HERE / "cv.pt").write_bytes(shipped_model().read_bytes())
    lattice = HERE / "lattice.extxyz"
    write(lattice, bulk("Ar", "fcc", a=5.48, cubic=True).repeat(4))
    relax("crystal", lattice, arguments.steps // 2)
    steps = arguments.steps // 2
    bath = {"ensemble": "nvt", "pressure_bar": None, "temperature_kelvin": 220.0}
    hot = configuration(start=str(lattice), output="prepared/hot", steps=steps, **UNBIASED, **bath)
    write(HERE / "hot.extxyz", last_frame(run(hot)))
    relax("melt", HERE / "hot.extxyz", arguments.steps)


def relax(phase: str, start: Path, steps: int) -> None:
    """Write PHASE.extxyz after some steps without bias."""
    plan = configuration(start=str(start), output=f"prepared/{phase}", steps=steps, **UNBIASED)
    write(HERE / f"{phase}.extxyz", last_frame(run(plan)))


def last_frame(folder: Path) -> Atoms:
    """The last frame of a run, as plain positions and cell."""
    frame = read(folder / "trajectory.extxyz", index=-1)
    return Atoms(frame.get_chemical_symbols(), frame.positions, cell=frame.cell, pbc=True)


def one_run(arguments: argparse.Namespace) -> None:
    """Bias one variable from one phase."""
    name = f"{arguments.variable}-{arguments.phase}-{arguments.seed}"
    bias = {"kind": "plumed", "input": f"{arguments.variable}.dat"}
    start, output = f"{arguments.phase}.extxyz", f"runs/{name}"
    run(configuration(start=start, output=output, seed=arguments.seed, steps=arguments.steps, bias=bias))


def cost(arguments: argparse.Namespace) -> None:
    """Short runs of each variable and without one, in turns; medians, and ratios to the run without."""
    speeds: dict[str, list[float]] = {"plain": [], **{name: [] for name in VARIABLES}}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(arguments.turns):
            for name, found in speeds.items():
                keys: dict[str, object] = dict(UNBIASED)
                if name != "plain":
                    keys = {"bias": {"kind": "plumed", "input": f"{name}.dat"}}
                output = f"{folder}/{name}-{turn}"
                run(
                    configuration(start="crystal.extxyz", output=output, steps=arguments.steps, **keys), False
                )
                found.append(json.loads(Path(output, "run.json").read_text())["steps_per_second"])
    medians = {name: float(np.median(found)) for name, found in speeds.items()}
    with write_atomic(HERE / "cost.csv", overwrite=True) as temporary:
        rows = [f"{name},{speed:.0f},{medians['plain'] / speed:.2f}" for name, speed in medians.items()]
        temporary.write_text("\n".join(["variable,steps_per_second,times_plain", *rows]) + "\n")
    print((HERE / "cost.csv").read_text())


def table(arguments: argparse.Namespace) -> None:
    """What came out of all runs."""
    judge(sorted((HERE / "runs").iterdir()), HERE / "round_trips")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    first = commands.add_parser("prepare")
    first.add_argument("--steps", type=int, default=20_480, help="of the melt at 82 K, a multiple of 4096")
    first.set_defaults(call=prepare)
    single = commands.add_parser("run")
    single.add_argument("variable", choices=VARIABLES)
    single.add_argument("phase", choices=["crystal", "melt"])
    single.add_argument("--seed", type=int, default=1)
    single.add_argument("--steps", type=int, default=1_500_032, help="a multiple of 128")
    single.set_defaults(call=one_run)
    speed = commands.add_parser("cost")
    speed.add_argument("--steps", type=int, default=8192, help="of each run, a multiple of 128")
    speed.add_argument("--turns", type=int, default=3)
    speed.set_defaults(call=cost)
    commands.add_parser("table").set_defaults(call=table)
    arguments = parser.parse_args()
    print("gnncv", gnncv.__version__)
    arguments.call(arguments)


if __name__ == "__main__":
    main()
