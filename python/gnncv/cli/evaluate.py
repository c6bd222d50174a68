"""Evaluate a CV along trajectories: its values in PLUMED's COLVAR format, and optionally values per site.

The time column counts frames times --timestep, in picoseconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from gnncv.cli import trajectory
from gnncv.cli.output import print_facts
from gnncv.errors import InvalidArgument
from gnncv.files import TableWriter, check_output, write_atomic

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms

    from gnncv import CollectiveVariable

SUMMARY = "CV values along a trajectory, as COLVAR and per site"
EXAMPLE = """  gnncv evaluate cv.pt melt.xtc crystal.xtc -o COLVAR --timestep 0.5
  gnncv evaluate cv.pt run.extxyz -o COLVAR --per-site sites.extxyz --index ::10"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    trajectory.add_arguments(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="COLVAR", help="table to write")
    parser.add_argument(
        "--per-site",
        type=Path,
        metavar="OUT.extxyz",
        help="write frames with the CV's values per site as columns",
    )
    parser.add_argument("--outputs", nargs="+", metavar="NAME", help="which outputs to write (default: all)")
    parser.add_argument(
        "--timestep", type=float, default=1.0, metavar="PS", help="time between frames (default: %(default)s)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    parser.add_argument(
        "--json", action="store_true", help="print mean, deviation and range of each output as JSON"
    )


def run(arguments: argparse.Namespace) -> int:
    """Evaluate every frame, write the files, and print the statistics of each output."""
    check_output(arguments.output, arguments.overwrite)
    if arguments.per_site is not None:
        check_output(arguments.per_site, arguments.overwrite)
        trajectory.check_distinct(arguments.output, arguments.per_site)
    from gnncv import CollectiveVariable

    cv = CollectiveVariable(arguments.model, num_threads=arguments.threads)
    names = chosen_outputs(cv, arguments.outputs)
    values = _evaluate(cv, names, trajectory.read_frames(arguments), arguments)
    statistics = {
        name: {"mean": v.mean(), "deviation": v.std(), "min": v.min(), "max": v.max()}
        for name, v in zip(names, values.T, strict=True)
    }
    if arguments.json:
        facts = {"frames": len(values), "output": str(arguments.output), "statistics": statistics}
        print_facts(facts, as_json=True)
        return 0
    print(f"{len(values)} frames -> {arguments.output}")
    width = max(len(name) for name in names)
    print(f"{'':{width}}  {'mean':>12} {'deviation':>12} {'min':>12} {'max':>12}")
    for name, numbers in statistics.items():
        print(f"{name:{width}}  " + " ".join(f"{number:12.6g}" for number in numbers.values()))
    return 0


def chosen_outputs(cv: CollectiveVariable, asked: Sequence[str] | None) -> list[str]:
    """The outputs asked for, all if None. Raises InvalidArgument for an unknown name."""
    for name in asked or []:
        if name not in cv.names:
            raise InvalidArgument(f"{cv.path} has no output {name!r}; its outputs are {', '.join(cv.names)}")
    return list(asked or cv.names)


def _constants(cv: CollectiveVariable, names: Sequence[str]) -> dict[str, str]:
    """The hash of the model, and the units of outputs that have one."""
    units = {entry["name"]: entry.get("unit") for entry in cv.metadata.get("outputs", [])}
    known = {f"unit_{name}": str(units[name]) for name in names if units.get(name)}
    return {"gnncv_model": cv.hash, **known}


def _evaluate(
    cv: CollectiveVariable, names: list[str], frames: list[Atoms], arguments: argparse.Namespace
) -> np.ndarray:
    """Write the table and the per-site frames, both or none; return the values (frames, outputs)."""
    import numpy as np
    from tqdm import tqdm

    from gnncv.explain import write_per_site

    shown = trajectory.show_progress(arguments)
    rows = []
    with ExitStack() as stack:
        path = stack.enter_context(write_atomic(arguments.output, arguments.overwrite))
        table = stack.enter_context(TableWriter(path, ["time", *names], _constants(cv, names)))
        for number, atoms in enumerate(tqdm(frames, desc="evaluate", unit="frame", disable=not shown)):
            result = cv.compute(atoms, outputs=[])
            rows.append([result[name] for name in names])
            table.write([number * arguments.timestep, *rows[-1]])
        if arguments.per_site is not None:
            write_per_site(cv, frames, arguments.per_site, overwrite=arguments.overwrite, show_progress=shown)
    return np.array(rows)
