"""Training leaves weights of some epochs with their learning rates, also if it is interrupted and resumed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms

from gnncv.training import TrainedRun, fit
from gnncv.training.module import AutoencoderModule
from rattled_frames import rattled_frames
from small_training import small_config


@pytest.fixture(scope="module")
def frames() -> list[Atoms]:
    return rattled_frames(3, 1, np.random.default_rng(3))


@pytest.fixture(scope="module")
def run(frames: list[Atoms], tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    config = small_config(training={"epochs": 4, "checkpoint_every": 2})
    return fit(config, tmp_path_factory.mktemp("run") / "run", frames, progress=False)


def checkpoints(folder: Path) -> dict[str, dict]:
    files = sorted((folder / "checkpoints").glob("epoch-*.ckpt"))
    return {file.name: torch.load(file, weights_only=True) for file in files}


def test_files_hold_weights_and_the_learning_rate_of_their_epoch(run: TrainedRun) -> None:
    found = checkpoints(run.path)
    assert list(found) == ["epoch-0002.ckpt", "epoch-0004.ckpt"]
    assert [content["epoch"] for content in found.values()] == [2, 4]
    angles = np.pi * np.array([1, 3]) / 4  # of the second and the fourth epoch, of four
    expected = 0.01 * (0.02 + 0.98 * 0.5 * (1 + np.cos(angles)))
    assert np.allclose([content["learning_rate"] for content in found.values()], expected)
    last = torch.load(run.path / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    weights = found["epoch-0004.ckpt"]["state_dict"]
    assert {f"model.{name}" for name in weights} == set(last)
    assert all(torch.equal(tensor, last[f"model.{name}"]) for name, tensor in weights.items())
    first = found["epoch-0002.ckpt"]["state_dict"]
    assert not torch.equal(first["phase_head.0.weight"], weights["phase_head.0.weight"])
    sizes = [(run.path / "checkpoints" / name).stat().st_size for name in found]
    assert max(sizes) < 80_000  # what the documentation says


def test_a_resumed_run_leaves_the_same(
    run: TrainedRun, frames: list[Atoms], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = AutoencoderModule.training_step

    def interrupted(self: AutoencoderModule, batch: object, batch_idx: int) -> torch.Tensor:
        if self.current_epoch == 3:
            raise InterruptedError
        return original(self, batch, batch_idx)

    config = small_config(training={"epochs": 4, "checkpoint_every": 2})
    with monkeypatch.context() as patch:
        patch.setattr(AutoencoderModule, "training_step", interrupted)
        with pytest.raises(InterruptedError):
            fit(config, tmp_path / "cut", frames, progress=False)
    assert list(checkpoints(tmp_path / "cut")) == ["epoch-0002.ckpt"]
    text = (tmp_path / "cut" / "config.yaml").read_text()  # as it was before there were these files
    assert "  checkpoint_every: 2\n" in text
    (tmp_path / "cut" / "config.yaml").write_text(text.replace("  checkpoint_every: 2\n", ""))
    fit(config, tmp_path / "cut", frames, resume=True, progress=False)
    whole, resumed = checkpoints(run.path), checkpoints(tmp_path / "cut")
    assert list(resumed) == list(whole)
    for name, content in whole.items():
        assert resumed[name]["learning_rate"] == pytest.approx(content["learning_rate"])
        for key, tensor in content["state_dict"].items():
            torch.testing.assert_close(resumed[name]["state_dict"][key], tensor, rtol=1e-4, atol=1e-5)


def test_none_are_left_where_none_are_wanted(frames: list[Atoms], tmp_path: Path) -> None:
    config = small_config(training={"epochs": 1, "checkpoint_every": 0})
    run = fit(config, tmp_path / "run", frames, progress=False)
    assert checkpoints(run.path) == {}
    with pytest.raises(ValueError, match="checkpoint_every"):
        run.influence_source()
    source = run.influence_source([run.path / "checkpoints" / "best.ckpt"])  # of Lightning, does as well
    assert 0.0 < source.checkpoints[0].learning_rate <= 0.01
    source.load(source.checkpoints[0], ())
    for name, tensor in run.model.state_dict().items():
        if name.startswith("encoder."):
            assert torch.equal(source.model.state_dict()[name].to(tensor.dtype), tensor)
