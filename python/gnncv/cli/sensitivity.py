"""Which atoms a CV listens to: the norm of dCV/dr of every atom, per frame and averaged over frames.

The frames go to an extended XYZ file with the column `sensitivities`, which OVITO and VMD color by.
"""

from __future__ import annotations

import argparse
from pathlib import Path

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
        "-o", "--output", type=Path, required=True, metavar="S.extxyz", help="frames with scores"
    )
    parser.add_argument(
        "--component",
        metavar="NAME",
        help="output of the CV (default: progress where there is one, else the first)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Compute the sensitivities, write them, and print a summary."""
    check_output(arguments.output, arguments.overwrite)
    from gnncv import CollectiveVariable
    from gnncv.explain import graph_node_sensitivity

    cv = CollectiveVariable(arguments.model, num_threads=arguments.threads)
    component = arguments.component or ("progress" if "progress" in cv.names else cv.names[0])
    chosen_outputs(cv, [component])
    frames = list(trajectory.frames(arguments))
    result = graph_node_sensitivity(cv, frames, component=component, extxyz_filename=arguments.output)
    print_facts({"component": component, "frames": len(result["atoms_list"])}, arguments.json)
    return 0
