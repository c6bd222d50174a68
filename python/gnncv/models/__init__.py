"""Models: the configuration autoencoder and the collective variables read from it."""

from .autoencoder import Encoding, GraphAutoencoder
from .collective_variables import CollectiveVariables
from .config import ModelConfig

__all__ = ["CollectiveVariables", "Encoding", "GraphAutoencoder", "ModelConfig"]
