"""Layers of gnncv models: pair operators, radial functions, environment invariants, attention."""

from .activation import ACTIVATIONS, SMOOTH_ACTIVATIONS
from .attention import AttentionLayer
from .environment import EnvironmentInvariants
from .latent_density import LatentDensity
from .radial import GaussianBasis
from .switching import HardCutoff, QuinticSwitching

__all__ = [
    "ACTIVATIONS",
    "SMOOTH_ACTIVATIONS",
    "AttentionLayer",
    "EnvironmentInvariants",
    "GaussianBasis",
    "HardCutoff",
    "LatentDensity",
    "QuinticSwitching",
]
