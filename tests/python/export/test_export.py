"""Exported files equal the PyTorch model, carry their facts, and refuse what is not continuous."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms

import gnncv
from gnncv.errors import ModelError, OutputExists
from gnncv.export import export, export_widened, self_check
from gnncv.export.random_frames import random_frames
from gnncv.export.self_check import derivative_scales
from gnncv.models.reference_evaluation import evaluate_reference
from gnncv.training import TrainedRun, fit
from small_training import small_config

TOLERANCE = {"float64": 1e-6, "float32": 2e-5}


def test_values_and_gradients_are_those_of_pytorch(
    exported: Path, small_run: TrainedRun, argon_frames: list[Atoms]
) -> None:
    import copy

    exact = copy.deepcopy(small_run.model).double()
    cv = gnncv.CollectiveVariable(str(exported))
    tolerance = TOLERANCE[cv.metadata["precision"]]
    for atoms in [argon_frames[3], argon_frames[-3], *random_frames(["Ar"], 6.0, seed=7)]:
        result, reference = cv.compute(atoms), evaluate_reference(exact, atoms)
        scale = np.maximum(1.0, np.abs(reference.values))
        assert (np.abs(result.values - reference.values) / scale).max() < tolerance
        for ours, theirs in (
            (result.gradients, reference.gradients),
            (result.strain_gradient, reference.strain_gradient),
        ):
            largest = derivative_scales(theirs, result.names)[:, None, None]
            assert (np.abs(ours - theirs) <= tolerance * largest + 1e-300).all()


def test_the_self_check_is_in_the_file(exported: Path) -> None:
    facts = gnncv.CollectiveVariable(str(exported)).metadata
    check = facts["self_check"]
    assert 0.0 < check["gradient_error"] <= check["tolerance"] == TOLERANCE[facts["precision"]]
    assert check["n_training_frames"] >= 2 and check["n_random_frames"] >= 4
    assert facts["length_unit"] == "angstrom" and facts["data_hash"] and facts["cutoff"] == 6.0
    json.dumps(facts)


@pytest.mark.parametrize(
    ("precision", "tables", "way_out"),
    [
        ("float32", True, "--precision float64"),
        ("float64", True, "--no-tables"),
        ("float64", False, "train it for fewer epochs"),
    ],
)
def test_a_wrong_file_does_not_pass_the_self_check(
    precision: str,
    tables: bool,
    way_out: str,
    small_run: TrainedRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Export of slightly wrong weights fails, leaves nothing and says what else there is."""
    import copy

    from gnncv.export import exporter

    original = exporter._script

    def wrong(model: torch.nn.Module) -> torch.jit.ScriptModule:
        changed = copy.deepcopy(model)
        with torch.no_grad():
            changed.decoder.numbers.mul_(1.001)
        return original(changed)

    monkeypatch.setattr(exporter, "_script", wrong)
    with pytest.raises(ModelError, match=f"differs from the PyTorch model.*{way_out}"):
        export(small_run, tmp_path / "cv.pt", precision, tables=tables)
    assert list(tmp_path.iterdir()) == []


def test_what_float32_does_not_hold_is_written_in_float64(
    small_run: TrainedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long job goes on with the more accurate file, and says why; in float64 there is nothing wider."""
    monkeypatch.setitem(self_check.TABLE_TOLERANCE, "float32", 1e-9)
    said: list[str] = []
    facts = export_widened(small_run, tmp_path / "cv.pt", "float32", said.append)
    assert facts["precision"] == "float64" and facts["self_check"]["gradient_error"] < 1e-6
    assert gnncv.CollectiveVariable(str(tmp_path / "cv.pt")).metadata["precision"] == "float64"
    (text,) = said
    assert "the exported float32 file differs" in text and text.endswith("float64 it is")
    monkeypatch.setitem(self_check.TABLE_TOLERANCE, "float64", 1e-30)
    with pytest.raises(ModelError, match="the exported float64 file differs"):
        export_widened(small_run, tmp_path / "other.pt", "float64", said.append)
    assert len(said) == 1 and not (tmp_path / "other.pt").exists()


def test_an_existing_file_stays(small_run: TrainedRun, tmp_path: Path) -> None:
    (tmp_path / "cv.pt").write_text("mine")
    with pytest.raises(OutputExists):
        export(small_run, tmp_path / "cv.pt")
    assert (tmp_path / "cv.pt").read_text() == "mine"


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ({"activation": "relu"}, "has a kink.*silu, softplus, tanh"),
        ({"switching": "none"}, "jump whenever an atom crosses the cutoff.*quintic"),
        ({"pooling": "max"}, "jump from one site to another.*mean"),
        ({"attention_constant": 0.0}, "only neighbor of a site.*positive constant"),
    ],
)
def test_what_is_not_continuous_is_refused_with_its_reason(
    choice: dict, reason: str, argon_frames: list[Atoms], tmp_path: Path
) -> None:
    config = small_config(model=choice, training={"epochs": 1})
    run = fit(config, tmp_path / "run", argon_frames[::3], progress=False)
    with pytest.raises(ModelError, match=reason):
        export(run, tmp_path / "cv.pt")
    assert not (tmp_path / "cv.pt").exists()


def test_no_path_of_the_machine_is_in_the_file(exported: Path, small_run: TrainedRun) -> None:
    content = exported.read_bytes()
    source = str(Path(gnncv.__file__).parent)
    assert source.encode() not in content
    assert str(Path(torch.__file__).parent).encode() not in content
