"""Evaluate a CV along trajectories: its values in PLUMED's COLVAR format, and optionally values per site.

The time column counts frames times --timestep, in picoseconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gnncv.cli import trajectory
from gnncv.cli.output import print_facts
from gnncv.errors import InvalidArgument
from gnncv.files import TableWriter, check_output, write_atomic

if TYPE_CHECKING:
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
    from gnncv import CollectiveVariable

    cv = CollectiveVariable(arguments.model, num_threads=arguments.threads)
    columns = chosen_outputs(cv, arguments.outputs)
    values = _evaluate(cv, columns, arguments)
    names = [cv.names[column] for column in columns]
    statistics = {
        name: {"mean": v.mean(), "deviation": v.std(), "min": v.min(), "max": v.max()}
        for name, v in zip(names, values.T, strict=True)
    }
    facts = {"frames": len(values), "output": str(arguments.output), "statistics": statistics}
    if arguments.json:
        print_facts(facts, as_json=True)
        return 0
    print(f"{len(values)} frames -> {arguments.output}")
    width = max(len(name) for name in names)
    print(f"{'':{width}}  {'mean':>12} {'deviation':>12} {'min':>12} {'max':>12}")
    for name, numbers in statistics.items():
        print(f"{name:{width}}  " + " ".join(f"{number:12.6g}" for number in numbers.values()))
    return 0


def chosen_outputs(cv: CollectiveVariable, asked: Sequence[str] | None) -> list[int]:
    """Indices of the outputs asked for, all if None. Raises InvalidArgument for an unknown name."""
    for name in asked or []:
        if name not in cv.names:
            raise InvalidArgument(f"{cv.path} has no output {name!r}: its outputs are {', '.join(cv.names)}")
    return [cv.names.index(name) for name in (asked or cv.names)]


def _evaluate(cv: CollectiveVariable, columns: list[int], arguments: argparse.Namespace) -> np.ndarray:
    """Write the table and the per-site frames; return the values, shape (frames, outputs)."""
    source = trajectory.frames(arguments)
    source = chain([next(source)], source)  # an unreadable file is an error before anything is written
    rows = []
    with ExitStack() as stack:
        table_path = stack.enter_context(write_atomic(arguments.output, arguments.overwrite))
        fields = ["time", *(cv.names[column] for column in columns)]
        table = stack.enter_context(TableWriter(table_path, fields, {"gnncv_model": cv.hash}))
        sites_path = (
            stack.enter_context(write_atomic(arguments.per_site, arguments.overwrite))
            if arguments.per_site
            else None
        )
        for number, atoms in enumerate(trajectory.with_progress(source, "evaluate")):
            rows.append(np.asarray(cv.compute(atoms, outputs=[]).values)[columns])
            table.write([number * arguments.timestep, *rows[-1]])
            if sites_path is not None:
                _append_sites(cv, atoms, sites_path)
    return np.array(rows)


def _append_sites(cv: CollectiveVariable, atoms: Atoms, path: Path) -> None:
    """Append a frame with the CV's values per site as columns."""
    from ase import Atoms
    from ase.io import write

    frame = Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc, info=atoms.info)
    for name, values in cv.per_site(atoms).items():
        frame.set_array(name, np.asarray(values, dtype=np.float64))
    write(path, frame, format="extxyz", append=True)
