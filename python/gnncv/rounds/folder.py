"""The folder of a series of rounds: `round-0`, `round-1`, ..., and what sums them up."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from gnncv.errors import OutputExists
from gnncv.files import write_atomic

MODEL = "cv.pt"


def begin_rounds(folder: Path, model: Path, summaries: Sequence[str], overwrite: bool) -> None:
    """Put the first model into its place, or make sure that the one there is the same.

    Parameters
    ----------
    folder
        Of the series.
    model
        The model of round 0.
    summaries
        Names of the files beside the rounds, which `overwrite` removes with them.
    overwrite
        Begin anew.

    Raises
    ------
    OutputExists
        The folder holds rounds that began from another model.
    """
    target, content = folder / "round-0" / MODEL, model.read_bytes()
    if overwrite:
        for old in folder.glob("round-*"):
            shutil.rmtree(old)
        for name in summaries:
            (folder / name).unlink(missing_ok=True)
    elif target.exists() and target.read_bytes() != content:
        raise OutputExists(f"{folder} holds rounds that began from another model; choose another output")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with write_atomic(target) as temporary:
            temporary.write_bytes(content)
