"""The files that PLUMED writes in a run, cut back when the run goes on from a restart point."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gnncv.errors import InvalidArgument
from gnncv.plumed import PlumedInput

LOG = "plumed.log"


def flush_files(folder: Path, source: PlumedInput) -> dict[str, int]:
    """Force PLUMED's files to the disk; their lengths by name or, where they are shared, by path."""
    found = {path.name: path for path in _files(folder, source)}
    found |= {str(path): path for path in source.walker_files() if path.is_file()}
    for path in found.values():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return {name: path.stat().st_size for name, path in found.items()}


def cut_back(folder: Path, sizes: Mapping[str, int], contents: Mapping[str, bytes]) -> None:
    """Make the files in PLUMED's folder what they were at a restart point.

    Hills in a folder that walkers share stay: others feel those already that came after the restart point.

    Parameters
    ----------
    folder
        PLUMED's folder.
    sizes
        Lengths of the files, as `flush_files` returned them; what was appended later is cut off.
    contents
        Files to put back as they were.

    Raises
    ------
    InvalidArgument
        If a file is missing or shorter than it was.
    """
    for name, size in sizes.items():
        path = folder / name
        if name in contents:
            path.write_bytes(contents[name])
        elif path.is_file() and Path(name).is_absolute():
            _cut_to_whole_rows(path)
        elif not path.is_file() or path.stat().st_size < size:
            raise InvalidArgument(f"cannot go on with {path}: it is missing or shorter than {size} bytes")
        elif path.stat().st_size > size:
            os.truncate(path, size)


def check_walker_files(source: PlumedInput) -> bool:
    """Whether the files of hills of a new run are there already, without a hill: made before, or by a start
    that was killed.

    Raises
    ------
    InvalidArgument
        If one has hills.
    """
    there = [path for path in source.walker_files() if path.is_file()]
    for path in there:
        if any(line.strip() and not line.startswith("#") for line in path.read_text().splitlines()):
            raise InvalidArgument(
                f"{path} has hills of another run already; take another WALKERS_ID or WALKERS_DIR, or remove "
                "the file when no other walker is running"
            )
    return bool(there)


def make_walker_files(source: PlumedInput) -> None:
    """Make those files of other walkers that do not exist: PLUMED does not go on without them."""
    for path in source.walker_files(everybody=True):
        if path.parent.is_dir():
            path.touch()


def _cut_to_whole_rows(path: Path) -> None:
    """Cut off a last row that a kill left without its end."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)


def remove_later_files(folder: Path, source: PlumedInput, sizes: Mapping[str, int]) -> None:
    """Remove the files of PLUMED that a restart point does not know; those of others stay."""
    for path in _files(folder, source):
        if path.name not in sizes:
            path.unlink()


def _files(folder: Path, source: PlumedInput) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and source.writes(path.name))
