"""Frames from any trajectory format that ASE reads, with their phase labels."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import iread
from ase.io.formats import UnknownFileTypeError

from gnncv.errors import InvalidArgument


def load_frames(
    paths: str | Path | Iterable[str | Path], phase: str | None = None, index: str = ":"
) -> list[Atoms]:
    """Read trajectories.

    Parameters
    ----------
    paths
        One file or several, in any format :func:`ase.io.read` knows.
    phase
        Label of all their frames; ``None`` keeps the labels the files carry (``info["phase"]``).
    index
        Which frames, as ASE writes slices (``"::10"``).

    Returns
    -------
    list of ase.Atoms
        Each with ``info["source"]`` (file), ``info["frame"]`` (number within what was read) and, where it
        is labeled, ``info["phase"]``. Calculators are dropped.

    Raises
    ------
    InvalidArgument
        A file that is missing, unreadable or empty, or a frame without atoms or with positions that
        are not finite.
    """
    return list(iterate_frames(paths, phase, index))


def iterate_frames(
    paths: str | Path | Iterable[str | Path], phase: str | None = None, index: str = ":"
) -> Iterator[Atoms]:
    """The frames of :func:`load_frames`, one after the other, read as they are asked for.

    Formats that ASE reads frame by frame (extended XYZ among them) take the memory of one frame. A bad frame
    is refused when it is reached.
    """
    for path in [paths] if isinstance(paths, str | Path) else paths:
        file = Path(path)
        if not file.is_file():
            raise InvalidArgument(f"no trajectory {file}: give the path of an existing file")
        number = -1
        for number, atoms in enumerate(_read(file, index)):
            yield _checked(atoms, file, number, phase)
        if number < 0:
            raise InvalidArgument(f"{file} has no frames in the slice {index!r}")


def _read(file: Path, index: str) -> Iterator[Atoms]:
    try:
        yield from iread(file, index=index)
    except UnknownFileTypeError as error:
        raise InvalidArgument(
            f"{file}: ASE reads no trajectories of this format; convert it to .extxyz or .pdb "
            "(of GROMACS: gmx trjconv -o trajectory.pdb)"
        ) from error
    except Exception as error:
        raise InvalidArgument(f"cannot read {file} as a trajectory: {error}") from error


def _checked(atoms: Atoms, file: Path, number: int, phase: str | None) -> Atoms:
    if len(atoms) == 0:
        raise InvalidArgument(f"{file}, frame {number}: no atoms")
    bad = np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))
    if bad.size:
        raise InvalidArgument(
            f"{file}, frame {number}: position of atom {bad[0]} is {atoms.positions[bad[0]]}, not finite"
        )
    atoms.calc = None
    atoms.info["source"] = str(file)
    atoms.info["frame"] = number
    if phase is not None:
        atoms.info["phase"] = phase
    return atoms


def data_hash(frames: Sequence[Atoms]) -> str:
    """SHA-256 of species, positions, cells and labels: names the data a model was trained on."""
    digest = hashlib.sha256()
    for atoms in frames:
        digest.update(np.ascontiguousarray(atoms.numbers, dtype=np.int64).tobytes())
        digest.update(np.ascontiguousarray(atoms.positions, dtype=np.float64).tobytes())
        digest.update(np.ascontiguousarray(atoms.cell.array, dtype=np.float64).tobytes())
        digest.update(np.asarray(atoms.pbc, dtype=np.uint8).tobytes())
        digest.update(str(atoms.info.get("phase", "")).encode())
    return digest.hexdigest()
