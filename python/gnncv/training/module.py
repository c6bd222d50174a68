"""The autoencoder as Lightning trains it."""

from dataclasses import fields
from typing import Any

import lightning
import torch
from torch import Tensor

from gnncv.data import GraphBatch
from gnncv.models import GraphAutoencoder

from .config import TrainConfig
from .losses import autoencoder_loss


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

    def training_step(self, batch: GraphBatch, batch_idx: int) -> Tensor:
        return self._step(batch, "train")

    def validation_step(self, batch: GraphBatch, batch_idx: int) -> Tensor:
        return self._step(batch, "validation")

    def _step(self, batch: GraphBatch, stage: str) -> Tensor:
        terms = autoencoder_loss(self.model, batch, self.model.encode(batch))
        loss = terms.total(self.config.loss)
        options: dict[str, Any] = {"on_step": False, "on_epoch": True, "batch_size": batch.n_frames}
        for field in fields(terms):
            self.log(f"{stage}_{field.name}", getattr(terms, field.name), **options)
        self.log(f"{stage}_loss", loss, prog_bar=True, **options)
        return loss

    def configure_optimizers(self) -> Any:
        settings = self.config.training
        optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, settings.epochs, eta_min=0.02 * settings.learning_rate
        )
        return {"optimizer": optimizer, "lr_scheduler": schedule}


class AugmentAnew(lightning.Callback):
    """Tell the training data which epoch it is, so that each epoch draws other augmented frames."""

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        loader: Any = trainer.train_dataloader
        loader.dataset.set_epoch(trainer.current_epoch)
