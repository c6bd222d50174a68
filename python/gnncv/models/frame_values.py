"""The outputs of whole frames in PyTorch, whatever a model is made of: for analysis and calibration."""

import torch
from torch import Tensor

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
    cvs = CollectiveVariables(model)
    columns = cvs.outcomes(encoding.mean, encoding.invariants)
    if cvs.score is not None:
        columns = columns[:, :-1]
    latents = frame_latents(model, encoding.mean, batch)
    outputs = []
    for k in range(batch.n_frames):
        sums = reference.site_sums(columns[batch.frame == k])
        sums = torch.cat([latents[k] * sums[-1], sums[cvs.n_latent :]])
        pooled = (cvs.n_latent, cvs.sum_pooling, cvs.softness, cvs.power)
        outputs.append(reference.pooled_outputs(sums, cvs.centroids, *pooled))
    return torch.stack(outputs)
