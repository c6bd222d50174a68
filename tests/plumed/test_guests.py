"""A graph model of mlcolvar as MODEL: its own components, with derivatives by atoms and by the box."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from plumed_driver import Plumed, in_species_order, species_lines

import gnncv
from guest_model import make_guest, write_guest

DIGITS = "FMT=%.15e"
BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "guests.py"


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that averages over neighbors, as mlcolvar's default does."""
    return write_guest(tmp_path_factory.mktemp("guest") / "guest.pt", make_guest(average=True))


@pytest.mark.parametrize("box", ["triclinic", "open", "thin"])
def test_values_and_derivatives_are_those_of_python(
    plumed: Plumed, guest: Path, trajectory, tmp_path: Path, box: str
) -> None:
    frames = trajectory(box)
    run = plumed.driver(
        tmp_path,
        f"UNITS LENGTH=A\ngnn: GNNCV MODEL={guest} {species_lines(frames[0])}\n"
        f"DUMPDERIVATIVES ARG=gnn.node-1 FILE=derivatives {DIGITS}\nPRINT ARG=gnn.* FILE=COLVAR {DIGITS}\n",
        frames,
    )
    cv = gnncv.CollectiveVariable(guest, num_threads=1)
    rows = run.table("derivatives")["gnn.node-1"].reshape(len(frames), -1)
    for t, frame in enumerate(frames):
        result = cv.compute(in_species_order(frame))
        found = [run.table()[f"gnn.{name}"][t] for name in ("node-0", "node-1")]
        np.testing.assert_allclose(found, result.values, rtol=1e-12)
        expected = np.concatenate([result.gradient("node-1").ravel(), -result.strain("node-1").ravel()])
        np.testing.assert_allclose(rows[t], expected, rtol=0, atol=1e-10 * np.abs(expected).max())
    assert np.abs(rows[:, -9:]).max() > 1e-3


def test_the_log_says_what_the_model_does_at_its_cutoff(
    plumed: Plumed, guest: Path, trajectory, tmp_path: Path
) -> None:
    frames = trajectory("triclinic", n_frames=1)
    run = plumed.driver(tmp_path, f"gnn: GNNCV MODEL={guest} {species_lines(frames[0])}\n", frames)
    assert "Not continuous at the cutoff" in run.log
    assert "no per-site values" in run.log


def test_the_benchmark_runs(plumed: Plumed, tmp_path: Path) -> None:
    model = write_guest(tmp_path / "argon.pt", make_guest(cutoff=6.0, numbers=[18]))
    command = [sys.executable, str(BENCHMARK), "--model", str(model), "--plugin", str(plumed.plugin)]
    command += ["--plumed", str(plumed.installation.command), "--cells", "2", "--frames", "1", "2"]
    done = subprocess.run([*command, "--repeats", "1"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "32 atoms" in done.stdout and "GNNCV" in done.stdout
