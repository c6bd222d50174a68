"""The molecule autoencoder as Lightning trains it."""

from typing import Any

import lightning
import torch
from torch import Tensor

from gnncv.models import MoleculeAutoencoder, MoleculeReconstruction

from .module import EpochOrder, adam_with_cosine
from .molecule_config import MoleculeLossConfig
from .optimization_config import Optimization

TERMS = ("loss", "reconstruction", "types", "slope", "divergence", "accuracy")


def molecule_loss(
    model: MoleculeAutoencoder,
    descriptors: Tensor,
    encoded: MoleculeReconstruction,
    weights: MoleculeLossConfig,
) -> dict[str, Tensor]:
    """The terms of the loss, ``loss`` their weighted sum, and the share of atoms whose element is rebuilt.

    ``encoded`` is what the model makes of ``descriptors`` ``(B, D)``.
    """
    elements = model.encoder.elements.expand(len(encoded.mean), -1)
    terms = {
        "reconstruction": model.reconstruction_error(encoded.true, encoded.rebuilt).mean(),
        "types": torch.nn.functional.cross_entropy(encoded.type_logits.transpose(1, 2), elements),
        "slope": model.slope(descriptors, encoded.mean) if weights.slope > 0 else encoded.mean.new_zeros(()),
        # from the standard normal distribution, a molecule (Kingma and Welling, arXiv:1312.6114, appendix B)
        "divergence": 0.5
        * (encoded.mean.square() + encoded.log_variance.exp() - 1.0 - encoded.log_variance).sum(1).mean(),
    }
    loss = sum(getattr(weights, name) * value for name, value in terms.items())
    accuracy = (encoded.type_logits.argmax(2) == elements).double().mean()
    return {"loss": loss, **terms, "accuracy": accuracy}


class MoleculeModule(lightning.LightningModule):
    """Loss, optimizer and learning-rate schedule around a :class:`MoleculeAutoencoder`."""

    def __init__(
        self, model: MoleculeAutoencoder, weights: MoleculeLossConfig, settings: Optimization
    ) -> None:
        super().__init__()
        self.model = model
        self.weights = weights
        self.settings = settings

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return self._step(batch[0], "train", sample=self.weights.divergence > 0)

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return self._step(batch[0], "validation", sample=False)

    def _step(self, descriptors: Tensor, stage: str, sample: bool) -> Tensor:
        terms = molecule_loss(self.model, descriptors, self.model(descriptors, sample), self.weights)
        for name, value in terms.items():
            self.log(
                f"{stage}_{name}",
                value,
                on_step=False,
                on_epoch=True,
                batch_size=len(descriptors),
                prog_bar=name == "loss",
            )
        return terms["loss"]

    def configure_optimizers(self) -> Any:
        return adam_with_cosine(self.model, self.settings)


def batches(descriptors: Tensor, order: EpochOrder | None, size: int) -> torch.utils.data.DataLoader[Any]:
    """A loader of whole batches of descriptors ``(B, D)``, in an order of its own or as they are."""
    rows = order if order is not None else torch.utils.data.SequentialSampler(descriptors)
    return torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(descriptors),
        batch_size=None,
        sampler=torch.utils.data.BatchSampler(rows, size, drop_last=False),
        generator=torch.Generator(),  # of its own: see fit
    )
