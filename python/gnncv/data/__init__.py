"""Data: frames from files, their graphs, augmentation, and the split into training and validation."""

from .augmentation import Augmentation
from .dataset import GraphDataset, collate
from .deformation import deform, rescaled_to
from .frames import data_hash, iterate_frames, load_frames
from .graph import Graph, GraphBatch, build_graph
from .split import Split, assign_frames, split_frames

__all__ = [
    "Augmentation",
    "Graph",
    "GraphBatch",
    "GraphDataset",
    "Split",
    "assign_frames",
    "build_graph",
    "collate",
    "data_hash",
    "deform",
    "iterate_frames",
    "load_frames",
    "rescaled_to",
    "split_frames",
]
