"""Output files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gnncv.errors import InvalidArgument, OutputExists

PathLike = str | os.PathLike[str]


def check_output(path: PathLike, overwrite: bool = False) -> Path:
    """Refuse an output path that cannot be written, before any work is done.

    Parameters
    ----------
    path : path-like
        The file to be written.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    OutputExists
        If the file exists and `overwrite` is false.
    InvalidArgument
        If it is a folder, or its folder does not exist.
    """
    target = Path(path)
    if target.is_dir():
        raise InvalidArgument(f"{target} is a folder; give the name of a file in it")
    if not target.parent.is_dir():
        raise InvalidArgument(f"the folder {target.parent} of the output {target.name} does not exist")
    if target.exists() and not overwrite:
        raise OutputExists(f"{target} exists; choose another name or ask for it to be overwritten")
    return target


def _flush_to_disk(path: Path) -> None:
    """Force a file's or a folder's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _publish(temporary: Path, target: Path, overwrite: bool) -> None:
    """Give the finished file its name; without `overwrite` never replace one that appeared meanwhile."""
    if not overwrite:
        try:
            os.link(temporary, target)
        except FileExistsError:
            raise OutputExists(f"{target} appeared while it was being written; choose another name") from None
        except OSError as error:
            # file systems without hard links: the check and the rename are then two steps
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
                raise
            check_output(target, overwrite=False)
        else:
            temporary.unlink()
            return
    os.replace(temporary, target)


@contextmanager
def write_atomic(path: PathLike, overwrite: bool = False) -> Iterator[Path]:
    """Write a file under a temporary name in the same folder and rename it when all went well.

    Parameters
    ----------
    path : path-like
        The file to be written.
    overwrite : bool
        Whether an existing file may be replaced.

    Yields
    ------
    Path
        The temporary path to write to. It ends like `path`, so that libraries that choose a format from the
        suffix choose the same one.

    Raises
    ------
    OutputExists
        If `path` exists (at the start, or at the end) and `overwrite` is false.
    InvalidArgument
        If the folder of `path` does not exist, or `path` is a folder.

    Notes
    -----
    On an exception in the block, `path` is left as it was and the temporary file is removed.

    Examples
    --------
    >>> with write_atomic("table.csv") as temporary:  # doctest: +SKIP
    ...     temporary.write_text("a,b\\n")
    """
    target = check_output(path, overwrite)
    temporary = target.with_name(f".tmp-{uuid.uuid4().hex[:12]}-{target.name}")
    try:
        yield temporary
        if not temporary.exists():
            raise InvalidArgument(f"nothing was written for {target}: write to the yielded path")
        _flush_to_disk(temporary)
        _publish(temporary, target, overwrite)
        with suppress(OSError):  # some file systems cannot sync a folder; the file itself is on the disk
            _flush_to_disk(target.parent)
    finally:
        temporary.unlink(missing_ok=True)
