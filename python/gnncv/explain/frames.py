"""Frames going in, frames with columns coming out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

import numpy as np
from ase import Atoms
from ase.io.extxyz import write_extxyz
from numpy.typing import NDArray
from tqdm import tqdm

from gnncv.errors import InvalidArgument

Array = NDArray[np.float64]


def frame_list(frames: Atoms | Iterable[Atoms]) -> list[Atoms]:
    """A list of at least one frame, each with atoms; anything else raises `InvalidArgument`."""
    listed = [frames] if isinstance(frames, Atoms) else list(frames)
    if not listed:
        raise InvalidArgument("there are no frames")
    for number, atoms in enumerate(listed):
        if not isinstance(atoms, Atoms):
            raise InvalidArgument(
                f"frame {number} is a {type(atoms).__name__}, not ase.Atoms; read the file first"
            )
        if len(atoms) == 0:
            raise InvalidArgument(f"frame {number} has no atoms")
    return listed


def with_progress(frames: list[Atoms], what: str, show: bool) -> Iterator[Atoms]:
    """The frames, with a progress bar on standard error if wanted."""
    yield from tqdm(frames, desc=what, unit="frame", disable=not show, dynamic_ncols=True)


def frame_with_columns(atoms: Atoms, columns: Mapping[str, Array], info: Mapping[str, float]) -> Atoms:
    """A copy of a frame without calculator, with more columns and more values in the comment line."""
    copy = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
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
