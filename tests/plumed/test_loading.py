"""The plugin loads without help, and refuses in one sentence a PLUMED or torch it was not built for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gnncv._built_for import TORCH_VERSION, VERSION
from plumed_driver import SOURCE, Plumed, installations, species_lines

from gnncv._native import package_folder


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}


def sentence(errors: str) -> str:
    """The one line in which the gate says what does not fit."""
    said = [line for line in errors.splitlines() if line.startswith("gnncv: ")]
    assert len(said) == 1, errors
    return said[0]


def test_it_loads_without_a_library_path_and_twice(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path
) -> None:
    frames = trajectory("cubic", n_frames=1)
    text = plumed.load + f"UNITS LENGTH=A\ncv: GNNCV MODEL={model} {species_lines(frames[0])}\n"
    run = plumed.driver(
        tmp_path, text + "PRINT ARG=cv.* FILE=COLVAR\n", frames, environment={"LD_LIBRARY_PATH": ""}
    )
    assert run.counts().evaluations == 1
    assert "gnncv: " not in run.errors


def test_without_plumed_it_says_so(plumed: Plumed) -> None:
    code = f"import ctypes; ctypes.CDLL({str(plumed.plugin)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=clean_environment()
    )
    assert done.returncode == 0
    assert "no PLUMED of version 2.9 or newer runs in this process" in sentence(done.stderr)


def test_another_plumed_is_refused(plumed: Plumed, trajectory, tmp_path: Path) -> None:
    others = [one for one in installations(with_mpi=False) if one.version != plumed.installation.version]
    if not others:
        pytest.skip("only one PLUMED is installed")
    for other in others:
        run = Plumed(other, plumed.plugin).driver(tmp_path, "", trajectory("cubic", n_frames=1))
        said = sentence(run.errors)
        assert f"was built for PLUMED {plumed.installation.version} without MPI" in said
        assert f"this process runs PLUMED {other.version} without MPI" in said
        assert "`gnncv plumed build --plumed FILE`" in said


def test_mpi_makes_another_plumed(plumed_with_mpi: Plumed, trajectory, tmp_path: Path) -> None:
    same = [
        one for one in installations(with_mpi=False) if one.version == plumed_with_mpi.installation.version
    ]
    if not same:
        pytest.skip("there is no PLUMED of the same version without MPI")
    run = Plumed(same[0], plumed_with_mpi.plugin).driver(tmp_path, "", trajectory("cubic", n_frames=1))
    assert "with MPI" in sentence(run.errors) and "without MPI" in sentence(run.errors)


@pytest.fixture
def gate(plumed: Plumed, tmp_path: Path):
    """A function that compiles the gate for another package folder and tells what it says."""
    compiler = shutil.which("g++") or shutil.which("c++")
    assert compiler, "there is no C++ compiler"

    def say(package: Path, frames) -> str:
        installation = plumed.installation
        facts = {
            "BUILT_FOR_PLUMED": f'"{installation.version}"',
            "BUILT_FOR_MPI": "0",
            "KEEP_ACTION_LOADED": "0",
            "BUILT_FOR_COMMAND": f'"{installation.command}"',
            "BUILT_FOR_GNNCV": f'"{VERSION}"',
            "BUILT_FOR_TORCH": f'"{TORCH_VERSION}"',
            "GNNCV_PACKAGE": f'"{package}"',
        }
        library = tmp_path / "libgnncv_plumed.so"
        command = [compiler, "-std=c++17", "-shared", "-fPIC", "-fno-gnu-unique", "-o", str(library)]
        command += [f"-D{name}={value}" for name, value in facts.items()]
        command += [str(SOURCE / "gate.cpp"), str(SOURCE / "loaded_libraries.cpp"), "-ldl"]
        subprocess.run(command, check=True)
        shutil.copy(plumed.plugin.parent / "libgnncv_plumed_action.so", tmp_path)
        return Plumed(installation, library).driver(tmp_path / "run", "", frames).errors

    return say


def fake_package(folder: Path, torch: str, built_for: str = TORCH_VERSION, version: str = VERSION) -> Path:
    """A site-packages folder with our library and another torch's version beside it."""
    package = folder / "site" / "gnncv"
    package.mkdir(parents=True)
    (package / "lib").symlink_to(package_folder() / "lib")
    (package / "_built_for.py").write_text(f'TORCH_VERSION = "{built_for}"\nVERSION = "{version}"\n')
    (folder / "site" / "torch").mkdir()
    (folder / "site" / "torch" / "version.py").write_text(f"__version__ = '{torch}'\ndebug = False\n")
    return package


def test_another_torch_is_refused(gate, trajectory, tmp_path: Path) -> None:
    said = sentence(gate(fake_package(tmp_path, "2.4.1"), trajectory("cubic", n_frames=1)))
    assert f"was built for torch {TORCH_VERSION}" in said and "has torch 2.4.1" in said
    assert f"install torch {TORCH_VERSION}" in said


def test_another_gnncv_is_refused(gate, trajectory, tmp_path: Path) -> None:
    package = fake_package(tmp_path, TORCH_VERSION, version="9.9.9")
    said = sentence(gate(package, trajectory("cubic", n_frames=1)))
    assert f"was built for gnncv {VERSION}" in said and "gnncv 9.9.9" in said and "gnncv plumed build" in said


def test_a_gnncv_that_is_gone_is_named(gate, trajectory, tmp_path: Path) -> None:
    said = sentence(gate(tmp_path / "nowhere", trajectory("cubic", n_frames=1)))
    assert "where no gnncv is now" in said


def test_the_same_torch_is_taken(gate, trajectory, tmp_path: Path) -> None:
    package = fake_package(tmp_path, TORCH_VERSION)
    assert "gnncv: " not in gate(package, trajectory("cubic", n_frames=1))
