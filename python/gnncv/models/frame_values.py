"""The outputs of whole frames in PyTorch, whatever a model is made of: for analysis and calibration."""

from collections.abc import Sequence

import numpy as np
import torch
from ase import Atoms
from numpy.typing import NDArray
from torch import Tensor

from gnncv.data import GraphDataset, collate
from gnncv.data.graph import GraphBatch
from gnncv.nn import reference
from gnncv.nn.layers import MeanPooling, SumPooling

from .autoencoder import GraphAutoencoder
from .collective_variables import CollectiveVariables


def frame_latents(model: GraphAutoencoder, mean: Tensor, batch: GraphBatch) -> Tensor:
    """Latents ``(B, L)``, float64, of which centroids are made and with which ``progress`` is measured.

    Those that ``model.pool`` makes of the sites' ``(N, L)``; means where latents are given as sums.
    """
    if isinstance(model.pooling, MeanPooling | SumPooling):
        return MeanPooling()(mean.double(), batch.frame, batch.n_frames)
    return model.pool(mean, batch).double()


@torch.no_grad()
def frame_values(model: GraphAutoencoder, batch: GraphBatch) -> Tensor:
    """Outputs ``(B, K)``, float64, of each frame, in the order of their names.

    Also of models that may not be exported: of those that may, this is what the exported file gives.
    """
    encoding = model.encode(batch)
    return pooled_values(model, encoding.mean, encoding.invariants, batch)


def pooled_values(model: GraphAutoencoder, mean: Tensor, invariants: Tensor, batch: GraphBatch) -> Tensor:
    """Outputs ``(B, K)``, float64, from the sites' latent means ``(N, L)`` and invariants ``(N, F)``."""
    cvs = CollectiveVariables(model)
    columns = cvs.outcomes(mean, invariants)
    if cvs.score is not None:
        columns = columns[:, :-1]
    latents = frame_latents(model, mean, batch)
    outputs = []
    for k in range(batch.n_frames):
        sums = reference.site_sums(columns[batch.frame == k])
        sums = torch.cat([latents[k] * sums[-1], sums[cvs.n_latent :]])
        pooled = (cvs.n_latent, cvs.sum_pooling, cvs.softness, cvs.power)
        outputs.append(reference.pooled_outputs(sums, cvs.centroids, *pooled))
    values = torch.stack(outputs)
    return values if cvs.decoder is not None else values[:, :-1]


def evaluate_frames(model: GraphAutoencoder, frames: Sequence[Atoms]) -> NDArray[np.float64]:
    """Outputs ``(B, K)`` of frames, also of a model that may not be exported.

    Parameters
    ----------
    model
        Trained: ``gnncv.training.load_run(folder).model``.
    frames
        With momenta where the model is given velocities.

    Returns
    -------
    ndarray
        In the order of :func:`gnncv.models.collective_variables.output_names`.
    """
    dataset = GraphDataset(
        frames,
        model.config.cutoff,
        model.species,
        topology=model.topology,
        node_features=model.config.node_features,
    )
    dtype = next(model.parameters()).dtype
    batches = (collate([dataset[k]]).to("cpu", dtype) for k in range(len(dataset)))
    return np.concatenate([frame_values(model, batch).numpy() for batch in batches])
