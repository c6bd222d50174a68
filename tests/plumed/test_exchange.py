"""Trials of replica exchange: other positions and another box at the same step, with forces or without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from plumed_driver import Plumed

PROGRAM = Path(__file__).with_name("exchange_trials.py")


def test_a_trial_is_evaluated_afresh(plumed: Plumed, model: Path, tmp_path: Path) -> None:
    pytest.importorskip("plumed", reason="PyPI's plumed is not installed")
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(plumed.installation.kernel), plumed.load.strip(), str(model)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout.strip().endswith("all trials agree")
