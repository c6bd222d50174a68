"""The benchmarks on molecules run once, small, so that they cannot rot; what they compute with is right."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
EXAMPLE = BENCHMARKS.parent / "examples" / "benzene"
sys.path.insert(0, str(BENCHMARKS))

from phase_statistics import accuracy, best_threshold, independent_samples, separation  # noqa: E402


def run(*words: str) -> str:
    command = [sys.executable, str(BENCHMARKS / words[0]), *words[1:]]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("freud", reason="freud-analysis is not installed (extra gnncv[analysis])")
    folder = tmp_path_factory.mktemp("molecular")
    small = ("--models", "gnncv", "--seeds", "0", "--every", "2", "--epochs", "12")
    written = ("--json", str(folder / "figures.json"), "--picture", str(folder / "values.png"))
    text = run("molecular_phases.py", *small, *written, "--work", str(folder))
    assert "gnncv, seed 0" in text and "averaged q6" in text
    return folder


def test_molecular_phases(work: Path) -> None:
    """Few epochs are enough to do better than density does at one density."""
    table = {line["name"]: line for line in json.loads((work / "figures.json").read_text())["table"]}
    ours, density = table["gnncv, seed 0"], table["number of neighbors, volume"]
    assert ours["as they are"]["accuracy"]["share"] > 0.9
    assert ours["one density"]["accuracy"]["share"] > density["one density"]["accuracy"]["share"]
    assert density["one density"]["separation"] == 0.0
    assert (work / "values.png").stat().st_size > 10_000


def test_molecular_sizes(work: Path) -> None:
    """A box beside itself: nothing differs."""
    files = (str(EXAMPLE / "crystal.extxyz.gz"), str(EXAMPLE / "melt.extxyz.gz"))
    text = run(
        "molecular_sizes.py", str(work / "gnncv-0.pt"), "--small", *files, "--large", *files, "--every", "5"
    )
    rows = [line.split() for line in text.splitlines() if line.startswith("  progress")]
    assert len(rows) == 2 and all(float(row[6]) == 0.0 for row in rows)


def test_molecular_crystallites(work: Path, tmp_path: Path) -> None:
    words = ("--sizes", "0", "60", "90", "--copies", "2", "--boxes", "2", "--places", "1")
    picture = tmp_path / "crystallites.png"
    model = work / "gnncv-0.pt"
    text = run("molecular_crystallites.py", f"mean={model}", *words, "--picture", str(picture))
    rows = [line.split() for line in text.splitlines() if line.split()[:1] in (["0"], ["60"], ["90"])]
    largest_in_melt = float(rows[0][3])
    assert float(rows[2][3]) > largest_in_melt + 9 and float(rows[2][4]) > 10
    assert "ncrystal = " in text and "pooling mean" in text and len(rows) == 6
    assert picture.stat().st_size > 10_000


@pytest.mark.parametrize("seed", range(3))
def test_independent_samples(seed: int) -> None:
    """All of them where they are independent; fewer where time, a frame or a site repeats them."""
    print("seed", seed)
    rng = np.random.default_rng(seed)
    plain = rng.normal(size=(60, 80))
    assert 0.7 * plain.size < independent_samples(plain) <= plain.size
    assert independent_samples(np.repeat(plain[:12], 5, axis=0)) < 0.35 * plain.size
    assert independent_samples(np.repeat(plain[:, :16], 5, axis=1)) < 0.4 * plain.size
    assert independent_samples(np.repeat(plain[:1], 60, axis=0)) < 4 * 80


def test_accuracy_threshold_separation() -> None:
    rng = np.random.default_rng(5)
    melt, crystal = rng.normal(0.0, 1.0, (50, 40)), rng.normal(4.0, 1.0, (50, 40))
    threshold = best_threshold(melt, crystal)
    assert threshold == pytest.approx(2.0, abs=0.3)
    for sign in (1.0, -1.0):  # crystals may lie below
        found = accuracy(sign * melt, sign * crystal, sign * threshold)
        assert found.n_wrong == np.sum(melt > threshold) + np.sum(crystal <= threshold)
        assert found.low < found.share < found.high and found.share == pytest.approx(0.977, abs=0.01)
    none = accuracy(melt - 10.0, crystal, 0.0)
    assert none.high == 1.0 and none.low == pytest.approx(0.025 ** (1.0 / none.independent), rel=0.2)
    assert separation(melt[:, 0], crystal[:, 0]) == pytest.approx(4.0, abs=1.0)
