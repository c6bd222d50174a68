"""Installations are found wherever they may be, each once; what is none is not taken for one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gnncv.errors import InvalidArgument
from gnncv.plumed import Installation, choose_installation, examine_installation, find_installations


def pretend(prefix: Path, name: str = "plumed", version: str = "2.9.1", mpi: str = "off") -> Path:
    """A program that answers as PLUMED does, in a tree like an installed one."""
    root = prefix / "lib" / name
    root.mkdir(parents=True)
    (prefix / "lib" / f"lib{name}Kernel.so").write_bytes(b"kernel")
    program = prefix / "bin" / name
    program.parent.mkdir(exist_ok=True)
    program.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        f'"--no-mpi info --long-version") echo {version};;\n'
        f'"--no-mpi info --root") echo {root};;\n'
        f'"--no-mpi info --configuration") echo CXX=c++;;\n'
        f'"--no-mpi config has mpi") echo mpi {mpi}; [ {mpi} = on ];;\n'
        "*) exit 1;;\nesac\n"
    )
    program.chmod(0o755)
    return program


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with a shell and no PLUMED."""
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.delenv("PLUMED_KERNEL", raising=False)


def on_path(monkeypatch: pytest.MonkeyPatch, *programs: Path) -> None:
    folders = [str(program.parent) for program in programs]
    monkeypatch.setenv("PATH", os.pathsep.join([*folders, os.environ["PATH"]]))


def test_without_one_there_is_none_and_the_way_out_is_named() -> None:
    assert find_installations() == []
    with pytest.raises(InvalidArgument, match="no PLUMED is found: put its program `plumed` on the PATH"):
        choose_installation()


def test_what_an_installation_says(tmp_path: Path) -> None:
    program = pretend(tmp_path / "one", "plumed-2.9", "2.9.1", mpi="on")
    kernel = tmp_path / "one" / "lib" / "libplumed-2.9Kernel.so"
    expected = Installation(program, "2.9.1", tmp_path / "one" / "lib" / "plumed-2.9", kernel, has_mpi=True)
    assert examine_installation(program) == expected
    assert expected.release == "2.9"
    assert str(expected) == f"PLUMED 2.9.1 with MPI ({program})"
    kernel.unlink()
    assert examine_installation(program).kernel is None


def test_every_place_is_searched_and_each_installation_comes_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pretend(tmp_path / "one", version="2.10.1")
    second = pretend(tmp_path / "two", "plumed-2.9")
    third = pretend(tmp_path / "three", "plumed-mpi", mpi="on")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "plumed-again").symlink_to(first)
    for name in ("plumed-patch", "plumed-2.9-config", "plumed-other"):
        tool = tmp_path / "links" / name
        tool.write_text(f"#!/bin/sh\ntouch {tmp_path}/called-{name}\nexit 1\n")
        tool.chmod(0o755)
    on_path(monkeypatch, first, second, tmp_path / "links" / "any")
    assert [found.command for found in find_installations()] == [first, second]
    assert not (tmp_path / "called-plumed-patch").exists()  # a PLUMED's own tools are left alone
    monkeypatch.setenv("PLUMED_KERNEL", str(tmp_path / "three" / "lib" / "libplumed-mpiKernel.so"))
    assert [found.command for found in find_installations()] == [third, first, second]
    assert choose_installation().command == third  # what the user has set comes first
    assert choose_installation(second).command == second


def test_what_is_no_plumed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\necho hello\n")
    other.chmod(0o755)
    with pytest.raises(InvalidArgument, match="other is not PLUMED: asked for its version, it says 'hello'"):
        examine_installation(other)
    other.write_text("#!/bin/sh\necho no such option >&2\nexit 3\n")
    with pytest.raises(InvalidArgument, match="other is not PLUMED, or does not work: .*no such option"):
        examine_installation(other)
    with pytest.raises(InvalidArgument, match="absent is no program that can be run"):
        examine_installation(tmp_path / "absent")


def test_a_fingerprint_changes_with_the_build(tmp_path: Path) -> None:
    program = pretend(tmp_path / "one")
    before = examine_installation(program).fingerprint()
    assert examine_installation(program).fingerprint() == before
    program.write_text(program.read_text().replace("CXX=c++", "CXX=mpicxx"))
    assert examine_installation(program).fingerprint() != before
    again = examine_installation(program).fingerprint()
    (tmp_path / "one" / "lib" / "libplumedKernel.so").write_bytes(b"another kernel")
    assert examine_installation(program).fingerprint() != again
