"""Models: the molecule and the configuration autoencoder, and the collective variables read from it."""

from .autoencoder import Encoding, GraphAutoencoder
from .collective_variables import CollectiveVariables
from .config import ModelConfig
from .exported_graph_function import ExportedGraphFunction
from .frame_values import evaluate_frames
from .graph_function import TrainedGraphFunction
from .molecule_autoencoder import MoleculeAutoencoder, MoleculeReconstruction
from .molecule_config import MoleculeConfig
from .molecule_encoder import MoleculeEncoder

__all__ = [
    "CollectiveVariables",
    "Encoding",
    "ExportedGraphFunction",
    "GraphAutoencoder",
    "ModelConfig",
    "MoleculeAutoencoder",
    "MoleculeConfig",
    "MoleculeEncoder",
    "MoleculeReconstruction",
    "TrainedGraphFunction",
    "evaluate_frames",
]
