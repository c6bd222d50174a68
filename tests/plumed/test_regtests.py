"""The regression tests in PLUMED's own layout, run by their own script with each PLUMED that is found."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from plumed_driver import SOURCE, Plumed

REGTESTS = SOURCE / "regtest"
NAMES = sorted(folder.name for folder in (REGTESTS / "gnncv").glob("rt-*"))


def run(plumed: Plumed, model: Path, folder: Path, name: str) -> subprocess.CompletedProcess:
    shutil.copytree(REGTESTS, folder / "regtest")
    environment = {
        "GNNCV_PLUGIN": str(plumed.plugin),
        "GNNCV_MODEL": str(model),
        "PLUMED": str(plumed.installation.command),
        "OMP_NUM_THREADS": "1",
        "PLUMED_NUM_THREADS": "1",
    }
    command = ["make", "-s", "-C", str(folder / "regtest" / "gnncv" / name)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


@pytest.mark.parametrize("name", NAMES)
def test_regtest(plumed: Plumed, model: Path, tmp_path: Path, name: str) -> None:
    done = run(plumed, model, tmp_path, name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == f"OK {name}"


def test_each_says_what_it_tests() -> None:
    for name in NAMES:
        config = (REGTESTS / "gnncv" / name / "config").read_text()
        assert config.startswith("# ") and config.splitlines()[0].endswith(".")
        assert list((REGTESTS / "gnncv" / name).glob("*.reference"))


def test_a_number_that_changed_is_noticed(
    plumed: Plumed, one_changed: Path, model: Path, tmp_path: Path
) -> None:
    environment = {"GNNCV_PLUGIN": str(plumed.plugin), "GNNCV_MODEL": str(model)}
    environment["PLUMED"] = str(plumed.installation.command)
    command = [str(one_changed / "scripts" / "run"), str(one_changed / "gnncv" / "rt-units")]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 1
    assert "COLVAR differs from its reference" in done.stdout and "FAILED rt-units" in done.stdout


@pytest.fixture
def one_changed(tmp_path: Path) -> Path:
    """The tests, but the first value of one reference is another."""
    shutil.copytree(REGTESTS, tmp_path / "changed")
    reference = tmp_path / "changed" / "gnncv" / "rt-units" / "COLVAR.reference"
    lines = reference.read_text().splitlines()
    words = lines[1].split()
    lines[1] = " ".join([words[0], str(float(words[1]) + 0.001), *words[2:]])
    reference.write_text("\n".join(lines) + "\n")
    return tmp_path / "changed"
