"""Encoder: from pair vectors to a latent distribution per site."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gnncv.nn import (
    ACTIVATIONS,
    AttentionLayer,
    EnvironmentInvariants,
    FilterLayer,
    HardCutoff,
    OrientationInvariants,
    QuinticSwitching,
    RadialInvariants,
)
from gnncv.nn.layers import (
    AttentionConcatenation,
    MessageLayer,
    SwitchedConcatenation,
    ThresholdConcatenation,
)
from gnncv.nn.operators import pair_geometry
from gnncv.nn.radial import GaussianBasis

from .config import ModelConfig
from .molecule_embeddings import MoleculeEmbeddings


class SiteEncoder(nn.Module):
    """Environment invariants and species, refined by messages, to the mean and variance of site latents.

    Without ``config.invariants`` the species alone are refined, and the invariants given back, for the
    decoder to rebuild, are those of distances.

    Parameters
    ----------
    config
        Hyperparameters.
    n_species
        Number of species, or of kinds of sites.
    molecules
        Embeddings of molecules, which sites start from, too; ``None`` for atoms.
    headless
        For each axis of a site whether it is headless; none: sites have no axes.
    """

    feature_mean: Tensor
    feature_scale: Tensor

    def __init__(
        self,
        config: ModelConfig,
        n_species: int,
        molecules: MoleculeEmbeddings | None = None,
        headless: Sequence[bool] = (),
    ) -> None:
        super().__init__()
        switching: nn.Module = (
            QuinticSwitching(config.cutoff, config.switching_onset) if config.fades else HardCutoff()
        )
        activation = ACTIVATIONS[config.activation]
        self.invariants = config.invariants
        self.environment: EnvironmentInvariants | RadialInvariants
        if config.invariants:
            self.environment = EnvironmentInvariants(
                config.cutoff, switching, n_species, config.n_radial, config.l_max
            )
        else:
            self.environment = RadialInvariants(config.cutoff, switching, n_species, config.n_radial)
        self.orientation: OrientationInvariants | None = None
        if config.invariants and config.orientation and len(headless) > 0:
            self.orientation = OrientationInvariants(
                config.cutoff, switching, n_species, config.n_radial, headless, config.orientation_degree
            )
        n_features = self.environment.n_features
        if self.orientation is not None:
            n_features += self.orientation.n_features
        self.register_buffer("feature_mean", torch.zeros(n_features, dtype=torch.float64))
        self.register_buffer("feature_scale", torch.ones(n_features, dtype=torch.float64))
        self.species_embedding = nn.Embedding(n_species, 8)
        self.molecules = molecules
        n_known = 8 + (0 if molecules is None else molecules.n_embedding) + 3 * len(config.node_features)
        self.embed = nn.Sequential(
            nn.Linear((n_features if config.invariants else 0) + n_known, config.width),
            activation(),
            nn.Linear(config.width, config.width),
        )
        self.basis = GaussianBasis(0.0, config.cutoff, config.n_basis)
        self.join = _concatenation(config, switching)
        layers = [_layer(config, n_species) for _ in range(config.n_layers)]
        self.layers = nn.ModuleList(layers)
        # how many bonds away an atom can change a latent, or the reconstruction error that goes into novelty
        described = self.environment.hops
        if self.orientation is not None:
            described = max(described, self.orientation.hops)
        first = described if config.invariants else 0
        weights = first if config.concatenation == "attention" else 0  # what edges depend on
        for layer in layers:
            first = max(first + 1, weights + layer.hops)
        self.hops = max(described, first)
        self.latent_mean = nn.Sequential(activation(), nn.Linear(config.width, config.latent))
        self.latent_log_variance = nn.Sequential(activation(), nn.Linear(config.width, config.latent))

    def forward(
        self,
        vectors: Tensor,
        center: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        axes: Tensor | None = None,
        descriptors: Tensor | None = None,
        extra: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Latent means and log variances ``(N, L)`` and standardized invariants ``(N, F)``."""
        features, invariants = self.features(
            vectors, center, neighbor, row_ptr, types, axes, descriptors, extra
        )
        return self.latent_mean(features), self.latent_log_variance(features), invariants

    @torch.jit.export
    def means(
        self,
        vectors: Tensor,
        center: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        axes: Tensor | None = None,
        descriptors: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Latent means ``(N, L)`` and standardized invariants ``(N, F)``: what evaluation needs."""
        molecules = (axes, descriptors, None)
        features, invariants = self.features(vectors, center, neighbor, row_ptr, types, *molecules)
        return self.latent_mean(features), invariants

    @torch.jit.export
    def features(
        self,
        vectors: Tensor,
        center: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        axes: Tensor | None = None,
        descriptors: Tensor | None = None,
        extra: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Node features ``(N, width)`` after the last layer, and standardized invariants ``(N, F)``."""
        raw = self.surroundings(vectors, center, neighbor, row_ptr, types, axes)
        features, invariants = self.start(raw, types, descriptors, extra)
        return self.refine(features, vectors, center, neighbor, row_ptr, types), invariants

    def surroundings(
        self,
        vectors: Tensor,
        center: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        axes: Tensor | None = None,
    ) -> Tensor:
        """Invariants of the sites' surroundings as they are, ``(N, F)``, float64."""
        # float64 up to here whatever the precision: small differences of large sums come next
        wide = vectors.to(self.feature_mean.dtype)
        distances, _ = pair_geometry(wide)
        raw = self.environment(wide, distances, center, neighbor, row_ptr, types)
        if self.orientation is not None:
            assert axes is not None, "a model of molecules wants their axes"
            turned = self.orientation(wide, distances, center, neighbor, row_ptr, types, axes.to(wide.dtype))
            raw = torch.cat([raw, turned], dim=1)
        return raw

    def refine(
        self,
        features: Tensor,
        vectors: Tensor,
        center: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
    ) -> Tensor:
        """Node features ``(N, width)`` after the layers, from those before the first."""
        wide_distances, _ = pair_geometry(vectors.to(self.feature_mean.dtype))
        distances = wide_distances.to(features.dtype)
        basis = self.basis(distances)
        switching = self.join(features, distances, center, neighbor)
        for layer in self.layers:
            features = layer(features, basis, switching, center, neighbor, row_ptr, types)
        return features

    def start(
        self, raw: Tensor, types: Tensor, descriptors: Tensor | None, extra: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Node features before the first layer, and standardized invariants, from those as they are.

        ``extra`` is what nodes hold besides, in analysis.
        """
        known = [self.species_embedding(types)]
        if self.molecules is not None:
            known.append(self.molecules(types, descriptors))
        invariants = ((raw - self.feature_mean) / self.feature_scale).to(known[0].dtype)
        if self.invariants:
            known.insert(0, invariants)
        if extra is not None:
            known.append(extra.to(known[0].dtype))
        return self.embed(torch.cat(known, dim=1)), invariants


def _concatenation(config: ModelConfig, switching: nn.Module) -> nn.Module:
    if config.concatenation == "attention":
        return AttentionConcatenation(switching, config.width, ACTIVATIONS[config.activation]())
    if config.concatenation == "threshold":
        return ThresholdConcatenation(config.cutoff)
    return SwitchedConcatenation(switching)


def _layer(config: ModelConfig, n_species: int) -> AttentionLayer | FilterLayer | MessageLayer:
    activation = ACTIVATIONS[config.activation]()
    if config.message == "simple":
        return MessageLayer(config.width, activation, config.update, config.aggregation)
    if config.message == "filter":
        return FilterLayer(
            config.width, config.n_basis, activation, n_species if config.filter_by_species else 1
        )
    return AttentionLayer(
        config.width,
        config.n_basis,
        config.n_heads,
        activation,
        config.attention_constant,
        config.self_weight,
    )
