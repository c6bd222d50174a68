"""A file is there whole or not at all, and none is replaced unasked."""

import os

import pytest

from gnncv.errors import InvalidArgument, OutputExists
from gnncv.files import check_output, write_atomic


def test_the_file_appears_at_the_end_only(tmp_path):
    target = tmp_path / "a.csv"
    with write_atomic(target) as temporary:
        temporary.write_text("1")
        assert not target.exists() and temporary.parent == tmp_path and temporary.name.endswith("a.csv")
    assert target.read_text() == "1" and os.listdir(tmp_path) == ["a.csv"]


def test_an_error_leaves_nothing_behind(tmp_path):
    target = tmp_path / "a.csv"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), write_atomic(target, overwrite=True) as temporary:
        temporary.write_text("new")
        raise ZeroDivisionError
    assert target.read_text() == "old" and os.listdir(tmp_path) == ["a.csv"]


def test_existing_files_are_kept_unless_asked(tmp_path):
    target = tmp_path / "a.csv"
    target.write_text("old")
    with pytest.raises(OutputExists, match=r"a\.csv exists"), write_atomic(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "old"
    with write_atomic(target, overwrite=True) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"


def test_a_file_that_appears_meanwhile_is_kept(tmp_path):
    target = tmp_path / "a.csv"
    with pytest.raises(OutputExists, match="appeared while"), write_atomic(target) as temporary:
        temporary.write_text("ours")
        target.write_text("theirs")
    assert target.read_text() == "theirs" and os.listdir(tmp_path) == ["a.csv"]


def test_bad_targets_are_refused_before_any_work(tmp_path):
    with pytest.raises(InvalidArgument, match="is a folder"):
        check_output(tmp_path)
    with pytest.raises(InvalidArgument, match=r"nowhere .*does not exist"):
        check_output(tmp_path / "nowhere" / "a.csv")
    with pytest.raises(InvalidArgument, match="nothing was written"), write_atomic(tmp_path / "a.csv"):
        pass
