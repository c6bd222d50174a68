"""The benchmarks of the PLUMED action run once, small, so that they cannot rot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from plumed_driver import Plumed

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def run(*words: str) -> str:
    command = [sys.executable, str(BENCHMARKS / words[0]), *words[1:]]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="session")  # of all PLUMEDs, whose tests are not beside each other
def lattice_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the benchmarks train for themselves."""
    folder = tmp_path_factory.mktemp("lattice")
    words = "import sys, pathlib, plumed_inputs as p; p.lattice_model(pathlib.Path(sys.argv[1]), sys.argv[2])"
    done = subprocess.run(
        [sys.executable, "-c", words, str(folder), "default"], cwd=BENCHMARKS, capture_output=True, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "default.pt"


def has_benchmark(plumed: Plumed) -> bool:
    return tuple(map(int, plumed.installation.release.split("."))) >= (2, 10)


def test_cost(plumed: Plumed, lattice_model: Path) -> None:
    if not has_benchmark(plumed):
        pytest.skip("`plumed benchmark` came with PLUMED 2.10")
    pytest.importorskip("plumed", reason="Python's wrapper of PLUMED is not installed")
    where = ["--plumed", str(plumed.installation.command), "--plugin", str(plumed.plugin)]
    where += ["--files", str(lattice_model)]
    small = ["--sizes", "256", "--repeats", "1", "--seconds", "0.1", "--largest-slow", "0"]
    small += ["--moving-steps", "3", "--strides", "10"]
    text = run("plumed_cost.py", *where, *small)
    rows = [line for line in text.splitlines() if line.startswith("  GNNCV")]
    assert [row.split("  ")[1] for row in rows] == ["GNNCV default, biased", "GNNCV default, not biased"]
    assert all(float(row.split("biased")[1].split()[0]) > 0 for row in rows)
    assert text.splitlines()[-1].startswith("256 atoms")


def test_trajectory(plumed: Plumed) -> None:
    """Real dynamics, replayed: the list is renewed now and then, and a step costs something everywhere."""
    where = ["--plumed", str(plumed.installation.command), "--plugin", str(plumed.plugin)]
    small = ["--atoms", "1024", "--frames", "24", "--models", "filter-2x16", "--skins", "0.3"]
    text = run("trajectory.py", *where, *small, "--lists", "5,1.0", "--slow-steps", "2")
    kept, with_lists, ratio, steps = map(float, text.split("filter-2x16")[1].split()[2:6])
    assert kept > 0 and ratio == pytest.approx(with_lists / kept, rel=0.02)
    assert 1 < steps < 14
    rows = text[text.index("through PLUMED") :].splitlines()[1:]
    assert [row[:44].strip() for row in rows] == [
        "GNNCV filter-2x16",
        "COORDINATION, list of 5 steps, 1 A wider",
        "Q6",
    ]
    assert all(float(row[44:]) > 0 for row in rows)


def test_engines(plumed: Plumed) -> None:
    """OpenMM alone, plain and biased; the other engines are programs that CI does not have."""
    pytest.importorskip("plumed", reason="Python's wrapper of PLUMED is not installed")
    where = ["--plumed", str(plumed.installation.command), "--plugin", str(plumed.plugin), "--without", "ase"]
    text = run("engines.py", *where, "--only", "GNNCV", "--seconds", "0.01", "--rounds", "1")
    rows = {row[:46].strip(): row[46:].split() for row in text.splitlines() if "steps/s" not in row}
    assert float(rows["plain"][0]) > 0
    for name in (
        "GNNCV",
        "GNNCV, every 4th step",
        "GNNCV, without PLUMED",
        "GNNCV, without PLUMED, every 4th step",
    ):
        assert float(rows[name][0]) > 0, text


def test_ranks(plumed_with_mpi: Plumed, lattice_model: Path) -> None:
    mpirun = shutil.which("mpirun")
    if mpirun is None or not has_benchmark(plumed_with_mpi):
        pytest.skip("there is no mpirun, or no `plumed benchmark`")
    where = ["--plumed", str(plumed_with_mpi.installation.command), "--plugin", str(plumed_with_mpi.plugin)]
    where += ["--model", str(lattice_model)]
    started = ["--mpirun", f"{mpirun} --allow-run-as-root --oversubscribe"]
    small = ["--atoms", "216", "--steps", "2", "4", "--repeats", "1", "--ranks", "1", "2"]
    text = run("plumed_ranks.py", *where, *started, *small)
    assert [line.split()[0] for line in text.splitlines()[-2:]] == ["1", "2"]
