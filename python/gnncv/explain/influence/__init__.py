"""TracIn: the influence of training frames, from the checkpoints that training left."""

from gnncv.explain.influence.checkpoint import Checkpoint, as_checkpoints
from gnncv.explain.influence.result import Influence, Influencer
from gnncv.explain.influence.source import InfluenceSource
from gnncv.explain.influence.torch_geometric_source import TorchGeometricSource
from gnncv.explain.influence.tracin import self_influence, tracin

__all__ = [
    "Checkpoint",
    "Influence",
    "InfluenceSource",
    "Influencer",
    "TorchGeometricSource",
    "as_checkpoints",
    "self_influence",
    "tracin",
]
