"""Restart points that exist whole or not at all: one folder each, the newest two are kept."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NAME = re.compile(r"generation-(\d{12})")
_FACTS = "facts.json"


@dataclass(frozen=True)
class Generation:
    """One restart point.

    Attributes
    ----------
    step : int
        The step of the run it belongs to.
    facts : dict
        Plain values: offsets of the output files, hashes, counts.
    files : dict of str to bytes
        The engine's state.
    """

    step: int
    facts: dict[str, Any]
    files: dict[str, bytes]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def save_generation(folder: Path, generation: Generation, keep: int = 2) -> Path:
    """Write a restart point under a temporary name, sync it, give it its name, and drop all but `keep`.

    Whatever the moment of a kill, the folder holds the previous points, or those and the new one, whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"generation-{generation.step:012d}"
    temporary = folder / f".tmp-{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    digests = {}
    for name, content in generation.files.items():
        _write(temporary / name, content)
        digests[name] = hashlib.sha256(content).hexdigest()
    facts = {"facts": generation.facts, "sha256": digests}
    _write(temporary / _FACTS, json.dumps(facts, indent=1).encode())
    _sync(temporary)
    if target.exists():  # the same step again, after a stop and a continuation without a step between
        retired = folder / f".old-{os.getpid()}"
        shutil.rmtree(retired, ignore_errors=True)
        target.rename(retired)
    temporary.rename(target)
    _sync(folder)
    for old in _folders(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    for stray in (*folder.glob(".tmp-*"), *folder.glob(".old-*")):
        shutil.rmtree(stray, ignore_errors=True)
    return target


def load_generation(folder: Path) -> Generation | None:
    """The newest restart point that is whole; None if there is none.

    A point whose files do not have their recorded hashes (a damaged disk) is passed over.
    """
    for path in reversed(_folders(folder)):
        try:
            record = json.loads((path / _FACTS).read_text())
            files = {name: (path / name).read_bytes() for name in record["sha256"]}
        except (OSError, ValueError, KeyError):
            continue
        if all(hashlib.sha256(files[name]).hexdigest() == value for name, value in record["sha256"].items()):
            return Generation(_step(path), record["facts"], files)
    return None


def _folders(folder: Path) -> list[Path]:
    """Restart points in the order of their steps."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def _step(path: Path) -> int:
    return int(path.name.rpartition("-")[2])
