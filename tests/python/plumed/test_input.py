"""What is read from a PLUMED input, and what is changed in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gnncv.errors import InvalidArgument
from gnncv.plumed import PlumedInput, load_line

TEXT = """# GNNCV in a comment, and LOAD FILE=libgnncv_plumed.so
UNITS LENGTH=A
MOLINFO STRUCTURE=ref.pdb # ref.pdb
cv: GNNCV ...
  MODEL=cv.pt  # the model
  ATOMS=1-10
... GNNCV
METAD ARG=cv.progress FILE=HILLS GRID_WFILE=grid WALKERS_DIR=shared WALKERS_ID=3 SIGMA=1
PRINT ARG=cv.* FILE=cv.pt.colvar
ENDPLUMED
d: GNNCV MODEL=never.pt
"""


@pytest.fixture
def source(tmp_path: Path) -> PlumedInput:
    for name in ("ref.pdb", "cv.pt", "HILLS"):
        (tmp_path / name).write_text(name)
    (tmp_path / "shared").mkdir()
    (tmp_path / "plumed.dat").write_text(TEXT)
    return PlumedInput.from_file(tmp_path / "plumed.dat")


def test_actions_over_several_lines(source: PlumedInput) -> None:
    actions = [(each.action, each.first, each.last) for each in source.statements()]
    assert actions == [("UNITS", 1, 1), ("MOLINFO", 2, 2), ("GNNCV", 3, 6), ("METAD", 7, 7), ("PRINT", 8, 8)]
    assert source.statements()[2].values == {"MODEL": "cv.pt", "ATOMS": "1-10"}


def test_what_the_input_uses(source: PlumedInput) -> None:
    assert source.uses_gnncv and not source.loads_gnncv
    assert source.models() == [source.folder / "cv.pt"]
    assert source.written_whole() == {"grid"}
    assert source.walker_files() == [source.folder / "shared" / "HILLS.3"]
    assert source.walker_files(everybody=True) == []  # WALKERS_N is missing
    two = PlumedInput(TEXT.replace("WALKERS_ID=3", "WALKERS_ID=1 WALKERS_N=2"), source.folder)
    assert [path.name for path in two.walker_files(everybody=True)] == ["HILLS.0", "HILLS.1"]
    plain = PlumedInput("d: DISTANCE ATOMS=1,2\n", source.folder)
    assert not plain.uses_gnncv and plain.models() == []


def test_included_files_count(source: PlumedInput) -> None:
    (source.folder / "more.dat").write_text(TEXT)
    outer = PlumedInput("INCLUDE FILE=more.dat\n", source.folder)
    assert outer.uses_gnncv
    before = outer.identity()
    (source.folder / "more.dat").write_text(TEXT + "# another\n")
    assert outer.identity() != before


def test_load_comes_just_before_it_is_needed(source: PlumedInput, tmp_path: Path) -> None:
    loading = source.with_load(tmp_path / "libgnncv_plumed.so")
    lines = loading.text.splitlines()
    assert lines[3] == load_line(tmp_path / "libgnncv_plumed.so")  # after UNITS, which must come first
    assert [line for k, line in enumerate(lines) if k != 3] == TEXT.splitlines()
    assert loading.loads_gnncv


def test_files_to_read_get_absolute_paths_and_files_to_write_do_not(source: PlumedInput) -> None:
    text = source.with_absolute_paths().text
    folder = source.folder
    assert f"MOLINFO STRUCTURE={folder}/ref.pdb # ref.pdb" in text
    assert f"  MODEL={folder}/cv.pt  # the model" in text
    assert f"FILE=HILLS GRID_WFILE=grid WALKERS_DIR={folder}/shared" in text
    assert "FILE=cv.pt.colvar" in text
    assert "MODEL=never.pt" in text  # it does not exist: PLUMED will say so, if it is ever read
    spaced = folder / "a folder"
    spaced.mkdir()
    (spaced / "x.pt").write_text("x")
    moved = PlumedInput("c: GNNCV MODEL=x.pt", spaced).with_absolute_paths()
    assert moved.text == f"c: GNNCV MODEL={{{spaced}/x.pt}}\n"
    assert moved.models() == [spaced / "x.pt"]


def test_another_model_is_another_identity(source: PlumedInput) -> None:
    before = source.identity()
    assert source.identity() == before
    (source.folder / "cv.pt").write_text("another")
    assert source.identity() != before


def test_an_input_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="absent.dat cannot be read: No such file"):
        PlumedInput.from_file(tmp_path / "absent.dat")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InvalidArgument, match="binary cannot be read: it is not text"):
        PlumedInput.from_file(tmp_path / "binary")
