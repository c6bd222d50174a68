"""Every layer that the two-stage design names, with what each does to a collective variable.

Message passing, pooling and its reverse, decoders, concatenation and losses; the registry of their properties
is :mod:`gnncv.nn.layers.properties`. Some are for analysis only, and say so in their ``facts``.
"""

from .aggregation import NeighborMax, NeighborMean, NetworkAggregation, NormalizedSum
from .assignment_pooling import AssignmentPooling, CoarseGraph, ReversePooling, dense_pool, unpool
from .attention_pooling import AttentionPooling, bounded_weights
from .concatenation import (
    AttentionConcatenation,
    SiteAttention,
    SwitchedConcatenation,
    ThresholdConcatenation,
    concatenate_nodes,
)
from .decoders import FeatureDecoder, InnerProductDecoder
from .edges import Edges, frame_sums
from .losses import DivergenceLoss, ReconstructionLoss, VariationalLoss, sample
from .message import AGGREGATIONS, UPDATES, MessageLayer
from .pooling import MaxPooling, MeanPooling, SumPooling
from .properties import OPTIONS, Facts, Option, first_refused
from .self_weight import SelfWeight
from .top_k_pooling import TopKPooling
from .update import MaxUpdate, MeanUpdate, NetworkUpdate, RecurrentUpdate

__all__ = [
    "AGGREGATIONS",
    "OPTIONS",
    "UPDATES",
    "AssignmentPooling",
    "AttentionConcatenation",
    "AttentionPooling",
    "CoarseGraph",
    "DivergenceLoss",
    "Edges",
    "Facts",
    "FeatureDecoder",
    "InnerProductDecoder",
    "MaxPooling",
    "MaxUpdate",
    "MeanPooling",
    "MeanUpdate",
    "MessageLayer",
    "NeighborMax",
    "NeighborMean",
    "NetworkAggregation",
    "NetworkUpdate",
    "NormalizedSum",
    "Option",
    "ReconstructionLoss",
    "RecurrentUpdate",
    "ReversePooling",
    "SelfWeight",
    "SiteAttention",
    "SumPooling",
    "SwitchedConcatenation",
    "ThresholdConcatenation",
    "TopKPooling",
    "VariationalLoss",
    "bounded_weights",
    "concatenate_nodes",
    "dense_pool",
    "first_refused",
    "frame_sums",
    "sample",
    "unpool",
]
