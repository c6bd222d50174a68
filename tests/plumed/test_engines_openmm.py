"""OpenMM under `gnncv run` with a PLUMED input as its bias: the example in short."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from engine_examples import copy_example, edit, run
from plumed_driver import Plumed, read_fields

from gnncv.demo import demo_frames


def test_the_example_runs(plumed: Plumed, tmp_path: Path) -> None:
    pytest.importorskip("openmm", reason="OpenMM is not installed")
    pytest.importorskip("plumed", reason="Python's wrapper of PLUMED is not installed")
    folder = copy_example("openmm_plumed", tmp_path / "openmm", plumed)
    shutil.copy(demo_frames()["crystal"], folder / "crystal.extxyz.gz")
    edit(
        folder / "plumed.dat",
        {"cv: GNNCV": f"{plumed.load}cv: GNNCV", "PACE=120 ": "PACE=8 ", "STRIDE=60": "STRIDE=4"},
    )
    edit(folder / "run.yaml", {"steps: 24000": "steps: 16", "colvar_stride: 120": "colvar_stride: 8"})
    edit(folder / "run.yaml", {"trajectory_stride: 1200": "trajectory_stride: 16"})
    edit(folder / "run.yaml", {"checkpoint_stride: 2400": "checkpoint_stride: 16"})
    run([str(Path(sys.executable).parent / "gnncv"), "run", "run.yaml", "--quiet"], folder, plumed)
    theirs, ours = read_fields(folder / "run/plumed/COLVAR"), read_fields(folder / "run/COLVAR")
    assert len(theirs["time"]) == 5
    assert len(read_fields(folder / "run/plumed/HILLS")["height"]) == 2
    assert ours["progress"][-1] == pytest.approx(theirs["cv.progress"][-1], abs=1e-5)
    assert ours["bias_kj_mol"][-1] == pytest.approx(theirs["metad.bias"][-1], abs=1e-5)
