"""Each benchmark runs once, small, so that it cannot rot."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gnncv.export import export
from gnncv.training import TrainedRun

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


def run(*words: str) -> str:
    command = [sys.executable, str(BENCHMARKS / words[0]), *words[1:]]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def model(small_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("benchmark") / "cv.pt"
    export(small_run, path, precision="float64")
    return path


def test_evaluate(model: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    words = ("--sizes", "256", "--repeats", "2", "--warm-up", "1", "--json", str(figures))
    text = run("evaluate.py", "--model", str(model), *words)
    assert "threads  1" in text and "torch" in text and "commit" in text
    found = json.loads(figures.read_text())["256"]
    ours = {title: figure for title, figure in found.items() if title.startswith("gnncv")}
    assert len(ours) == 4
    assert all(figure["median_ms"] > 0 and figure["peak_mib"] > 50 for figure in ours.values())
    values = [figure["value"] for figure in ours.values()]
    assert values == pytest.approx([values[0]] * 4, rel=1e-12)


def test_dynamics(model: Path) -> None:
    text = run("dynamics.py", "--model", str(model), "--steps", "256")
    assert [line.split("  ")[0] for line in text.splitlines()[-4:]] == [
        "plain",
        "biased, CV every 1 step",
        "biased, CV every 2 steps",
        "biased, CV every 4 steps",
    ]


def test_one_core() -> None:
    text = run("one_core.py", "--seconds", "0.01", "--rounds", "1")
    rows = [line.split() for line in text.splitlines()[-8:]]
    assert [row[:2] for row in rows] == [
        [size, bias] for size in ("108", "256", "500", "2048") for bias in ("none", "progress")
    ]
    assert all(float(row[2]) > 0 and float(row[3]) > 0 for row in rows)


def test_seeds_has_help() -> None:
    assert "demonstration with several seeds" in run("seeds.py", "--help")


def test_smart_derivatives() -> None:
    text = run("smart_derivatives.py", "--small", "--seconds", "0.01", "--rounds", "1")
    assert text.count("\n  gnncv ") == 3


def test_cuda_on_the_cpu() -> None:
    words = ("--device", "cpu", "--no-tests", "--sizes", "256", "--models", "filter-2x16")
    text = run("cuda.py", *words, "--warm-up", "1", "--repeats", "2")
    assert "256 atoms, 4" in text and "ms a step" in text and "% of a copy" in text


def test_training_step_alone() -> None:
    small = ("--atoms", "256", "--frames", "2", "--rounds", "1", "--seconds", "0.01", "--threads", "1")
    text = run("training_step.py", "--models", "filter-2x16", "attention-2x16", *small)
    rows = [line.split() for line in text.splitlines()[-2:]]
    assert [row[0] for row in rows] == ["filter-2x16", "attention-2x16"]
    assert all(float(row[2]) > 0 for row in rows)


def test_nucleus() -> None:
    """Attention and mean see a large crystallite, both in deviations of the melt."""
    text = run("nucleus.py", "--every", "25", "--epochs", "1", "--shares", "0.02", "--copies", "1")
    assert "pooling mean" in text and "pooling attention" in text
    planted, share, *numbers = map(float, text.splitlines()[-1].split())
    assert planted == 10 and 1.5 < share < 2.5 and len(numbers) == 6


def test_sensitivity() -> None:
    text = run("sensitivity.py", "--models", "filter-2x16", "--size", "256", "--frames", "2", "--rounds", "1")
    rows = [line.split() for line in text.splitlines()[-7:]]
    assert [row[:2] for row in rows[:2]] == [["one", "step"], ["node_sensitivity", rows[1][1]]]
    assert all(float(word) > 0 for row in rows for word in row[-4:])
