"""Entry point of the `gnncv` command: finds the command, and turns errors into one line and exit code 2."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn, Protocol, cast

from gnncv.errors import GnncvError

COMMANDS = (
    "train",
    "export",
    "inspect",
    "evaluate",
    "run",
    "fes",
    "bias",
    "sensitivity",
    "explain",
    "plumed",
    "doctor",
    "demo",
)

BAD_INPUT = 2
INTERRUPTED = 130

EXTRAS = {
    "ase": "gnncv",
    "captum": "gnncv[explain]",
    "freud": "gnncv[analysis]",
    "lightning": "gnncv[train]",
    "matplotlib": "gnncv[analysis]",
    "openmm": "gnncv[openmm]",
    "pandas": "gnncv[explain]",
    "plumed": "gnncv[plumed]",
    "sklearn": "gnncv[train]",
    "torch_geometric": "gnncv[explain]",
}


class Command(Protocol):
    """What each module of this package that is a command provides."""

    SUMMARY: str
    EXAMPLE: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do the command's work and return its exit code."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line that says where the help is."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 and one line on standard error."""
        self.exit(BAD_INPUT, f"{self.prog}: error: {_one_line(message)} (see {self.prog} --help)\n")


class VersionAction(argparse.Action):
    """Prints the version, which is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        """Print the version and exit."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"gnncv {version('gnncv')}")
        except PackageNotFoundError:
            print("gnncv (not installed)")
        parser.exit()


def build_parser() -> Parser:
    """The parser of `gnncv` with all its commands; each command's help ends with its example."""
    parser = Parser(
        prog="gnncv",
        description="Collective variables for melts and crystals, learned from trajectories.",
        epilog="gnncv COMMAND --help explains a command and shows an example; gnncv demo shows it all.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=VersionAction, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for name in COMMANDS:
        module = cast(Command, import_module(f"gnncv.cli.{name}"))
        command = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=module.__doc__,
            epilog=f"example:\n{module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0 is success, 2 is bad input."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser()
    if not words:
        parser.print_help()
        return BAD_INPUT
    if not words[0].startswith("-") and words[0] not in COMMANDS:
        close = difflib.get_close_matches(words[0], COMMANDS, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"choose from {', '.join(COMMANDS)}"
        return _fail("gnncv", f"unknown command {words[0]!r}; {hint}")
    arguments = parser.parse_args(words)
    name = f"gnncv {arguments.command}"
    try:
        return int(arguments.run(arguments))
    except GnncvError as error:
        return _fail(name, str(error))
    except (
        FileNotFoundError,
        FileExistsError,
        IsADirectoryError,
        NotADirectoryError,
        PermissionError,
    ) as error:
        if error.filename is None:
            raise
        return _fail(name, f"{error.filename}: {error.strerror}")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in EXTRAS:
            raise
        return _fail(name, f"this needs {missing}: pip install '{EXTRAS[missing]}'")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return INTERRUPTED


def _fail(name: str, message: str) -> int:
    """Print an error as one line and return the exit code of bad input."""
    print(f"{name}: error: {_one_line(message)}", file=sys.stderr)
    return BAD_INPUT


def _one_line(message: str) -> str:
    """A message without line breaks."""
    return " ".join(message.split())


if __name__ == "__main__":
    sys.exit(main())
