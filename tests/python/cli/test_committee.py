"""A committee from one training file: train, export, evaluate."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import bulk

import gnncv
from gnncv.cli.main import main
from gnncv.files import read_colvar
from gnncv.training import committee_runs

TRAIN = """
data:
  phases: {crystal: [crystal.extxyz], melt: [melt.extxyz]}
  gap: 0
model: {cutoff: 5.0, width: 8, n_heads: 2, l_max: 2, latent: 2}
training: {epochs: 1, batch_size: 4, threads: 1, seed: 3}
"""


def gnncv_command(line: str) -> int:
    return main(shlex.split(line))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with frames, two trainings in runs/, and cv-3.pt and cv-4.pt."""
    folder = tmp_path_factory.mktemp("committee")
    generator = np.random.default_rng(0)
    lattice = bulk("Ar", "fcc", a=5.4, cubic=True) * (2, 2, 2)
    for phase, shake in (("crystal", 0.1), ("melt", 0.7)):
        frames = [lattice.copy() for _ in range(8)]
        for atoms in frames:
            atoms.positions += generator.normal(0.0, shake, atoms.positions.shape)
        ase.io.write(folder / f"{phase}.extxyz", frames)
    (folder / "train.yaml").write_text(TRAIN)
    assert gnncv_command(f"train {folder}/train.yaml -o {folder}/runs --seeds 2 --quiet") == 0
    assert gnncv_command(f"export {folder}/runs -o {folder}/cv.pt --precision float64") == 0
    return folder


def test_members_have_their_own_seeds(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = committee_runs(trained / "runs")
    assert [run.name for run in runs] == ["seed-3", "seed-4"]
    seeds = [json.loads((run / "summary.json").read_text())["config"]["training"]["seed"] for run in runs]
    assert seeds == [3, 4]
    first, second = (gnncv.CollectiveVariable(trained / f"cv-{seed}.pt") for seed in seeds)
    assert first.metadata["centroids"] != second.metadata["centroids"]
    weights = (runs[0] / "model.pt").read_bytes()
    again = f"train {trained}/train.yaml -o {trained}/runs --quiet --seeds"
    assert gnncv_command(f"{again} 2") == 2
    assert "holds a training run" in capsys.readouterr().err
    assert gnncv_command(f"{again} 1") == 2
    assert "has no spread" in capsys.readouterr().err
    assert gnncv_command(f"{again} 2 --resume --json") == 0  # both are finished: nothing is done
    assert len(json.loads(capsys.readouterr().out)["members"]) == 2
    assert (runs[0] / "model.pt").read_bytes() == weights


def test_evaluate(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files, melt = [trained / "cv-3.pt", trained / "cv-4.pt"], trained / "melt.extxyz"
    capsys.readouterr()
    what = "--outputs progress novelty --members --gradnorm2 progress --threads 1 --json"
    where = f"-o {tmp_path}/COLVAR --per-site {tmp_path}/sites.extxyz"
    assert gnncv_command(f"evaluate {files[0]} {melt} --committee {files[1]} {what} {where}") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["left_out"] == ["latent-1", "latent-2", "deviation"]
    table = read_colvar(tmp_path / "COLVAR")
    each = ["cv1.progress", "cv1.novelty", "cv2.progress", "cv2.novelty"]
    spreads = ["std-progress", "std-novelty"]
    assert table.fields == ["time", "progress", "novelty", *spreads, "gradnorm2-progress", *each]
    assert table.constants["unit_gradnorm2-progress"] == "1/angstrom^2"
    committee = gnncv.Committee(files, num_threads=1)
    for row, atoms in enumerate(gnncv.load_frames(melt)):
        result = committee.compute(atoms, outputs=["progress"])
        assert table["std-progress"][row] == pytest.approx(result.std("progress"), rel=1e-9)
        assert table["gradnorm2-progress"][row] == pytest.approx(result.gradnorm2("progress"), rel=1e-9)
        assert table["cv2.novelty"][row] == pytest.approx(result.members("novelty")[1], rel=1e-9)
    frame = ase.io.read(tmp_path / "sites.extxyz", index=0)
    assert (frame.arrays["std-crystallinity"] >= 0.0).all() and np.ptp(frame.arrays["std-novelty"]) > 0.0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("--members", "goes with --committee"),
        ("--committee {folder}/cv-4.pt --outputs latent-1", "change of coordinates"),
        ("--committee {folder}/cv-3.pt", "would count twice"),
        ("--gradnorm2 progres", "no output 'progres'"),
    ],
)
def test_what_evaluate_refuses(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: str, said: str
) -> None:
    words = f"evaluate {trained}/cv-3.pt {trained}/melt.extxyz -o {tmp_path}/COLVAR --threads 1 "
    assert gnncv_command(words + more.format(folder=trained)) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "COLVAR").exists()
