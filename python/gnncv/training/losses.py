"""The terms of the autoencoder's loss."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from gnncv.data.graph import NO_PHASE, GraphBatch
from gnncv.models import Encoding, GraphAutoencoder
from gnncv.nn import operators
from gnncv.nn.layers import DivergenceLoss, ReconstructionLoss

from .config import LossConfig
from .pooled_loss import pooled_loss


@dataclass
class LossTerms:
    """Each term before its weight, and the share of sites (of labeled frames) whose phase is right."""

    reconstruction: Tensor
    adjacency: Tensor
    divergence: Tensor
    phase: Tensor
    pooled: Tensor
    accuracy: Tensor

    def total(self, weights: LossConfig) -> Tensor:
        """The weighted sum that is minimized."""
        return (
            weights.reconstruction * self.reconstruction
            + weights.adjacency * self.adjacency
            + weights.divergence * self.divergence
            + weights.phase * self.phase
            + weights.pooled * self.pooled
        )


def autoencoder_loss(
    model: GraphAutoencoder, batch: GraphBatch, encoding: Encoding, variational: bool = True
) -> LossTerms:
    """Evidence lower bound of the autoencoder (Kingma & Welling, arXiv:1312.6114, 2014), and labels.

    The reconstruction is the mean squared error of the standardized invariants; the divergence that of the
    latents from the standard normal distribution; adjacency the cross entropy of the decoded edges against
    the switching function; phase that of the site classifier; pooled that of :func:`pooled_loss`. Without
    ``variational`` the means are decoded, not samples: reconstruction alone.
    """
    rebuilding = _rebuilding_terms(model, batch, encoding, variational)
    phase, accuracy = _phase_terms(model, batch, encoding.mean)
    pooled = pooled_loss(model, batch, encoding)
    return LossTerms(*rebuilding, phase, pooled, accuracy)


def _rebuilding_terms(
    model: GraphAutoencoder, batch: GraphBatch, encoding: Encoding, variational: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Reconstruction, adjacency and divergence; of a classifier alone the last, which bounds its latents."""
    zero = encoding.mean.new_zeros(())
    divergence = DivergenceLoss()(encoding.mean, encoding.log_variance)
    if model.environment_decoder is None or model.adjacency_decoder is None:
        return zero, zero, divergence
    latents = encoding.sample() if model.training and variational else encoding.mean
    target = reconstruction_target(encoding.invariants)
    reconstruction = ReconstructionLoss()(model.environment_decoder(latents), target)
    adjacency = zero
    if batch.center.shape[0] > 0:
        with torch.no_grad():
            joined = model.encoder.environment.switching(operators.pair_distances(batch.vectors))
        adjacency = operators.adjacency_entropy(
            model.adjacency_decoder(latents), joined, batch.neighbor, batch.row_ptr
        )
    return reconstruction, adjacency, divergence


def reconstruction_target(invariants: Tensor) -> Tensor:
    """What the decoder rebuilds: each site's own standardized invariants, as given data."""
    return invariants.detach()


def _phase_terms(model: GraphAutoencoder, batch: GraphBatch, mean: Tensor) -> tuple[Tensor, Tensor]:
    labels = batch.phase[batch.frame]
    labeled = labels != NO_PHASE
    if model.phase_head is None or not bool(labeled.any()):
        return mean.new_zeros(()), mean.new_full((), float("nan"))
    logits = model.phase_head(mean[labeled])
    accuracy = (logits.argmax(dim=1) == labels[labeled]).to(mean.dtype).mean()
    return functional.cross_entropy(logits, labels[labeled]), accuracy
