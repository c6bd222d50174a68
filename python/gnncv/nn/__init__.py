"""Layers of gnncv models: pair operators, radial functions, environment invariants, message passing."""

from .activation import ACTIVATIONS, SMOOTH_ACTIVATIONS
from .attention import AttentionLayer
from .environment import EnvironmentInvariants, RadialInvariants
from .filter import FilterLayer
from .latent_density import LatentDensity
from .orientation import OrientationInvariants
from .radial import GaussianBasis
from .site_network import SiteNetwork, side_by_side
from .switching import HardCutoff, QuinticSwitching

__all__ = [
    "ACTIVATIONS",
    "SMOOTH_ACTIVATIONS",
    "AttentionLayer",
    "EnvironmentInvariants",
    "FilterLayer",
    "GaussianBasis",
    "HardCutoff",
    "LatentDensity",
    "OrientationInvariants",
    "QuinticSwitching",
    "RadialInvariants",
    "SiteNetwork",
    "side_by_side",
]
