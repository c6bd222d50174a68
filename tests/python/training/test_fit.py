"""Training separates the phases, is reproducible, resumes, and knows what it has not seen."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms

from gnncv.data import GraphDataset, collate
from gnncv.errors import InvalidArgument, ModelError, OutputExists
from gnncv.training import TrainConfig, TrainedRun, fit, load_run, losses
from gnncv.training.calibration import frame_outputs
from small_training import small_config

QUICK = {"training": {"epochs": 2}}


def column(run: TrainedRun, frames: list[Atoms], name: str) -> np.ndarray:
    values, _ = frame_outputs(run.model, GraphDataset(frames, run.model.config.cutoff, run.model.species))
    from gnncv.models.collective_variables import output_names

    return values[:, list(output_names(run.model.config.latent, run.model.phases)).index(name)]


def rescaled(atoms: Atoms, volume_per_atom: float) -> Atoms:
    changed = atoms.copy()
    factor = (volume_per_atom * len(atoms) / atoms.get_volume()) ** (1 / 3)
    changed.set_cell(atoms.cell.array * factor, scale_atoms=True)
    return changed


def test_phases_are_told_apart_at_one_density(small_run: TrainedRun, argon_frames: list[Atoms]) -> None:
    """The control of the data's README: density alone does not decide."""
    crystal = [rescaled(f, 44.0) for f in argon_frames if f.info["phase"] == "crystal"]
    melt = [rescaled(f, 44.0) for f in argon_frames if f.info["phase"] == "melt"]
    assert column(small_run, crystal, "crystallinity").min() > 0.8
    assert column(small_run, melt, "crystallinity").max() < 0.2
    assert column(small_run, crystal, "progress").min() > 0.7
    assert column(small_run, melt, "progress").max() < 0.3


def test_the_folder_holds_what_is_promised(small_run: TrainedRun) -> None:
    names = {p.name for p in small_run.path.iterdir()}
    assert {
        "config.yaml",
        "checkpoints",
        "metrics.csv",
        "losses.png",
        "latent.png",
        "model.pt",
        "summary.json",
    } <= names
    assert TrainConfig.from_yaml(small_run.path / "config.yaml").model.cutoff == 6.0
    lines = (small_run.path / "metrics.csv").read_text().splitlines()
    assert len(lines) == small_run.summary["n_epochs"] + 1
    loaded = load_run(small_run.path)
    for ours, theirs in zip(
        loaded.model.state_dict().values(), small_run.model.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs)


def test_a_seed_reproduces_a_run_and_another_does_not(argon_frames: list[Atoms], tmp_path: Path) -> None:
    frames = argon_frames[::2]
    runs = [
        fit(small_config(training={"epochs": 2, "seed": seed}), tmp_path / str(k), frames, progress=False)
        for k, seed in enumerate((5, 5, 6))
    ]
    weights = [torch.cat([p.flatten() for p in run.model.parameters()]) for run in runs]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(
    argon_frames: list[Atoms], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gnncv.training.module import AutoencoderModule

    frames = argon_frames[::2]
    config = small_config(training={"epochs": 4})
    whole = fit(config, tmp_path / "whole", frames, progress=False)
    original = AutoencoderModule.training_step

    def interrupted(self: AutoencoderModule, batch: object, batch_idx: int) -> torch.Tensor:
        if self.current_epoch == 2:
            raise InterruptedError
        return original(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(AutoencoderModule, "training_step", interrupted)
        with pytest.raises(InterruptedError):
            fit(config, tmp_path / "cut", frames, progress=False)
    resumed = fit(config, tmp_path / "cut", frames, resume=True, progress=False)
    assert [r["epoch"] for r in _metrics(tmp_path / "cut")] == [0, 1, 2, 3]
    for ours, theirs in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def _metrics(folder: Path) -> np.ndarray:
    return np.genfromtxt(folder / "metrics.csv", delimiter=",", names=True)


def test_an_existing_run_is_not_overwritten(small_run: TrainedRun, argon_frames: list[Atoms]) -> None:
    with pytest.raises(OutputExists, match="holds a training run"):
        fit(small_config(), small_run.path, argon_frames, progress=False)
    with pytest.raises(InvalidArgument, match="differs from the configuration"):
        fit(small_config(training={"epochs": 99}), small_run.path, argon_frames, resume=True, progress=False)


@torch.no_grad()
def mismatch(run: TrainedRun, frames: list[Atoms], generator: np.random.Generator) -> float:
    """How much larger the reconstruction error is for another site's surroundings than for a site's own."""
    dataset = GraphDataset(frames, run.model.config.cutoff, run.model.species)
    batch = collate([dataset[k] for k in range(len(dataset))]).to("cpu", torch.float32)
    encoding = run.model.encode(batch)
    rebuilt = run.model.environment_decoder(encoding.mean)
    other = torch.from_numpy(generator.permutation(len(rebuilt)))
    own_error = (rebuilt - encoding.invariants).square().mean()
    return float((rebuilt - encoding.invariants[other]).square().mean() / own_error)


def test_shuffled_targets_destroy_novelty(
    small_run: TrainedRun,
    argon_frames: list[Atoms],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    generator: np.random.Generator,
) -> None:
    """The error tells a site's own surroundings from another's only if the decoder learned which is which."""

    def shuffled(invariants: torch.Tensor) -> torch.Tensor:
        return invariants[torch.randperm(invariants.shape[0])]

    monkeypatch.setattr(losses, "reconstruction_target", shuffled)
    blind = fit(small_config(), tmp_path / "blind", argon_frames, progress=False)
    frames = argon_frames[::4]
    learned, untaught = mismatch(small_run, frames, generator), mismatch(blind, frames, generator)
    print(f"error of another site over one's own: trained {learned:.2f}, shuffled {untaught:.2f}")
    assert learned > 1.5
    assert untaught - 1.0 < 0.3 * (learned - 1.0)  # not zero: a batch keeps its mixture of phases
    assert float(blind.model.error_scale) > 1.2 * float(small_run.model.error_scale)


def test_novelty_tells_what_was_not_trained_on(small_run: TrainedRun, argon_frames: list[Atoms]) -> None:
    """Below one on the training frames, above one on a strongly sheared crystal."""
    crystal = [atoms for atoms in argon_frames if atoms.info["phase"] == "crystal"]
    sheared = [atoms.copy() for atoms in crystal]
    for atoms in sheared:
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.25 * np.eye(3, k=1)), scale_atoms=True)
    assert column(small_run, argon_frames, "novelty").max() < 1.0
    assert column(small_run, sheared, "novelty").min() > 1.0


def test_without_labels_latents_train(argon_frames: list[Atoms], tmp_path: Path) -> None:
    config = TrainConfig.model_validate(
        {"data": {"unlabeled": ["any"], "gap": 1}, "model": {"cutoff": 6.0}, "training": {"epochs": 2}}
    )
    run = fit(config, tmp_path / "run", argon_frames, progress=False)
    assert run.summary["phases"] == []
    assert set(run.summary["validation"]) == {"latent-1", "latent-2", "latent-3", "latent-4", "novelty"}


def test_three_phases_each_have_their_outputs(argon_frames: list[Atoms], tmp_path: Path) -> None:
    frames = [f.copy() for f in argon_frames]
    for k, atoms in enumerate(frames):
        if atoms.info["phase"] == "crystal" and k % 2:
            atoms.info["phase"] = "dense"
            atoms.set_cell(atoms.cell.array * 0.9, scale_atoms=True)
    data = {"phases": {"melt": ["m"], "crystal": ["c"], "dense": ["d"]}, "gap": 0}
    config = TrainConfig.model_validate({"data": data, "model": {"cutoff": 6.0}, "training": {"epochs": 2}})
    run = fit(config, tmp_path / "run", frames, progress=False)
    assert {"progress-crystal", "progress-dense", "ncrystal-dense", "crystallinity-crystal"} <= set(
        run.summary["validation"]
    )


def test_missing_labels_are_refused(argon_frames: list[Atoms], tmp_path: Path) -> None:
    melt_only = [f for f in argon_frames if f.info["phase"] == "melt"]
    with pytest.raises(InvalidArgument, match="no frame is labeled 'crystal'"):
        fit(small_config(), tmp_path / "run", melt_only, progress=False)
    assert not (tmp_path / "run").exists()


def test_an_unfinished_run_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no finished training run"):
        load_run(tmp_path)
