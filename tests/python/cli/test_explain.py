"""`gnncv explain`: the report of a run's folder and of trajectories, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write

import gnncv
from gnncv.cli.main import main
from gnncv.demo import shipped_model


@pytest.fixture
def folder(tmp_path: Path, argon_frames: list[Atoms], monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `gnncv run` leaves of a short run, and its model beside it; pictures are not drawn."""
    monkeypatch.setattr("gnncv.analysis.report_page._image", lambda figure: "data:image/png;base64,")
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(shipped_model(), tmp_path / "cv.pt")
    write(run / "trajectory.extxyz", argon_frames[:3])
    (run / "run-config.yaml").write_text("cv: cv.pt\n")
    (run / "run.json").write_text(json.dumps({"model_hash": gnncv.CollectiveVariable(shipped_model()).hash}))
    return run


def refusal(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    capsys.readouterr()
    assert main(["explain", *map(str, words)]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    return captured.err.strip()


def test_a_run_is_explained_once(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    words = ["explain", str(folder), "--report", "--index", "::2", "--threads", "1", "--json"]
    assert main(words) == 0
    facts = json.loads(capsys.readouterr().out)
    page = folder / "explanation.html"
    assert facts["written"] == str(page) and facts["component"] == "progress" and facts["frames"] == 2
    assert set(facts["mean_score"]) == {"crystal"}
    text = page.read_text()
    assert "<h1>What progress listens to</h1>" in text and "cv.pt" in text
    assert "explanation.html exists" in refusal(capsys, folder, "--report")
    assert page.read_text() == text


def test_a_model_and_trajectories_are_explained(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    words = [shipped_model(), folder / "trajectory.extxyz", "--report", "-o", page, "--index", "0"]
    assert "no output 'progres'" in refusal(capsys, *words, "--component", "progres")
    assert not page.exists()
    assert main(["explain", *map(str, words), "--component", "novelty", "--threads", "1"]) == 0
    assert "novelty" in page.read_text()


@pytest.mark.parametrize("method", ["saliency", "integrated_gradients"])
def test_a_method_writes_frames_table_and_picture(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path, method: str
) -> None:
    target = tmp_path / "scores.extxyz"
    words = [folder, "--method", method, "-o", target, "--component", "ncrystal", "--index", "::2"]
    assert main(["explain", *map(str, words), "--threads", "1", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    frames = read(target, ":")
    assert len(frames) == facts["frames"] == 2
    average = np.mean([atoms.arrays["score"] for atoms in frames], axis=0)
    rows = (tmp_path / "scores.csv").read_text().splitlines()
    column = rows[0].split(",").index("score")
    assert np.allclose([float(row.split(",")[column]) for row in rows[1:]], average, rtol=1e-6)
    highest = next(iter(facts["highest"]))
    assert highest == f"Ar{np.argmax(np.abs(average)) + 1}"
    if method == "saliency":
        cv = gnncv.CollectiveVariable(shipped_model())
        gradient = cv.compute(frames[0], outputs=["ncrystal"]).gradient("ncrystal")
        assert np.allclose(frames[0].arrays["score"], np.linalg.norm(gradient, axis=1), rtol=1e-3, atol=1e-8)
    assert (tmp_path / "scores.png").stat().st_size > 1000
    target.unlink()
    assert "scores.csv exists" in refusal(capsys, *words)
    assert not target.exists()


def test_what_cannot_be_explained_is_refused(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    assert "needs a file to write" in refusal(capsys, folder, "--method", "saliency")
    assert "give no other" in refusal(capsys, folder, folder / "trajectory.extxyz", "--report")
    assert "give trajectories after the model file" in refusal(capsys, shipped_model(), "--report")
    (tmp_path / "cv.pt").rename(tmp_path / "moved.pt")
    assert "give --model CV.pt" in refusal(capsys, folder, "--report")
    (folder / "run.json").write_text(json.dumps({"model_hash": "0" * 64}))
    assert "made with 000000000000" in refusal(capsys, folder, "--report", "--model", tmp_path / "moved.pt")
    (folder / "trajectory.extxyz").unlink()
    assert "it is no folder of gnncv run" in refusal(capsys, folder, "--report")
    assert not (folder / "explanation.html").exists()
