"""Weights of some epochs, left by training for those who ask later what it learned from which frame."""

from pathlib import Path
from typing import Any

import lightning
import torch

from gnncv.files.atomic import write_atomic

PATTERN = "epoch-*.ckpt"


class EpochCheckpoints(lightning.Callback):
    """Writes ``epoch-NNNN.ckpt`` after every so many epochs.

    Each file holds ``epoch`` (how many are finished), ``learning_rate`` (of that epoch) and ``state_dict``
    (the model's weights, without those of the optimizer): about 64 kB for a model of the default size, a
    third of what ``last.ckpt`` takes. A resumed run writes those that were still missing.

    Parameters
    ----------
    folder
        Made if it is not there.
    every
        Epochs from one file to the next; 0 writes none.
    """

    def __init__(self, folder: Path, every: int) -> None:
        self.folder = folder
        self.every = every
        self.learning_rate = 0.0

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        # here, for at the end of the epoch the schedule may have gone on to the next one
        self.learning_rate = float(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        finished = trainer.current_epoch + 1
        if self.every == 0 or finished % self.every:
            return
        model = pl_module.get_submodule("model")
        content: dict[str, Any] = {
            "epoch": finished,
            "learning_rate": self.learning_rate,
            "state_dict": {name: tensor.cpu() for name, tensor in model.state_dict().items()},
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        with write_atomic(self.folder / f"epoch-{finished:04d}.ckpt", overwrite=True) as temporary:
            torch.save(content, temporary)
