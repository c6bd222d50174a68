"""Reading trajectories: labels, and one clear error for each kind of bad input."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from gnncv.data import data_hash, load_frames
from gnncv.errors import InvalidArgument


def test_labels_of_the_file_and_of_the_caller(tmp_path: Path, generator: np.random.Generator) -> None:
    frames = [
        Atoms("Ar2", positions=generator.normal(0, 3, (2, 3)), info={"phase": "melt"}) for _ in range(3)
    ]
    write(tmp_path / "t.extxyz", frames)
    assert [f.info["phase"] for f in load_frames(tmp_path / "t.extxyz")] == ["melt"] * 3
    relabeled = load_frames([tmp_path / "t.extxyz"], phase="crystal", index="1:")
    assert [(f.info["phase"], f.info["frame"]) for f in relabeled] == [("crystal", 0), ("crystal", 1)]
    assert np.allclose(relabeled[0].positions, frames[1].positions, atol=1e-7)


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="no trajectory .*missing.xyz"):
        load_frames(tmp_path / "missing.xyz")
    (tmp_path / "noise.xyz").write_text("this is no trajectory")
    (tmp_path / "run.xtc").write_bytes(b"\x00\x00\x07\xcb")
    with pytest.raises(InvalidArgument, match="run.xtc: ASE reads no trajectories.* gmx trjconv -o"):
        load_frames(tmp_path / "run.xtc")
    with pytest.raises(InvalidArgument, match="cannot read .*noise.xyz as a trajectory"):
        load_frames(tmp_path / "noise.xyz")
    (tmp_path / "nan.xyz").write_text("2\n\nAr 0 0 0\nAr nan 0 0\n")
    with pytest.raises(InvalidArgument, match="frame 0: position of atom 1 is .*not finite"):
        load_frames(tmp_path / "nan.xyz")


def test_the_hash_names_the_data() -> None:
    one, other = Atoms("Ar", positions=[[0, 0, 0]]), Atoms("Ar", positions=[[0, 0, 1e-9]])
    assert data_hash([one]) == data_hash([one.copy()])
    assert data_hash([one]) != data_hash([other])
    labeled = one.copy()
    labeled.info["phase"] = "melt"
    assert data_hash([one]) != data_hash([labeled])
