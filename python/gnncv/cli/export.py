"""Export a trained run as one TorchScript file, checked against the PyTorch model before it is accepted.

The file is complete: nothing else is needed to evaluate the CV. A model that is not continuous (for instance
one with kinked activations or an unswitched cutoff) is refused with the reason.

Of a committee (gnncv train --seeds N) every member is exported, CV.pt becoming CV-S.pt with its seed S.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gnncv.cli.output import print_facts
from gnncv.files import check_output

SUMMARY = "write a trained model as a CV file (TorchScript)"
EXAMPLE = """  gnncv export run/ -o cv.pt
  gnncv export run/ -o cv64.pt --precision float64
  gnncv export runs/ -o cv.pt                 # of a committee: cv-0.pt, cv-1.pt, ...
  gnncv export run/ -o exact.pt --precision float64 --no-tables"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder that gnncv train wrote")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="CV.pt", help="file to write")
    parser.add_argument(
        "--precision",
        choices=("float32", "float64"),
        default="float32",
        help="precision of the network; geometry is float64 always (default: %(default)s)",
    )
    parser.add_argument(
        "--no-tables",
        action="store_true",
        help="keep the networks of distance, in place of tables within 1e-6 of them that are faster",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the output if it exists")
    parser.add_argument("--json", action="store_true", help="print the facts in the file as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Export and print what the file says of itself."""
    targets = _targets(arguments.run_folder, arguments.output)
    for path in targets.values():
        check_output(path, arguments.overwrite)
    exported = [_export(folder, path, arguments) for folder, path in targets.items()]
    if arguments.json and len(exported) > 1:
        print_facts({"members": exported}, as_json=True)
        return 0
    for facts in exported:
        print_facts(facts, arguments.json)
    return 0


def _targets(folder: Path, output: Path) -> dict[Path, Path]:
    """The file of each run in a folder: of the one, or of a committee's members."""
    from gnncv.training import committee_runs

    members = [] if (folder / "config.yaml").exists() else committee_runs(folder)
    if not members:
        return {folder: output}
    seeds = {member: member.name.removeprefix("seed-") for member in members}
    return {
        member: output.with_name(f"{output.stem}-{seed}{output.suffix}") for member, seed in seeds.items()
    }


def _export(folder: Path, path: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Export one run; its facts, all of them for JSON."""
    from gnncv.export import export

    facts = export(
        folder,
        path,
        precision=arguments.precision,
        overwrite=arguments.overwrite,
        tables=not arguments.no_tables,
    )
    if not arguments.json:
        facts = {
            "output": str(path),
            "precision": facts["precision"],
            "species": facts["species"],
            "cutoff": facts["cutoff"],
            "tables": facts["tables"],
            "outputs": [output["name"] for output in facts["outputs"]],
            "self_check": facts["self_check"],
        }
    return facts
