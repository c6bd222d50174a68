"""The scripts of examples/gauge, in short: what coordinates do not change, and where members differ."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import ase.io
import numpy as np
import pytest

import gnncv
from gnncv.demo.frames import demo_frames
from gnncv.export import export
from gnncv.training import TrainedRun

SCRIPTS = Path(__file__).resolve().parents[3] / "examples" / "gauge"
SHIPPED = Path(gnncv.__file__).parent / "demo" / "models" / "argon.pt"
KT = 0.00831446261815324 * 82.0


def run_script(name: str, *words: object) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / name), *map(str, words)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_the_geometric_difference_does_not_change_with_the_coordinates(
    generator: np.random.Generator, tmp_path: Path
) -> None:
    frames = [atoms for path in demo_frames().values() for atoms in ase.io.read(path, index="::8")]
    for atoms in frames:
        atoms.info = {"bias_kj_mol": float(generator.uniform(0.0, 2.0))}
        atoms.calc = None
    order = generator.permutation(len(frames))
    ase.io.write(tmp_path / "trajectory.extxyz", [frames[k] for k in order])
    run_script("gauge.py", tmp_path, "--models", SHIPPED, "-o", tmp_path, "--discard", 0, "--bins", 64)
    straight, bent = rows_of(tmp_path / "gauge.csv")
    plain, geometric = (
        float(bent[f"{kind}_difference"]) - float(straight[f"{kind}_difference"])
        for kind in ("plain", "geometric")
    )
    assert plain == pytest.approx(2.0 * KT, abs=0.05)  # kT ln g'(1) / g'(0)
    assert geometric == pytest.approx(0.0, abs=0.03)
    assert bent["populations"] == straight["populations"]
    assert (tmp_path / "gauge.png").is_file()


def test_members_disagree_on_unknown_ground(small_run: TrainedRun, tmp_path: Path) -> None:
    export(small_run, tmp_path / "other.pt", "float64")
    run_script(
        "spread.py",
        SHIPPED,
        tmp_path / "other.pt",
        "--frames",
        1,
        "--steps",
        2,
        "--amounts",
        0,
        0.1,
        0.2,
        "-o",
        tmp_path,
    )
    kinds = {row["kind"]: row for row in rows_of(tmp_path / "spread.csv")}
    assert float(kinds["all made up"]["rank_correlation"]) > 0.3
    assert float(kinds["crystal, expanded"]["spread_high"]) > float(kinds["crystal, expanded"]["spread_low"])
