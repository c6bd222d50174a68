"""Evaluate a CV along trajectories: its values in PLUMED's COLVAR format, and optionally values per site.

The time column counts frames times --timestep, in picoseconds.

With --committee, further trainings of the same variable, values are means over all, and std-NAME is their
standard deviation. Latents, and deviation, are left out: they differ between trainings by a change of
coordinates.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gnncv.cli import trajectory
from gnncv.cli.output import print_facts
from gnncv.errors import InvalidArgument
from gnncv.files import TableWriter, check_output, write_atomic

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms

    from gnncv import CollectiveVariable, Committee

SUMMARY = "CV values along a trajectory, as COLVAR and per site"
EXAMPLE = """  gnncv evaluate cv.pt melt.extxyz crystal.extxyz -o COLVAR --timestep 0.5
  gnncv evaluate cv.pt run.extxyz -o COLVAR --per-site sites.extxyz --index ::10
  gnncv evaluate cv-0.pt run.extxyz -o COLVAR --committee cv-1.pt cv-2.pt cv-3.pt
  gnncv evaluate cv.pt run.extxyz -o COLVAR --gradnorm2 progress"""


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
        "--gradnorm2",
        nargs="+",
        default=[],
        metavar="NAME",
        help="write the squared gradients of these outputs too, in 1/A^2, as gradnorm2-NAME",
    )
    parser.add_argument(
        "--committee",
        type=Path,
        nargs="+",
        default=[],
        metavar="CV.pt",
        help="further trainings of the CV: write means and standard deviations over all",
    )
    parser.add_argument(
        "--members", action="store_true", help="with --committee: write what each says too, as cv1.NAME, ..."
    )
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
    if arguments.members and not arguments.committee:
        raise InvalidArgument("--members goes with --committee")
    cv = _load(arguments)
    names = chosen_outputs(cv, arguments.outputs)
    if arguments.committee and arguments.outputs:
        names += [f"std-{name}" for name in names if f"std-{name}" in cv.names and f"std-{name}" not in names]
    chosen_outputs(cv, arguments.gradnorm2)
    values, names = _evaluate(cv, names, trajectory.read_frames(arguments), arguments)
    statistics = {
        name: {"mean": v.mean(), "deviation": v.std(), "min": v.min(), "max": v.max()}
        for name, v in zip(names, values.T, strict=True)
    }
    if arguments.json:
        facts: dict[str, Any] = {
            "frames": len(values),
            "output": str(arguments.output),
            "statistics": statistics,
        }
        if arguments.committee:
            facts["left_out"] = cv.left_out
        print_facts(facts, as_json=True)
        return 0
    print(f"{len(values)} frames -> {arguments.output}")
    width = max(len(name) for name in names)
    print(f"{'':{width}}  {'mean':>12} {'deviation':>12} {'min':>12} {'max':>12}")
    for name, numbers in statistics.items():
        print(f"{name:{width}}  " + " ".join(f"{number:12.6g}" for number in numbers.values()))
    if arguments.committee:
        print(f"left out, as trainings differ in them by a change of coordinates: {', '.join(cv.left_out)}")
    return 0


def _load(arguments: argparse.Namespace) -> Any:
    """The CV, or the committee that it is the first member of."""
    from gnncv import CollectiveVariable, Committee

    if arguments.committee:
        return Committee([arguments.model, *arguments.committee], num_threads=arguments.threads)
    return CollectiveVariable(arguments.model, num_threads=arguments.threads)


def chosen_outputs(cv: CollectiveVariable | Committee, asked: Sequence[str] | None) -> list[str]:
    """The outputs asked for, all if None. Raises InvalidArgument for an unknown name."""
    if hasattr(cv, "check_outputs"):
        cv.check_outputs(asked or [])  # a committee, which says why some cannot be had
    for name in asked or []:
        if name not in cv.names:
            raise InvalidArgument(f"{cv.path} has no output {name!r}; its outputs are {', '.join(cv.names)}")
    return list(asked or cv.names)


def _constants(cv: CollectiveVariable | Committee, names: Sequence[str]) -> dict[str, str]:
    """The hash of the model, and the units of outputs that have one."""
    units = {entry["name"]: entry.get("unit") for entry in cv.metadata.get("outputs", [])}
    known = {f"unit_{name}": units.get(name.removeprefix("std-")) for name in names}
    known |= {f"unit_{name}": "1/angstrom^2" for name in names if name.startswith("gradnorm2-")}
    return {"gnncv_model": cv.hash, **{name: str(unit) for name, unit in known.items() if unit}}


def _evaluate(
    cv: CollectiveVariable | Committee, names: list[str], frames: list[Atoms], arguments: argparse.Namespace
) -> tuple[np.ndarray, list[str]]:
    """Write the table and the per-site frames, both or none; return values (frames, columns) and columns."""
    import numpy as np
    from tqdm import tqdm

    from gnncv.explain import write_per_site

    shown = trajectory.show_progress(arguments)
    squares = list(arguments.gradnorm2)
    columns = [*names, *(f"gradnorm2-{name}" for name in squares)]
    shared = [name for name in names if f"std-{name}" in cv.names] if arguments.members else []
    columns += [f"cv{k}.{name}" for k in range(1, 2 + len(arguments.committee)) for name in shared]
    rows = []
    with ExitStack() as stack:
        path = stack.enter_context(write_atomic(arguments.output, arguments.overwrite))
        table = stack.enter_context(TableWriter(path, ["time", *columns], _constants(cv, columns)))
        for number, atoms in enumerate(tqdm(frames, desc="evaluate", unit="frame", disable=not shown)):
            result = cv.compute(atoms, outputs=squares)
            row = [*(result[name] for name in names), *(result.gradnorm2(name) for name in squares)]
            if shared:
                row += np.column_stack([result.members(name) for name in shared]).ravel().tolist()  # type: ignore[attr-defined]
            rows.append(row)
            table.write([number * arguments.timestep, *rows[-1]])
        if arguments.per_site is not None:
            write_per_site(cv, frames, arguments.per_site, overwrite=arguments.overwrite, show_progress=shown)
    return np.array(rows), columns
