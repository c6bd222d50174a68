"""Names of the invariants of a site, in the order a model has them."""

from gnncv.nn import EnvironmentInvariants, RadialInvariants
from gnncv.nn.reference import count_orientation_terms

from .autoencoder import GraphAutoencoder


def feature_names(model: GraphAutoencoder) -> list[str]:
    """One name for each of the F invariants that start a model's sites.

    ``q4[Ar,r2]`` is the magnitude of degree 4 over neighbors of a species with radial function 2 (both
    counted from the innermost), ``averaged`` the same averaged over the neighbors.
    """
    environment, species = model.encoder.environment, model.species
    if isinstance(environment, RadialInvariants):
        named = [f"g[{name},r{k + 1}]" for name in species for k in range(environment.n_radial)]
    else:
        named = _orders(environment, species)
    named.append("coordination")
    orientation = model.encoder.orientation
    if orientation is not None:
        terms = count_orientation_terms(orientation.headless, orientation.degree)
        n_channels = orientation.n_features // (terms * (2 if orientation.average else 1))
        own = [f"orientation{t + 1}[{k + 1}]" for k in range(n_channels) for t in range(terms)]
        named += own + ([f"averaged {name}" for name in own] if orientation.average else [])
    return named


def _orders(environment: EnvironmentInvariants, species: list[str]) -> list[str]:
    n_radial = len(environment.basis.centers)
    own = [
        f"q{degree}[{name},r{k + 1}]"
        for name in species
        for k in range(n_radial)
        for degree in range(environment.l_max + 1)
    ]
    return own + [f"averaged {name}" for name in own]
