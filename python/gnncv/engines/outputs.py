"""The growing files of a run, and their restart: each is cut back to where its restart point was."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path

import ase.io
from ase import Atoms

from gnncv.errors import InvalidArgument, OutputExists
from gnncv.files import HillsWriter, TableWriter

COLVAR, HILLS, TRAJECTORY = "COLVAR", "HILLS", "trajectory.extxyz"


class TrajectoryWriter:
    """Appends frames in extended XYZ and knows its byte position.

    Parameters
    ----------
    path : Path
        The file.
    append_at : int, optional
        Cut an existing file to this many bytes and go on; None starts a new file.
    """

    def __init__(self, path: Path, append_at: int | None = None) -> None:
        self.path = path
        if append_at is None:
            try:
                self._file: io.BufferedIOBase = open(path, "xb")  # noqa: SIM115 (closed by close)
            except FileExistsError:
                raise OutputExists(f"{path} exists; choose another name or ask to overwrite it") from None
            return
        if not path.is_file() or path.stat().st_size < append_at:
            raise InvalidArgument(
                f"cannot go on with {path}: it is missing or shorter than {append_at} bytes"
            )
        self._file = open(path, "r+b")  # noqa: SIM115 (closed by close)
        self._file.truncate(append_at)
        self._file.seek(append_at)

    @property
    def position(self) -> int:
        """Bytes written so far."""
        return self._file.tell()

    def write(self, atoms: Atoms, facts: Mapping[str, float]) -> None:
        """Append a frame; `facts` go to its comment line."""
        frame = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        frame.info.update(facts)
        text = io.StringIO()
        ase.io.write(text, frame, format="extxyz")
        self._file.write(text.getvalue().encode())

    def flush(self) -> None:
        """Force everything to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Flush and close; closing twice does nothing."""
        if not self._file.closed:
            self.flush()
            self._file.close()


class RunFiles:
    """COLVAR, HILLS and the trajectory of a run.

    Parameters
    ----------
    folder : Path
        The output folder.
    columns : list of str
        Columns of COLVAR.
    hills : (cv, bias factor) or None
        For a metadynamics run.
    offsets : dict, optional
        Byte positions to go on from, as `offsets` returned them; None starts new files.
    """

    def __init__(
        self,
        folder: Path,
        columns: list[str],
        hills: tuple[str, float] | None,
        offsets: Mapping[str, int] | None = None,
    ) -> None:
        at = dict(offsets or {})
        constants = {"units": "ps,kJ/mol,angstrom,kelvin"}
        self.colvar = TableWriter(folder / COLVAR, columns, constants, append_at=at.get(COLVAR))
        self.hills = None
        if hills is not None:
            self.hills = HillsWriter(folder / HILLS, hills[0], hills[1], append_at=at.get(HILLS))
        self.trajectory = TrajectoryWriter(folder / TRAJECTORY, append_at=at.get(TRAJECTORY))

    def offsets(self) -> dict[str, int]:
        """Force all files to the disk; their byte positions."""
        self.colvar.flush()
        self.trajectory.flush()
        found = {COLVAR: self.colvar.position, TRAJECTORY: self.trajectory.position}
        if self.hills is not None:
            self.hills.flush()
            found[HILLS] = self.hills.position
        return found

    def close(self) -> None:
        """Close all files."""
        self.colvar.close()
        self.trajectory.close()
        if self.hills is not None:
            self.hills.close()
