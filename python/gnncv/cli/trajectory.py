"""Arguments and loop shared by the commands that go through trajectories."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ase import Atoms


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the model, the trajectories and how they are read."""
    parser.add_argument("model", type=Path, metavar="CV.pt", help="a file that gnncv export wrote")
    parser.add_argument(
        "trajectory", type=Path, nargs="+", metavar="TRAJ", help="one or more files in any format ASE reads"
    )
    parser.add_argument(
        "--index", default=":", help="frames to take of each file, as 'first:last:step' (default: all)"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads of torch (default: torch's own choice)"
    )


def frames(arguments: argparse.Namespace) -> Iterator[Atoms]:
    """Yield the chosen frames, file after file. Raises InvalidArgument for what cannot be read."""
    from gnncv.data.frames import load_frames

    for path in arguments.trajectory:
        yield from load_frames(path, index=arguments.index)


def with_progress(items: Iterable[Atoms], label: str) -> Iterator[Atoms]:
    """Yield the items and count them on standard error, where that is a terminal."""
    shown = sys.stderr.isatty()
    count = 0
    for count, item in enumerate(items, start=1):
        yield item
        if shown:
            print(f"\r{label}: {count} frames", end="", file=sys.stderr, flush=True)
    if shown and count:
        print(file=sys.stderr)
