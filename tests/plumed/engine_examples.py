"""The example folders of MD engines, copied and run by tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from plumed_driver import Plumed

from gnncv.demo import demo_frames, shipped_model

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
KJ_PER_KCAL = 4.184


def copy_example(name: str, folder: Path, plumed: Plumed) -> Path:
    """What its README tells a user to do first: copy the folder, put the model and the LOAD line into it."""
    shutil.copytree(EXAMPLES / name, folder)
    shutil.copy(shipped_model(), folder / "argon.pt")
    (folder / "load.dat").write_text(plumed.load)
    return folder


def write_start(folder: Path) -> None:
    """The example's own start, from a shipped frame of the crystal."""
    run([sys.executable, "write_argon.py", str(demo_frames()["crystal"])], folder)


def edit(path: Path, changes: dict[str, str]) -> None:
    """Replace texts that must be there."""
    text = path.read_text()
    for old, new in changes.items():
        assert old in text, f"{path} has no {old!r}"
        text = text.replace(old, new)
    path.write_text(text)


def run(
    command: Sequence[str],
    folder: Path,
    plumed: Plumed | None = None,
    environment: dict[str, str] | None = None,
) -> str:
    """Run a command in a folder, with a PLUMED as the one that engines load; its output."""
    variables = {"OMP_NUM_THREADS": "1", **(environment or {})}
    if plumed is not None:
        variables["PLUMED_KERNEL"] = str(plumed.installation.kernel)
    done = subprocess.run(
        list(command), cwd=folder, capture_output=True, text=True, errors="replace", timeout=300,
        env={**os.environ, **variables}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def energy_of_hills(hills: dict[str, np.ndarray]) -> float:
    """Energy that well-tempered hills bring, kJ/mol: each at its own place, one after the other."""
    return float(np.sum(hills["height"] * (hills["biasf"] - 1.0) / hills["biasf"]))
