"""The autoencoder as Lightning trains it."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor

from gnncv.data import GraphBatch, GraphDataset
from gnncv.models import GraphAutoencoder

from .config import TrainConfig
from .losses import autoencoder_loss
from .optimization_config import Optimization


class AutoencoderModule(lightning.LightningModule):
    """Loss, optimizer and learning-rate schedule around a :class:`GraphAutoencoder`."""

    def __init__(self, model: GraphAutoencoder, config: TrainConfig) -> None:
        super().__init__()
        self.model = model
        self.config = config

    def transfer_batch_to_device(
        self, batch: GraphBatch, device: torch.device, dataloader_idx: int
    ) -> GraphBatch:
        return batch.to(device, next(self.model.parameters()).dtype)

    def on_train_epoch_start(self) -> None:
        if self.model.tables is not None:
            self.model.tables.fit_intervals()  # from the weights alone, so that a resumed run does the same

    def training_step(self, batch: GraphBatch, batch_idx: int) -> Tensor:
        return self._step(batch, "train")

    def validation_step(self, batch: GraphBatch, batch_idx: int) -> Tensor:
        return self._step(batch, "validation")

    def _step(self, batch: GraphBatch, stage: str) -> Tensor:
        variational = self.config.loss.divergence > 0.0
        terms = autoencoder_loss(self.model, batch, self.model.encode(batch), variational)
        loss = terms.total(self.config.loss)
        options: dict[str, Any] = {"on_step": False, "on_epoch": True, "batch_size": batch.n_frames}
        for field in fields(terms):
            self.log(f"{stage}_{field.name}", getattr(terms, field.name), **options)
        self.log(f"{stage}_loss", loss, prog_bar=True, **options)
        return loss

    def configure_optimizers(self) -> Any:
        return adam_with_cosine(self.model, self.config.training)


def adam_with_cosine(model: torch.nn.Module, settings: Optimization) -> dict[str, Any]:
    """AdamW, and a learning rate that falls to a fiftieth along half a cosine."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, settings.epochs, eta_min=0.02 * settings.learning_rate
    )
    return {"optimizer": optimizer, "lr_scheduler": schedule}


class EpochOrder(torch.utils.data.Sampler[int]):
    """A random order that depends on seed and epoch alone, so that a resumed run draws what it would have."""

    def __init__(self, n_frames: int, seed: int) -> None:
        self.n_frames = n_frames
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.n_frames

    def __iter__(self) -> Iterator[int]:
        generator = np.random.default_rng([self.seed, self.epoch])
        yield from generator.permutation(self.n_frames).tolist()


class SeedEpoch(lightning.Callback):
    """Let order, augmentation and latent noise of each epoch depend on seed and epoch alone."""

    def __init__(self, order: EpochOrder, dataset: GraphDataset | None = None) -> None:
        self.order = order
        self.dataset = dataset

    def on_load_checkpoint(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        # Checkpoints are of finished epochs; Lightning draws the first batch before the epoch's own hook.
        self._set_epoch(checkpoint["epoch"] + 1)

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        seeds = np.random.SeedSequence([self.order.seed, trainer.current_epoch])
        torch.manual_seed(int(seeds.generate_state(1)[0]))

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._set_epoch(trainer.current_epoch + 1)

    def _set_epoch(self, epoch: int) -> None:
        if self.dataset is not None:
            self.dataset.set_epoch(epoch)
        self.order.set_epoch(epoch)
