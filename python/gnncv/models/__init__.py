"""Models: the molecule and the configuration autoencoder, and the collective variables read from it."""

from .autoencoder import Encoding, GraphAutoencoder
from .collective_variables import CollectiveVariables
from .config import ModelConfig
from .frame_values import evaluate_frames
from .molecule_autoencoder import MoleculeAutoencoder, MoleculeReconstruction
from .molecule_config import MoleculeConfig
from .molecule_encoder import MoleculeEncoder

__all__ = [
    "CollectiveVariables",
    "Encoding",
    "GraphAutoencoder",
    "ModelConfig",
    "MoleculeAutoencoder",
    "MoleculeConfig",
    "MoleculeEncoder",
    "MoleculeReconstruction",
    "evaluate_frames",
]
