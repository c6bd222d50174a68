"""PLUMED: compile the plugin with the action GNNCV for a PLUMED, print its LOAD line, write an input.

build compiles the plugin for one PLUMED, once: one that is there and fits is not built again. load prints the
line that loads it. template writes a complete input for a CV file, with numbers from its training frames.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gnncv.cli.output import print_facts
from gnncv.errors import GnncvError, InvalidArgument
from gnncv.files import check_output, write_atomic

if TYPE_CHECKING:
    from gnncv.plumed import Installation

SUMMARY = "compile the PLUMED plugin, print its LOAD line, write an input for a CV"
EXAMPLE = """  gnncv plumed build
  gnncv plumed load
  gnncv plumed template cv.pt --structure start.xyz -o plumed.dat"""
BUILD_EXAMPLE = """  gnncv plumed build
  gnncv plumed build --plumed /opt/plumed-2.9/bin/plumed
  gnncv plumed build -o plugin/"""
LOAD_EXAMPLE = """  gnncv plumed load >> plumed.dat
  gnncv plumed load -o plugin/"""
TEMPLATE_EXAMPLE = """  gnncv plumed template cv.pt > plumed.dat
  gnncv plumed template cv.pt --method opes --structure start.pdb --temperature 82 -o plumed.dat"""
METHODS = ("metad", "opes", "restraint", "monitor")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of each of the three."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def add(name: str, summary: str, example: str) -> argparse.ArgumentParser:
        action = actions.add_parser(
            name, help=summary, description=summary[:1].upper() + summary[1:] + ".",
            epilog=f"example:\n{example}", formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        action.add_argument(
            "--plumed",
            metavar="FILE",
            help="PLUMED's program (default: that of PLUMED_KERNEL if it is set, else plumed on the PATH)",
        )
        return action

    build = add("build", "compile the plugin for a PLUMED and print its LOAD line", BUILD_EXAMPLE)
    build.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", help="where it goes (default: the cache)"
    )
    build.add_argument("--force", action="store_true", help="compile in any case, replace another plugin")
    load = add("load", "print the LOAD line of a plugin that is built", LOAD_EXAMPLE)
    load.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="where it was built")
    for action in (build, load):
        action.add_argument("--json", action="store_true", help="print the facts as JSON")
    _add_template(add("template", "write a complete PLUMED input for a CV file", TEMPLATE_EXAMPLE))


def _add_template(template: argparse.ArgumentParser) -> None:
    template.add_argument("model", type=Path, metavar="CV.pt", help="the model")
    template.add_argument("--method", choices=METHODS, default="metad", help="default: %(default)s")
    template.add_argument(
        "--structure", type=Path, metavar="FILE", help="the system, for its atoms: any file ASE reads"
    )
    template.add_argument(
        "--cv", metavar="NAME", help="the output to bias (default: progress, if there is one)"
    )
    template.add_argument(
        "--temperature", type=float, default=300.0, metavar="KELVIN", help="default: %(default)s"
    )
    template.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="file to write (default: print it)"
    )
    template.add_argument("--overwrite", action="store_true", help="replace the output if it exists")


def run(arguments: argparse.Namespace) -> int:
    """Do one of the three."""
    if arguments.action == "template":
        return _template(arguments)
    from gnncv.plumed import build_plugin, choose_installation, find_plugin

    installation = choose_installation(arguments.plumed)
    if arguments.action == "build":
        if sys.stderr.isatty():
            print(f"building the plugin for {installation}: this takes a minute", file=sys.stderr)
        library = build_plugin(installation, arguments.output, arguments.force)
    else:
        found = find_plugin(installation, arguments.output)
        if found is None:
            place = "" if arguments.output is None else f" -o {arguments.output}"
            raise InvalidArgument(
                f"no plugin is built for {installation} with this gnncv: "
                f"run `gnncv plumed build --plumed {installation.command}{place}`"
            )
        library = found
    _print_library(installation, library, arguments.json)
    return 0


def _print_library(installation: Installation, library: Path, as_json: bool) -> None:
    from gnncv.plumed import load_line

    if not as_json:
        print(load_line(library))
        return
    facts = {
        "load": load_line(library),
        "library": str(library),
        "plumed": str(installation.command),
        "plumed_version": installation.version,
        "kernel": installation.kernel and str(installation.kernel),
        "mpi": installation.has_mpi,
    }
    print_facts(facts, as_json=True)


def _template(arguments: argparse.Namespace) -> int:
    """Write an input."""
    if not arguments.temperature > 0.0:
        raise InvalidArgument(f"--temperature is {arguments.temperature}; it must be above 0 K")
    if arguments.output is not None:
        check_output(arguments.output, arguments.overwrite)
    from gnncv import CollectiveVariable
    from gnncv.plumed.suggestion import suggest
    from gnncv.plumed.template import Subject, write_template

    symbols = None if arguments.structure is None else _symbols(arguments.structure)
    cv = CollectiveVariable(arguments.model)
    n_sites = None if symbols is None else len(symbols)
    molecules = cv.kinds if cv.kinds != cv.species else []
    if symbols is not None and molecules:
        cv.bind(symbols)
        n_sites = len(cv.site_kinds)
    suggestion = suggest(cv.names, cv.metadata, arguments.cv, n_sites)
    subject = Subject(arguments.model, cv.species, symbols, _load_line(arguments.plumed), molecules)
    text = write_template(subject, arguments.method, suggestion, arguments.temperature)
    if arguments.output is None:
        print(text, end="")
        return 0
    with write_atomic(arguments.output, arguments.overwrite) as temporary:
        temporary.write_text(text)
    return 0


def _symbols(path: Path) -> list[str]:
    """Species of a structure's atoms."""
    import ase.io

    if not path.is_file():
        raise InvalidArgument(f"--structure {path} does not exist or is not a file")
    try:
        atoms: Any = ase.io.read(path, index=0)
    except Exception as error:
        raise InvalidArgument(f"ASE cannot read --structure {path}: {error}") from None
    return list(atoms.get_chemical_symbols())


def _load_line(program: str | None) -> str | None:
    """The LOAD line of the plugin that is built for a PLUMED; None, with a warning, if there is none."""
    from gnncv.plumed import choose_installation, find_plugin, load_line

    try:
        library = find_plugin(choose_installation(program))
    except GnncvError:
        if program is not None:
            raise
        library = None
    if library is None:
        print("no plugin is built yet: run `gnncv plumed build` and add its LOAD line", file=sys.stderr)
    return None if library is None else load_line(library)
