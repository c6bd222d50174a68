"""Which atoms a CV listens to: the norm of dCV/dr of every atom, per frame and averaged over frames.

The frames go to an extended XYZ file with the column `sensitivities`, by which OVITO and VMD color; beside it
go a table (.csv) and a picture (.png).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gnncv.cli import trajectory
from gnncv.cli.evaluate import chosen_outputs
from gnncv.cli.output import print_facts
from gnncv.errors import InvalidArgument
from gnncv.files import check_output

if TYPE_CHECKING:
    from gnncv.explain.selection import Selected

SUMMARY = "per-atom scores for OVITO or VMD, a table and a picture"
EXAMPLE = """  gnncv sensitivity cv.pt run/trajectory.extxyz -o S.extxyz
  gnncv sensitivity cv.pt melt.extxyz -o S.extxyz --component novelty --index ::10
  gnncv sensitivity cv.pt solution.extxyz -o S.extxyz --system 1-22 --within 8"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    trajectory.add_arguments(parser)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="S.extxyz", help="frames with their scores"
    )
    parser.add_argument(
        "--component",
        metavar="NAME",
        help="output of the CV (default: progress where there is one, else the first)",
    )
    parser.add_argument(
        "--system",
        metavar="ATOMS",
        help="atoms scored one by one, as species (C,N) or numbers from 1 (1-64,70); the others are the "
        "environment, of whose scores mean and sum are given (default: all atoms)",
    )
    parser.add_argument("--environment", metavar="ATOMS", help="of the others, only these")
    parser.add_argument(
        "--within", type=float, metavar="LENGTH", help="and only those at most so far (Å) from the system"
    )
    parser.add_argument(
        "--top", type=int, default=10, metavar="N", help="how many atoms to name (default: 10)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Compute the sensitivities, write frames, table and picture, and print the highest scores."""
    targets = [arguments.output, *(arguments.output.with_suffix(suffix) for suffix in (".csv", ".png"))]
    trajectory.check_distinct(*targets)
    for target in targets:
        check_output(target, arguments.overwrite)
    from gnncv import CollectiveVariable
    from gnncv.explain import SensitivitySummary, graph_node_sensitivity, write_sensitivity_report

    cv = CollectiveVariable(arguments.model, num_threads=arguments.threads)
    component = arguments.component or ("progress" if "progress" in cv.names else cv.names[0])
    chosen_outputs(cv, [component])
    summary = SensitivitySummary()
    result = graph_node_sensitivity(
        cv,
        trajectory.stream_frames(arguments),
        component=component,
        show_progress=trajectory.show_progress(arguments),
        extxyz_filename=arguments.output,
        overwrite=arguments.overwrite,
        system=atoms_of(arguments.system),
        environment=atoms_of(arguments.environment),
        environment_within=arguments.within,
        crystallinity=True,
        keep_frames=False,
        on_frame=summary.add,
    )
    written = write_sensitivity_report(
        summary, arguments.output, arguments.overwrite, top=arguments.top, output=component
    )
    print_facts(
        {**_summary(result, arguments.top), "written": [str(path) for path in (arguments.output, *written)]},
        arguments.json,
    )
    return 0


def atoms_of(words: str | None) -> Selected | None:
    """Species ``C,N``, or indices from 0 of numbers from 1, ``1-64,70``; else `InvalidArgument`."""
    if words is None:
        return None
    parts = [part.strip() for part in words.split(",")]
    if all(part.isalpha() for part in parts):
        return parts
    indices: list[int] = []
    for part in parts:
        numbers = part.split("-")
        if len(numbers) > 2 or not all(number.isdigit() for number in numbers):
            raise InvalidArgument(f"{words!r} names no atoms; give species (C,N) or numbers from 1 (1-64,70)")
        indices += range(int(numbers[0]) - 1, int(numbers[-1]))
    return indices


def _summary(result: dict[str, Any], top: int) -> dict[str, Any]:
    """Size of the work, mean score, and the atoms with the highest averages (per angstrom)."""
    from gnncv.explain.selection import ENVIRONMENT_LABELS

    average = result["avg_sensitivities"]
    environment = ENVIRONMENT_LABELS if result["node_labels"][-2:] == ENVIRONMENT_LABELS else []
    atoms = range(len(average) - len(environment))
    highest = sorted(atoms, key=lambda i: -average[i])[:top]
    return {
        "component": result["component"],
        "frames": result["n_frames"],
        "atoms": len(atoms),
        "mean_sensitivity": float(average[atoms].mean()),
        "highest": {result["node_labels"][i]: float(average[i]) for i in highest},
        **{name: float(average[i - 2]) for i, name in enumerate(environment)},
    }
