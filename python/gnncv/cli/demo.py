"""Run the main job end to end on the argon frames that ship with gnncv, in at most ten minutes on two cores.

It trains a model, exports it, runs biased molecular dynamics of 256 atoms that starts in the crystal, and
writes the free energy, pictures, sensitivities and a one-page report. Whether the crystal was left is decided
by bond-orientational order, never by the CV.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "the main job on shipped data, end to end, with a report"
EXAMPLE = """  gnncv demo -o demo_output
  xdg-open demo_output/report.html"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("demo_output"),
        metavar="FOLDER",
        help="default: %(default)s",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of training and dynamics (default: %(default)s)"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an earlier demo in the output folder"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress display")


def run(arguments: argparse.Namespace) -> int:
    """Run the demo and print where its report is."""
    from gnncv.demo import run_demo

    run_demo(
        arguments.output, seed=arguments.seed, overwrite=arguments.overwrite, progress=not arguments.quiet
    )
    return 0
