"""Which atoms a CV listens to: the norm of dCV/dr of every atom, per frame and averaged over frames.

The frames go to an extended XYZ file with the column `sensitivities`, by which OVITO and VMD color; beside it
go a table (.csv) and a picture (.png).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gnncv.cli import trajectory
from gnncv.cli.evaluate import chosen_outputs
from gnncv.cli.output import print_facts
from gnncv.files import check_output

SUMMARY = "per-atom scores for OVITO or VMD, a table and a picture"
EXAMPLE = """  gnncv sensitivity cv.pt run/trajectory.extxyz -o S.extxyz
  gnncv sensitivity cv.pt melt.xtc -o S.extxyz --component novelty --index ::10"""


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
    from gnncv.explain import graph_node_sensitivity, write_sensitivity_report

    cv = CollectiveVariable(arguments.model, num_threads=arguments.threads)
    component = arguments.component or ("progress" if "progress" in cv.names else cv.names[0])
    chosen_outputs(cv, [component])
    result = graph_node_sensitivity(
        cv,
        trajectory.read_frames(arguments),
        component=component,
        show_progress=trajectory.show_progress(arguments),
        extxyz_filename=arguments.output,
        overwrite=arguments.overwrite,
        crystallinity=True,
    )
    written = write_sensitivity_report(result, arguments.output, arguments.overwrite, top=arguments.top)
    print_facts(
        {**_summary(result, arguments.top), "written": [str(path) for path in (arguments.output, *written)]},
        arguments.json,
    )
    return 0


def _summary(result: dict[str, Any], top: int) -> dict[str, Any]:
    """Size of the work, mean score, and the atoms with the highest averages (per angstrom)."""
    average = result["avg_sensitivities"]
    highest = sorted(range(len(average)), key=lambda i: -average[i])[:top]
    return {
        "component": result["component"],
        "frames": len(result["raw_sensitivities"]),
        "atoms": len(average),
        "mean_sensitivity": float(average.mean()),
        "highest": {result["node_labels"][i]: float(average[i]) for i in highest},
    }
