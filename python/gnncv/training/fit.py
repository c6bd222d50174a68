"""Train an autoencoder from start to calibrated model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from ase import Atoms

from gnncv.data import GraphDataset, Split, assign_frames, collate, data_hash, load_frames
from gnncv.errors import InvalidArgument
from gnncv.models import GraphAutoencoder
from gnncv.nn import SMOOTH_ACTIVATIONS
from gnncv.topology import Topology, build_topology

from .calibration import (
    calibrate,
    dataset_latents,
    frame_outputs,
    output_statistics,
    standardize_features,
    standardize_messages,
)
from .config import TrainConfig
from .epoch_checkpoints import EpochCheckpoints
from .history import History
from .mixture import numbers_of_clusters
from .mixture_picture import draw_mixture
from .module import AutoencoderModule, EpochOrder, SeedEpoch
from .optimization import best_weights
from .phases import find_phases
from .pictures import draw_latent_space, draw_losses
from .run_folder import CHECKPOINTS, TrainedRun, prepare_folder, refuse_existing, save_run
from .stage1 import first_stage


@dataclass
class _Datasets:
    """Training frames as drawn and as they are, and validation frames with fixed augmentation and plain."""

    training: GraphDataset
    plain: GraphDataset
    validation: GraphDataset
    validation_plain: GraphDataset


def fit(
    config: TrainConfig,
    output: str | Path,
    frames: Sequence[Atoms] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> TrainedRun:
    """Train, calibrate and save a graph autoencoder.

    Parameters
    ----------
    config
        What to train on and how.
    output
        Folder of the run: ``config.yaml``, ``checkpoints/``, ``metrics.csv``, ``losses.png``,
        ``latent.png``, ``clusters.png`` (with phases or clusters), ``model.pt`` (weights) and
        ``summary.json``.
    frames
        Frames to use instead of the files that ``config.data`` names, labeled by ``info["phase"]`` where
        they are. A frame whose ``info["split"]`` is ``training`` or ``validation`` goes there; the rest is
        split by blocks of time.
    resume
        Continue an interrupted run in ``output`` from its last checkpoint.
    overwrite
        Replace a finished run in ``output``.
    progress
        Show a progress bar.

    Raises
    ------
    OutputExists
        ``output`` holds a run and neither ``resume`` nor ``overwrite`` was given.
    InvalidArgument
        Data that cannot be used, a resume with another configuration (``clusters`` and
        ``training.checkpoint_every`` may differ), or latents that do not fall into clusters.
    """
    folder = Path(output)
    refuse_existing(folder, config, resume, overwrite, free=("clusters", "training.checkpoint_every"))
    if config.training.threads is not None:
        torch.set_num_threads(config.training.threads)
    lightning.seed_everything(config.training.seed, workers=True, verbose=False)
    loaded = list(frames) if frames is not None else configured_frames(config)
    data = config.data
    split = assign_frames(loaded, data.validation_fraction, data.validation_blocks, data.gap)
    topology = build_topology(config.molecules, loaded) if config.molecules else None
    if config.clusters is not None:
        numbers_of_clusters(len(split.training), config.clusters)
    datasets = _datasets(loaded, split, config, topology)
    checkpoint = prepare_folder(folder, config, overwrite)
    training = datasets.training
    embeddings = None
    if topology is not None:
        stages = (folder, resume, overwrite, progress)
        embeddings = first_stage(config.stage1, loaded, split, topology, *stages)
        lightning.seed_everything(config.training.seed, workers=True, verbose=False)  # as without it
    model = GraphAutoencoder(config.model, training.species, training.phases, topology, embeddings)
    _use_tables(model, datasets, config)
    standardize_features(model, datasets.training)
    if not config.model.invariants:
        standardize_messages(model, datasets.training)
    history = History(folder / "metrics.csv")
    best = _optimize(model, datasets, config, folder, checkpoint, history, progress)
    model.load_state_dict(best)
    model.eval()
    if model.tables is not None:
        model.tables.fit_intervals()  # to the best weights, where they are now
    datasets.training.set_epoch(config.training.epochs)
    held_out = (datasets.validation_plain, datasets.validation)
    mixture = find_phases(model, datasets.plain, datasets.training, held_out, config)
    calibrate(model, datasets.plain, datasets.training, config.training.seed)
    if mixture is not None:
        model.centroids.copy_(torch.from_numpy(mixture.means))
    model.train_through_tables(False)
    draw_losses(history.rows, folder / "losses.png")
    _draw_latents(model, datasets, folder / "latent.png")
    if mixture is not None and len(mixture.names) > 1:
        draw_mixture(*dataset_latents(model, datasets.plain), mixture, folder / "clusters.png")
    summary = _summary(model, config, datasets, split, loaded, history)
    summary["mixture"] = None if mixture is None else mixture.as_dict()
    return save_run(folder, model, summary, _check_frames(datasets.plain))


def _use_tables(model: GraphAutoencoder, datasets: _Datasets, config: TrainConfig) -> None:
    """Train through tables if the model is smooth, and compute once what no parameter changes."""
    if not config.training.tables or config.model.activation not in SMOOTH_ACTIVATIONS:
        return
    if config.model.message == "simple":
        return  # nothing that is learned depends on distance: there is nothing to tabulate
    model.train_through_tables()
    assert model.tables is not None
    for dataset in (datasets.training, datasets.plain, datasets.validation):
        dataset.describe = model.tables.raw_invariants


def configured_frames(config: TrainConfig) -> list[Atoms]:
    """The frames that a configuration names, labeled by phase; see :func:`gnncv.data.load_frames`."""
    data = config.data
    frames: list[Atoms] = []
    for phase in data.phase_names():
        frames += load_frames(data.phases[phase], phase, data.index)
    unlabeled = load_frames(data.unlabeled, None, data.index) if data.unlabeled else []
    for atoms in unlabeled:
        atoms.info.pop("phase", None)
    return frames + unlabeled


def _datasets(frames: list[Atoms], split: Split, config: TrainConfig, topology: Topology | None) -> _Datasets:
    phases = config.data.phase_names()
    labels = {atoms.info.get("phase") for atoms in frames}
    for phase in phases:
        if phase not in labels:
            raise InvalidArgument(f"no frame is labeled {phase!r}, which the configuration names as a phase")
    found = {symbol for atoms in frames for symbol in atoms.get_chemical_symbols()}
    species = sorted(found) if topology is None else topology.kinds
    training = [frames[k] for k in split.training]
    validation = [frames[k] for k in split.validation]
    cutoff, seed, augmentation = config.model.cutoff, config.training.seed, config.augmentation
    volumes = augmentation.volume_range(training)
    same = partial(
        GraphDataset,
        cutoff=cutoff,
        species=species,
        phases=phases,
        topology=topology,
        node_features=config.model.node_features,
    )
    changed = partial(same, augmentation=augmentation, volume_range=volumes)
    return _Datasets(
        changed(training, seed=seed),
        same(training),
        changed(validation, seed=seed + 1, fixed=True),
        same(validation),
    )


def _optimize(
    model: GraphAutoencoder,
    datasets: _Datasets,
    config: TrainConfig,
    folder: Path,
    checkpoint: Path | None,
    history: History,
    progress: bool,
) -> dict[str, torch.Tensor]:
    """Train on the training frames and return the weights with the smallest validation loss."""
    settings = config.training
    order = EpochOrder(len(datasets.training), settings.seed)
    training, validation = (
        # a generator of their own: a loader draws from it when iteration starts, at a resume once more
        torch.utils.data.DataLoader(
            dataset, settings.batch_size, sampler=sampler, collate_fn=collate, generator=torch.Generator()
        )
        for dataset, sampler in ((datasets.training, order), (datasets.validation, None))
    )
    leave = EpochCheckpoints(folder / CHECKPOINTS, settings.checkpoint_every)
    callbacks = [SeedEpoch(order, datasets.training), history, leave]
    module = AutoencoderModule(model, config)
    return best_weights(module, training, validation, settings, folder, checkpoint, callbacks, progress)


def _check_frames(dataset: GraphDataset) -> list[Atoms]:
    """The first frame of every phase."""
    seen: dict[int, Atoms] = {}
    for atoms, label in zip(dataset.frames, dataset.labels, strict=True):
        seen.setdefault(label, atoms)
    return list(seen.values())


def _draw_latents(model: GraphAutoencoder, datasets: _Datasets, path: Path) -> None:
    values, phases = frame_outputs(model, datasets.plain)
    held_out, held_out_phases = frame_outputs(model, datasets.validation_plain)
    latents = np.concatenate([values, held_out])[:, : model.config.latent]
    draw_latent_space(latents, np.concatenate([phases, held_out_phases]), model.phases, path)


def _summary(
    model: GraphAutoencoder,
    config: TrainConfig,
    datasets: _Datasets,
    split: Split,
    frames: list[Atoms],
    history: History,
) -> dict[str, Any]:
    best = min(history.rows, key=lambda row: row["validation_loss"])
    return {
        "model": config.model.model_dump(),
        "species": model.species,
        "topology": None if model.topology is None else model.topology.as_dict(),
        "stage1": None if model.encoder.molecules is None else config.stage1.model_dump(mode="json"),
        "phases": model.phases,
        "config": config.model_dump(mode="json"),
        "data_hash": data_hash(frames),
        "n_training_frames": len(split.training),
        "n_validation_frames": len(split.validation),
        "gap_frames": split.gaps,
        "n_epochs": len(history.rows),
        "best_epoch": best,
        "n_parameters": sum(p.numel() for p in model.parameters()),
        "validation": output_statistics(model, datasets.validation_plain),
        "validation_augmented": output_statistics(model, datasets.validation),
    }
