"""The phases of a trained model, from labels or clusters: their mixture, and the classifier of clusters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from ase import Atoms
from numpy.typing import NDArray
from torch import Tensor, nn

from gnncv.data import GraphDataset
from gnncv.models import GraphAutoencoder

from .calibration import dataset_latents, site_latents
from .config import TrainConfig
from .mixture import Mixture, cluster, labeled_mixture

Array = NDArray[np.float64]

STEPS = 400
BATCH = 4096
LEARNING_RATE = 1e-2


def find_phases(
    model: GraphAutoencoder,
    plain: GraphDataset,
    training: GraphDataset,
    validation: Sequence[GraphDataset],
    config: TrainConfig,
) -> Mixture | None:
    """Describe the phases' latents by a mixture; where there are no labels, find phases as clusters.

    Clusters become the phases of model and data sets, and their responsibilities the labels on which a
    classifier of sites is trained, so that such a model has the outputs of a labeled one: how many sites are
    like the second cluster, and which, is what tells a nucleus.

    Parameters
    ----------
    model
        Trained, not yet calibrated.
    plain, training
        The training frames as they are and as drawn (augmented), in the same order.
    validation
        Data sets of one list of validation frames, the plain one first; they are labeled too.
    config
        Its ``clusters`` say how.

    Returns
    -------
    Mixture or None
        None without labels and clusters.
    """
    latents, labels = dataset_latents(model, plain)
    if config.clusters is None:
        return labeled_mixture(latents, labels, model.phases) if model.phases else None
    seed = config.training.seed
    mixture = cluster(latents, volumes_per_atom(plain.frames), config.clusters, seed)
    for dataset in (plain, training):
        dataset.set_labels(mixture.names, mixture.labels)
    held_out = mixture.classify(dataset_latents(model, validation[0])[0])
    for dataset in validation:
        dataset.set_labels(mixture.names, held_out)
    model.adopt_phases(mixture.names)
    assert model.phase_head is not None
    train_head(model.phase_head, *_sites(model, training, mixture.responsibilities), seed)
    sure = np.eye(len(mixture.names))[held_out]
    accuracy = head_accuracy(model.phase_head, *_sites(model, validation[-1], sure))
    mixture.facts["site_accuracy_on_validation"] = accuracy
    return mixture


def volumes_per_atom(frames: Sequence[Atoms]) -> Array | None:
    """Cubic angstrom, ``(B,)``; None where a frame is not periodic in all directions."""
    if not all(atoms.pbc.all() for atoms in frames):
        return None
    return np.array([atoms.get_volume() / len(atoms) for atoms in frames])


def _sites(model: GraphAutoencoder, dataset: GraphDataset, target: Array) -> tuple[Tensor, Tensor]:
    """Latents ``(N, L)`` of all sites of a data set, and their frames' targets ``(N, K)``."""
    latents, frame = site_latents(model, dataset)
    return latents, torch.from_numpy(target).to(latents.dtype)[frame]


def train_head(head: nn.Module, latents: Tensor, target: Tensor, seed: int) -> None:
    """Cross entropy with probabilities ``(N, K)`` as targets, each class of the same weight."""
    generator = torch.Generator().manual_seed(seed)
    weight = 1.0 / target.sum(dim=0).clamp(min=1.0)
    weight = weight / weight.mean()
    optimizer = torch.optim.Adam(head.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        drawn = torch.randint(len(latents), (min(BATCH, len(latents)),), generator=generator)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(head(latents[drawn]), target[drawn], weight=weight)
        loss.backward()
        optimizer.step()
        schedule.step()


@torch.no_grad()
def head_accuracy(head: nn.Module, latents: Tensor, target: Tensor) -> float:
    """Share of sites that are given the class of their frame."""
    return float((head(latents).argmax(dim=1) == target.argmax(dim=1)).double().mean())
