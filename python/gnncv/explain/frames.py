"""Frames going in, frames with columns coming out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO, TypeAlias, TypeVar

import numpy as np
from ase import Atoms
from ase.io.extxyz import write_extxyz
from numpy.typing import NDArray
from tqdm import tqdm

from gnncv.errors import InvalidArgument
from gnncv.files.atomic import PathLike

Array = NDArray[np.float64]
Item = TypeVar("Item")
Frames: TypeAlias = Atoms | PathLike | Iterable[Atoms]
"""One frame, a trajectory's path, or any iterable of frames: an iterator is gone through once."""


def frame_iterator(frames: Frames) -> Iterator[Atoms]:
    """The frames one by one, none of them kept; `InvalidArgument` for what is no frame, and for no frames.

    A path is read frame by frame with ASE.
    """
    if isinstance(frames, str | os.PathLike):
        from gnncv.data import iterate_frames

        frames = iterate_frames(os.fspath(frames))
    number = -1
    for number, atoms in enumerate([frames] if isinstance(frames, Atoms) else frames):
        if not isinstance(atoms, Atoms):
            raise InvalidArgument(
                f"frame {number} is a {type(atoms).__name__}, not ase.Atoms; read the file first"
            )
        if len(atoms) == 0:
            raise InvalidArgument(f"frame {number} has no atoms")
        yield atoms
    if number < 0:
        raise InvalidArgument("there are no frames")


def frame_list(frames: Frames) -> list[Atoms]:
    """All frames at once; anything that is none raises `InvalidArgument`."""
    return list(frame_iterator(frames))


def count_of(frames: object) -> int | None:
    """How many frames there are, where that is known without reading them."""
    if isinstance(frames, Atoms):
        return 1
    if isinstance(frames, str | os.PathLike) or not hasattr(frames, "__len__"):
        return None
    return len(frames)


def with_progress(
    items: Iterable[Item], what: str, show: bool, total: int | None = None, unit: str = "frame"
) -> Iterator[Item]:
    """The items, with a progress bar on standard error if wanted."""
    if total is None:
        total = count_of(items)
    yield from tqdm(items, desc=what, unit=unit, total=total, disable=not show, dynamic_ncols=True)


def frame_with_columns(atoms: Atoms, columns: Mapping[str, Array], info: Mapping[str, float]) -> Atoms:
    """A copy of a frame without calculator, with more columns and more values in the comment line."""
    copy = Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    copy.info = {**atoms.info, **info}
    for name, values in columns.items():
        copy.set_array(name, np.asarray(values, dtype=np.float64), shape=())
    return copy


def append_frame(file: TextIO, atoms: Atoms, columns: Iterable[str]) -> None:
    """Write one frame with exactly these columns after species and position."""
    write_extxyz(file, [atoms], columns=["symbols", "positions", *columns], write_results=False)


def check_columns(names: Iterable[str], path: Path) -> None:
    """Refuse column names that extended XYZ cannot hold."""
    for name in names:
        if not name or any(sign in name for sign in ": =\"'\t\n"):
            raise InvalidArgument(f"{name!r} cannot be a column of the extended XYZ file {path}")
