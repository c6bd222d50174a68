"""From sites to a configuration, as a model's configuration says."""

from torch import nn

from gnncv.data.graph import GraphBatch
from gnncv.nn import ACTIVATIONS, operators
from gnncv.nn.layers import (
    AssignmentPooling,
    AttentionPooling,
    Edges,
    MaxPooling,
    MeanPooling,
    SumPooling,
    TopKPooling,
)

from .config import ModelConfig

WITH_EDGES = (AssignmentPooling, TopKPooling)


def make_pooling(config: ModelConfig) -> nn.Module:
    """The layer that ``config.pooling`` names, on latents."""
    activation = ACTIVATIONS[config.activation]()
    if config.pooling == "attention":
        return AttentionPooling(config.latent, config.width, activation)
    if config.pooling == "assignment":
        return AssignmentPooling(config.latent, config.n_clusters, activation)
    if config.pooling == "top_k":
        return TopKPooling(config.latent, config.kept_share)
    return {"mean": MeanPooling, "sum": SumPooling, "max": MaxPooling}[config.pooling]()


def edges_of(batch: GraphBatch, switching: nn.Module) -> Edges:
    """The pairs of a batch with the weights of the switching function."""
    weights = switching(operators.pair_distances(batch.vectors))
    return Edges(batch.center, batch.neighbor, weights)
