"""Arguments shared by the commands that go through trajectories, and the frames they name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gnncv.errors import InvalidArgument

if TYPE_CHECKING:
    from ase import Atoms


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the model, the trajectories and how they are read."""
    parser.add_argument("model", type=Path, metavar="CV.pt", help="a file that gnncv export wrote")
    parser.add_argument(
        "trajectory", type=Path, nargs="+", metavar="TRAJ", help="one or more files in any format ASE reads"
    )
    add_reading_arguments(parser)


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which frames are read, threads and the progress bar."""
    parser.add_argument(
        "--index", default=":", help="frames to take of each file, as 'first:last:step' (default: all)"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads of torch (default: torch's choice)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def read_frames(arguments: argparse.Namespace) -> list[Atoms]:
    """The chosen frames, file after file. Raises InvalidArgument for what cannot be read."""
    from gnncv.data.frames import load_frames

    return load_frames(arguments.trajectory, index=arguments.index)


def stream_frames(arguments: argparse.Namespace) -> Iterator[Atoms]:
    """The chosen frames one by one, file after file, read as they are asked for."""
    from gnncv.data import iterate_frames

    return iterate_frames(arguments.trajectory, index=arguments.index)


def show_progress(arguments: argparse.Namespace) -> bool:
    """Whether to show a progress bar: on a terminal, unless asked not to."""
    return not arguments.quiet and sys.stderr.isatty()


def check_distinct(*paths: Path | None) -> None:
    """Refuse two outputs of one name."""
    given = [path.resolve() for path in paths if path is not None]
    if len(set(given)) < len(given):
        raise InvalidArgument(f"two outputs have the same name {given[0]}: give each its own")
