"""Print what a CV file holds: outputs, species, cutoff, precision, training data and self-check."""

from __future__ import annotations

import argparse
from pathlib import Path

from gnncv.cli.output import print_facts

SUMMARY = "print what a CV file holds"
EXAMPLE = """  gnncv inspect cv.pt
  gnncv inspect cv.pt --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "model",
        type=Path,
        metavar="CV.pt",
        help="a file that gnncv export wrote, or a graph model of mlcolvar",
    )
    parser.add_argument("--json", action="store_true", help="print the facts as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Load the file through the C++ core, so that it is known to work, and print its facts."""
    from gnncv import CollectiveVariable

    cv = CollectiveVariable(arguments.model)
    facts = {"file": str(cv.path), "sha256": cv.hash, **cv.metadata, "remarks": cv.remarks}
    if not arguments.json:
        facts["outputs"] = [_described(output) for output in cv.metadata["outputs"]]
        facts["remarks"] = " ".join(cv.remarks) or "none"
        if "config" in facts:
            facts["config"] = "the training configuration: see --json"
    print_facts(facts, arguments.json)
    return 0


def _described(output: dict[str, str]) -> str:
    """An output's name, kind and, where it has one, unit."""
    return f"{output['name']} ({', '.join(output[key] for key in ('kind', 'unit') if key in output)})"
