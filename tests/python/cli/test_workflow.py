"""The commands one after the other, as a user gives them, on a small model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest

import gnncv
from gnncv.cli.main import main
from gnncv.demo.frames import demo_frames
from gnncv.explain import graph_node_sensitivity
from gnncv.files import read_colvar
from gnncv.training import TrainedRun

MELT = demo_frames()["melt"]

TRAIN = f"""
data:
  phases:
    crystal: [{demo_frames()["crystal"]}]
    melt: [{MELT}]
  index: "::25"
  gap: 0
model: {{cutoff: 5.0, width: 8, n_heads: 2, l_max: 4, latent: 2}}
training: {{epochs: 1, batch_size: 4, threads: 1}}
"""

RUN = """
engine: openmm
cv: cv.pt
output: out
start: crystal.extxyz
system:
  kind: lennard-jones
  species: {Ar: {sigma_angstrom: 3.405, epsilon_kj_mol: 0.99607}}
  cutoff_angstrom: 8.0
temperature_kelvin: 82
timestep_fs: 4
steps: 40
bias: {kind: metadynamics, cv: progress, sigma: 0.05, height_kj_mol: 1.0, pace: 10, biasfactor: 20}
colvar_stride: 5
trajectory_stride: 20
checkpoint_stride: 20
"""


def answer(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    """Run a command that must succeed and return the facts it prints as JSON."""
    capsys.readouterr()
    assert main([*map(str, words), "--json"]) == 0
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    return facts


def refusal(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run a command that must fail and return its one line."""
    capsys.readouterr()
    assert main([str(word) for word in words]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    return captured.err.strip()


@pytest.fixture(scope="module")
def model(small_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small trained model, exported by the command."""
    path = tmp_path_factory.mktemp("cli") / "cv.pt"
    assert main(["export", str(small_run.path), "-o", str(path), "--precision", "float64"]) == 0
    return path


def test_train_writes_a_run_and_keeps_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "train.yaml").write_text(TRAIN)
    words = ["train", tmp_path / "train.yaml", "-o", tmp_path / "train"]
    assert main([*map(str, words), "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "12 training, 4 validation" in printed
    assert "crystallinity" in printed
    names = {path.name for path in (tmp_path / "train").iterdir()}
    assert {"model.pt", "summary.json", "metrics.csv", "losses.png", "latent.png", "config.yaml"} <= names
    assert "holds a training run" in refusal(capsys, *words)


def test_export_does_not_overwrite(
    capsys: pytest.CaptureFixture[str], small_run: TrainedRun, model: Path
) -> None:
    before = model.read_bytes()
    assert "cv.pt exists" in refusal(capsys, "export", small_run.path, "-o", model)
    assert model.read_bytes() == before


def test_inspect(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    facts = answer(capsys, "inspect", model)
    assert facts["species"] == ["Ar"]
    assert facts["self_check"]["gradient_error"] <= facts["self_check"]["tolerance"] == 1e-6
    assert main(["inspect", str(model)]) == 0
    assert "novelty (intensive)" in capsys.readouterr().out


def test_evaluate_writes_what_the_python_face_computes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, model: Path
) -> None:
    words = ["evaluate", model, MELT, "-o", tmp_path / "COLVAR", "--index", "::80", "--timestep", "160"]
    facts = answer(capsys, *words, "--per-site", tmp_path / "sites.extxyz")
    assert facts["frames"] == 3
    cv = gnncv.CollectiveVariable(model)
    table = read_colvar(tmp_path / "COLVAR")
    assert table.fields == ["time", *cv.names]
    assert table["time"].tolist() == [0.0, 160.0, 320.0]
    sites = ase.io.read(tmp_path / "sites.extxyz", index=":")
    for row, atoms in enumerate(gnncv.load_frames(MELT, index="::80")):
        values = cv.compute(atoms, outputs=[]).values
        np.testing.assert_allclose([table[name][row] for name in cv.names], values, rtol=1e-10, atol=1e-11)
        np.testing.assert_allclose(
            sites[row].arrays["crystallinity"], cv.per_site(atoms)["crystallinity"], atol=1e-7
        )
    assert facts["statistics"]["progress"]["mean"] == pytest.approx(table["progress"].mean())
    assert "COLVAR exists" in refusal(capsys, *words)


def test_evaluate_can_be_asked_for_some_outputs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, model: Path
) -> None:
    words = ["evaluate", model, MELT, "--index", "0", "-o", tmp_path / "COLVAR", "--outputs"]
    assert "no output 'progres'; its outputs are latent-1" in refusal(capsys, *words, "progres")
    assert not (tmp_path / "COLVAR").exists()
    answer(capsys, *words, "novelty", "progress")
    assert read_colvar(tmp_path / "COLVAR").fields == ["time", "novelty", "progress"]


@pytest.mark.parametrize("command", ["evaluate", "sensitivity"])
def test_bad_frames_are_named_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, model: Path, command: str
) -> None:
    good = ase.io.read(MELT, index=0)
    argon_and_neon, broken = good.copy(), good.copy()
    argon_and_neon.symbols[3] = "Ne"
    broken.positions[7] = np.nan
    for atoms, expected in ((argon_and_neon, "Ne"), (broken, "atom 7")):
        ase.io.write(tmp_path / "bad.extxyz", [good, atoms])
        words = [command, model, tmp_path / "bad.extxyz", "-o", tmp_path / "out.extxyz"]
        more = ["--per-site", tmp_path / "sites.extxyz"] if command == "evaluate" else []
        assert expected in refusal(capsys, *words, *more)
        assert [path.name for path in tmp_path.iterdir()] == ["bad.extxyz"]


def test_two_outputs_of_one_name_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, model: Path
) -> None:
    same = tmp_path / "same"
    message = refusal(capsys, "evaluate", model, MELT, "-o", same, "--per-site", same)
    assert "two outputs have the same name" in message
    assert not same.exists()


def test_sensitivity_writes_frames_table_and_picture(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, model: Path
) -> None:
    words = ["sensitivity", model, MELT, "-o", tmp_path / "S.extxyz", "--index", "::100"]
    facts = answer(capsys, *words, "--component", "novelty")
    cv = gnncv.CollectiveVariable(model)
    frames = gnncv.load_frames(MELT, index="::100")
    norms = [np.linalg.norm(cv.compute(atoms, outputs=["novelty"]).gradients[0], axis=1) for atoms in frames]
    assert facts["mean_sensitivity"] == pytest.approx(np.mean(norms))
    written = ase.io.read(tmp_path / "S.extxyz", index=":")
    np.testing.assert_allclose([atoms.arrays["sensitivities"] for atoms in written], norms, atol=1e-7)
    assert {path.name for path in tmp_path.iterdir()} == {"S.extxyz", "S.csv", "S.png"}


def test_sensitivity_of_a_system_and_its_environment(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, model: Path
) -> None:
    words = ["sensitivity", model, MELT, "-o", tmp_path / "S.extxyz", "--index", "::200", "--system", "2-4,9"]
    facts = answer(capsys, *words, "--environment", "Ar", "--within", "6")
    expected = graph_node_sensitivity(
        model,
        gnncv.load_frames(MELT, index="::200"),
        "progress",
        system=[1, 2, 3, 8],
        environment_within=6.0,
        show_progress=False,
    )
    assert facts["atoms"] == 4 and set(facts["highest"]) == {"Ar2", "Ar3", "Ar4", "Ar9"}
    found = [facts[name] for name in expected["node_labels"][-2:]]
    np.testing.assert_allclose(found, expected["avg_sensitivities"][-2:], rtol=1e-9)
    assert "names no atoms" in refusal(capsys, *words[:-1], "2-4-6", "--overwrite")


def test_run_and_free_energy(capsys: pytest.CaptureFixture[str], tmp_path: Path, model: Path) -> None:
    pytest.importorskip("openmm")
    (tmp_path / "cv.pt").write_bytes(model.read_bytes())
    ase.io.write(tmp_path / "crystal.extxyz", ase.io.read(demo_frames()["crystal"], index=0))
    (tmp_path / "run.yaml").write_text(RUN)
    facts = answer(capsys, "run", tmp_path / "run.yaml", "--quiet")
    assert facts["steps"] == 40
    assert facts["n_hills"] == 4
    again = answer(capsys, "run", tmp_path / "run.yaml", "--quiet")
    assert again["n_hills"] == 4
    out = tmp_path / "out"
    assert len(read_colvar(out / "COLVAR")["time"]) == 9
    fes = answer(capsys, "fes", out / "HILLS", "-o", tmp_path / "fes.dat")
    assert fes["cv"] == "progress"
    words = ["fes", out / "COLVAR", "-o", tmp_path / "fes_Q6.dat", "--bias", out / "HILLS", "--blocks", "2"]
    assert "temperature" in refusal(capsys, *words)
    assert answer(capsys, *words, "--temperature", "82", "--reweight-on", "Q6")["cv"] == "Q6"
    (tmp_path / "run.yaml").write_text(RUN.replace("biasfactor: 20", "biasfactor: 30"))
    assert "holds a run with another configuration" in refusal(
        capsys, "run", tmp_path / "run.yaml", "--quiet"
    )
