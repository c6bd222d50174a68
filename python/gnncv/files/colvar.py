"""Tables in PLUMED's COLVAR format: a reader that forgives what a killed run leaves behind."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.files.atomic import PathLike
from gnncv.files.table_writer import TableWriter

__all__ = ["Colvar", "TableWriter", "read_colvar"]


@dataclass
class Colvar:
    """A table read from one or more files in PLUMED's format.

    Attributes
    ----------
    fields : list of str
        Column names, in the order of the file.
    data : dict of str to (rows,) float64 array
        The columns.
    constants : dict of str to str
        The values of the ``#! SET name value`` lines, as text.
    paths : list of Path
        The files the table came from.
    dropped : int
        How many torn rows (cut short by a kill) were left out.
    """

    fields: list[str]
    data: dict[str, NDArray[np.float64]]
    constants: dict[str, str] = field(default_factory=dict)
    paths: list[Path] = field(default_factory=list)
    dropped: int = 0

    def __len__(self) -> int:
        return len(self.data[self.fields[0]])

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self.column(name)

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one column; an unknown name raises `InvalidArgument` that lists the columns there are."""
        if name not in self.data:
            where = ", ".join(str(path) for path in self.paths) or "the table"
            raise InvalidArgument(f"{where} has no column {name!r}; its columns are {', '.join(self.fields)}")
        return self.data[name]


def _as_paths(paths: PathLike | Iterable[PathLike]) -> list[Path]:
    chosen = [Path(paths)] if isinstance(paths, str | os.PathLike) else [Path(path) for path in paths]
    if not chosen:
        raise InvalidArgument("no file to read was given")
    for path in chosen:
        if not path.is_file():
            raise InvalidArgument(f"{path} does not exist or is not a file")
    return chosen


class _TableParser:
    """Collects the rows of one or more files; `fields` must be the same in all of them."""

    def __init__(self, allow_nonfinite: bool) -> None:
        self.allow_nonfinite = allow_nonfinite
        self.fields: list[str] = []
        self.constants: dict[str, str] = {}
        self.rows: list[list[float]] = []
        self.dropped = 0

    def _header(self, words: list[str], where: str) -> None:
        kind = words[0] if words else ""
        if kind == "FIELDS":
            if len(words) < 2:
                raise InvalidArgument(f"{where}: a header without column names")
            if len(set(words[1:])) != len(words) - 1:
                raise InvalidArgument(f"{where}: a column name appears twice in {' '.join(words[1:])}")
            if self.fields and words[1:] != self.fields:
                raise InvalidArgument(
                    f"{where}: the columns change from '{' '.join(self.fields)}' to '{' '.join(words[1:])}'; "
                    "read the parts as separate files"
                )
            self.fields = words[1:]
        elif kind == "SET" and len(words) >= 3:
            name, value = words[1], " ".join(words[2:])
            if self.constants.get(name, value) != value:
                raise InvalidArgument(
                    f"{where}: constant {name} changes from {self.constants[name]} to {value}"
                )
            self.constants[name] = value

    def _row(self, words: list[str], where: str) -> None:
        if not self.fields:
            raise InvalidArgument(f"{where}: numbers before any '#! FIELDS' header; not a PLUMED table")
        if len(words) != len(self.fields):
            raise InvalidArgument(f"{where}: {len(words)} values for {len(self.fields)} columns")
        try:
            values = [float(word) for word in words]
        except ValueError as error:
            raise InvalidArgument(f"{where}: {error}") from None
        if not self.allow_nonfinite:
            for name, value in zip(self.fields, values, strict=True):
                if not np.isfinite(value):
                    raise InvalidArgument(f"{where}: column {name} is {value}; the run went wrong here")
        self.rows.append(values)

    def read(self, path: Path) -> None:
        """Add the rows of one file."""
        try:
            lines = path.read_bytes().decode("utf-8").split("\n")
        except UnicodeDecodeError:
            raise InvalidArgument(f"{path} is not a text file; expected a table in PLUMED's format") from None
        torn = lines.pop()  # what follows the last newline: empty, or a row cut short
        for number, line in enumerate(lines, start=1):
            before, mark, header = line.partition("#!")
            if mark and before.strip():  # a restart wrote its header right after a torn row
                self.dropped += 1
            if mark:
                self._header(header.split(), f"{path}:{number}")
            elif words := before.partition("#")[0].split():
                self._row(words, f"{path}:{number}")
        if torn.strip() and not torn.lstrip().startswith("#"):
            self.dropped += 1
        if not self.fields:
            raise InvalidArgument(f"{path} has no '#! FIELDS' header; expected a table in PLUMED's format")


def read_colvar(paths: PathLike | Iterable[PathLike], allow_nonfinite: bool = False) -> Colvar:
    """Read one or more tables in PLUMED's COLVAR format, one after the other.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        The files, in the order in which their rows are wanted.
    allow_nonfinite : bool
        Whether NaN and infinity may stand in the table; by default they are an error that names file, line
        and column.

    Returns
    -------
    Colvar
        Columns, constants, and how many torn rows were dropped.

    Raises
    ------
    InvalidArgument
        A missing file, no header, columns or constants that change, a row with a wrong number of values,
        something that is not a number, and NaN or infinity.

    Notes
    -----
    Repeated headers (a restart) are accepted. A last line without a newline is what a killed run leaves: it
    is dropped even when it has enough columns, since its last number may be cut short.
    """
    chosen = _as_paths(paths)
    parser = _TableParser(allow_nonfinite)
    for path in chosen:
        parser.read(path)
    table = np.array(parser.rows, dtype=np.float64).reshape(len(parser.rows), len(parser.fields))
    data = {name: np.ascontiguousarray(table[:, k]) for k, name in enumerate(parser.fields)}
    return Colvar(parser.fields, data, parser.constants, chosen, parser.dropped)
