"""Lightning's loop, the same for every model: checkpoints, early stopping, progress."""

import logging
import sys
import warnings
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, TQDMProgressBar

from .optimization_config import Optimization
from .run_folder import CHECKPOINTS


def best_weights(
    module: lightning.LightningModule,
    training: Iterable[Any],
    validation: Iterable[Any],
    settings: Optimization,
    folder: Path,
    checkpoint: Path | None,
    callbacks: list[lightning.Callback],
    progress: bool,
) -> dict[str, torch.Tensor]:
    """Train ``module.model`` and return its weights of the epoch with the smallest ``validation_loss``.

    Parameters
    ----------
    module
        Logs ``validation_loss``; left on the CPU.
    training, validation
        Loaders of batches.
    settings
        How long and how fast.
    folder
        Of the run: its ``checkpoints/`` holds ``best.ckpt`` and ``last.ckpt``.
    checkpoint
        Where to go on from; ``None`` starts anew.
    callbacks
        Called beside those of the loop.
    progress
        Show a bar, on standard error.
    """
    saver = ModelCheckpoint(
        folder / CHECKPOINTS,
        "best",
        monitor="validation_loss",
        save_last=True,
        save_on_train_epoch_end=True,  # after the schedule has stepped, so that a resumed run goes on exactly
        enable_version_counter=False,
    )
    callbacks = [*callbacks, saver, EarlyStopping("validation_loss", patience=settings.patience)]
    if progress:
        callbacks.append(TQDMProgressBar(refresh_rate=5))
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
        trainer = lightning.Trainer(
            max_epochs=settings.epochs,
            accelerator=settings.accelerator,
            devices=1,
            callbacks=callbacks,
            logger=False,
            enable_progress_bar=progress,
            enable_model_summary=False,
            gradient_clip_val=settings.gradient_clip,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
        with redirect_stdout(sys.stderr):  # where progress belongs; results go to standard output
            trainer.fit(module, training, validation, ckpt_path=checkpoint)
    module.to("cpu")
    weights = torch.load(saver.best_model_path, weights_only=True, map_location="cpu")["state_dict"]
    return {name.removeprefix("model."): tensor for name, tensor in weights.items()}
