"""A writer of tables in PLUMED's COLVAR format, which can go on after a restart."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from gnncv.errors import InvalidArgument, OutputExists
from gnncv.files.atomic import PathLike


class TableWriter:
    """Writes a table in PLUMED's COLVAR format, and can go on from a byte position after a restart.

    Parameters
    ----------
    path : path-like
        The file.
    fields : sequence of str
        Column names, without blanks.
    constants : mapping of str to str, optional
        Written as ``#! SET name value``.
    append_at : int, optional
        Go on with an existing file: it is cut to this many bytes first. None starts a new file.
    overwrite : bool
        Whether a new file may replace an existing one.
    digits : int, optional
        Significant digits of the numbers; None writes as many as are needed to read back the same float64.

    Raises
    ------
    OutputExists
        A new file where one exists.
    InvalidArgument
        Bad column names; or, with `append_at`, a file that is missing, shorter than that, cut within a line,
        or has other columns.
    """

    def __init__(
        self,
        path: PathLike,
        fields: Sequence[str],
        constants: Mapping[str, str] | None = None,
        append_at: int | None = None,
        overwrite: bool = False,
        digits: int | None = 12,
    ) -> None:
        self.path = Path(path)
        self.fields = list(fields)
        self.constants = dict(constants or {})
        self._digits = digits
        if isinstance(fields, str) or not self.fields:
            raise InvalidArgument(f"the columns of {self.path} must be a list of names, got {fields!r}")
        for name in [*self.fields, *self.constants]:
            if not name or name.split() != [name] or name.startswith("#"):
                raise InvalidArgument(
                    f"{name!r} cannot name a column of {self.path}: no blanks, no leading '#'"
                )
        if len(set(self.fields)) != len(self.fields):
            raise InvalidArgument(f"a column name of {self.path} appears twice in {' '.join(self.fields)}")
        if append_at is not None and append_at > 0:
            self._check_existing(append_at)
            self._file = open(self.path, "r+b")  # noqa: SIM115 (closed by close)
            self._file.truncate(append_at)
            self._file.seek(append_at)
        else:
            self._open_new(replace=overwrite or append_at == 0)

    def _open_new(self, replace: bool) -> None:
        if not self.path.parent.is_dir():
            raise InvalidArgument(f"the folder of the output {self.path} does not exist")
        try:
            self._file = open(self.path, "w+b" if replace else "x+b")  # noqa: SIM115 (closed by close)
        except FileExistsError:
            raise OutputExists(f"{self.path} exists; choose another name or ask to overwrite it") from None
        header = ["#! FIELDS " + " ".join(self.fields)]
        header += [f"#! SET {name} {value}" for name, value in self.constants.items()]
        self._file.write(("\n".join(header) + "\n").encode())
        self.flush()

    def _check_existing(self, append_at: int) -> None:
        if not self.path.is_file():
            raise InvalidArgument(f"cannot go on with {self.path}: it does not exist; start a new run")
        size = self.path.stat().st_size
        if size < append_at:
            raise InvalidArgument(
                f"cannot go on with {self.path} at byte {append_at}: it has only {size} bytes, "
                "so it is not the file that belongs to this restart"
            )
        with open(self.path, "rb") as file:
            words = file.readline().decode("utf-8", "replace").split()
            file.seek(append_at - 1)
            whole = file.read(1) == b"\n"
        if words[:2] != ["#!", "FIELDS"] or words[2:] != self.fields:
            raise InvalidArgument(
                f"cannot go on with {self.path}: its columns are '{' '.join(words[2:])}', "
                f"not '{' '.join(self.fields)}'"
            )
        if not whole:
            raise InvalidArgument(f"cannot go on with {self.path} at byte {append_at}: that is within a line")

    @property
    def position(self) -> int:
        """Bytes written so far, including those not flushed yet: the `append_at` of a restart."""
        return self._file.tell()

    def write(self, row: Sequence[float] | Mapping[str, float]) -> None:
        """Write one row: values in the order of the columns, or by name. NaN and infinity are refused."""
        if isinstance(row, Mapping):
            if set(row) != set(self.fields):
                raise InvalidArgument(
                    f"{self.path} has the columns {' '.join(self.fields)}, "
                    f"the row has {' '.join(map(str, row))}"
                )
            values = [float(row[name]) for name in self.fields]
        else:
            values = [float(value) for value in row]
        if len(values) != len(self.fields):
            raise InvalidArgument(f"{len(values)} values for the {len(self.fields)} columns of {self.path}")
        for name, value in zip(self.fields, values, strict=True):
            if not np.isfinite(value):
                raise InvalidArgument(f"column {name} of {self.path} would be {value}; nothing was written")
        words = [repr(value) if self._digits is None else f"{value:.{self._digits}g}" for value in values]
        self._file.write((" " + " ".join(words) + "\n").encode())

    def flush(self) -> None:
        """Force everything written so far to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Flush and close; closing twice does nothing."""
        if not self._file.closed:
            self.flush()
            self._file.close()

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
