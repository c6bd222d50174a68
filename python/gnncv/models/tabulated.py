"""The encoder as it is evaluated: its functions of distance tabulated, its pair sums fused operators."""

import torch
from torch import Tensor, nn

from gnncv.nn import (
    AttentionLayer,
    EnvironmentInvariants,
    FilterLayer,
    RadialInvariants,
    SiteNetwork,
    operators,
    side_by_side,
)
from gnncv.nn.environment import MAGNITUDE_FLOOR
from gnncv.nn.jets import layer_jets
from gnncv.nn.radial_table import TOLERANCE, tabulate

from .encoder import SiteEncoder
from .tabulated_filter import TabulatedFilter, TabulatedRadialInvariants


class TabulatedEnvironment(nn.Module):
    """:class:`gnncv.nn.EnvironmentInvariants` from tables, standardized.

    Parameters
    ----------
    environment
        The trained layer; its switching function must be smooth.
    mean, scale
        ``(F,)``, float64: what the features are standardized with.
    cutoff
        Angstrom.
    tolerance
        Largest error of the table, see :func:`gnncv.nn.radial_table.table_error`.
    """

    table: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(
        self, environment: EnvironmentInvariants, mean: Tensor, scale: Tensor, cutoff: float, tolerance: float
    ) -> None:
        super().__init__()
        table, self.error = tabulate(environment.jet, cutoff, environment.switching, tolerance)
        self.register_buffer("table", table)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.floor = MAGNITUDE_FLOOR
        self.cutoff = float(cutoff)
        self.n_species = environment.n_species
        self.l_max = environment.l_max

    def forward(
        self,
        vectors: Tensor,
        distances: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        half_begin: Tensor | None = None,
    ) -> Tensor:
        """Standardized features ``(N, n_features)`` from ``vectors``, of a list of all pairs."""
        table = self.table.to(vectors.dtype)
        return operators.environment_invariants(
            vectors,
            neighbor,
            row_ptr,
            types,
            table,
            self.cutoff,
            self.n_species,
            self.l_max,
            self.mean,
            self.scale,
            self.floor,
        )


class TabulatedAttention(nn.Module):
    """:class:`gnncv.nn.AttentionLayer` with its filters and distance logits from a table.

    Parameters
    ----------
    layer, basis, switching
        The trained layer, the radial functions it was given, the switching function.
    cutoff
        Angstrom.
    tolerance
        Largest error of the table, see :func:`gnncv.nn.radial_table.table_error`.
    """

    table: Tensor

    def __init__(
        self, layer: AttentionLayer, basis: nn.Module, switching: nn.Module, cutoff: float, tolerance: float
    ) -> None:
        super().__init__()
        table, self.error = tabulate(layer_jets(layer, basis, switching), cutoff, switching, tolerance)
        self.register_buffer("table", table)
        self.cutoff = float(cutoff)
        self.lone = layer.lone
        self.bound = layer.bound
        parts = (layer.value, layer.receiver, layer.sender)
        self.parts = SiteNetwork(side_by_side(*parts), [part.out_features for part in parts])
        self.update = SiteNetwork(layer.update, residual=True)

    def forward(
        self,
        features: Tensor,
        distances: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        half_begin: Tensor | None = None,
    ) -> Tensor:
        """Updated node features ``(N, width)``; the species are in the features already."""
        value, receiver, sender = self.parts([features])
        messages = operators.table_attention(
            distances,
            neighbor,
            row_ptr,
            self.table.to(features.dtype),
            self.cutoff,
            receiver,
            sender,
            value,
            self.lone,
            self.bound,
            half_begin,
        )
        return self.update([features, messages])[0]


class TabulatedEncoder(nn.Module):
    """:class:`SiteEncoder` as it is evaluated: latent means and invariants from pair vectors.

    Parameters
    ----------
    encoder
        Trained, in float64, with a smooth switching function.
    cutoff
        Angstrom.
    tolerance
        Largest error of a table, see :func:`gnncv.nn.radial_table.table_error`.

    Attributes
    ----------
    table_error
        The largest of :func:`gnncv.nn.radial_table.table_error` over its tables.
    n_intervals
        Of its longest table.
    """

    def __init__(self, encoder: SiteEncoder, cutoff: float, tolerance: float = TOLERANCE) -> None:
        super().__init__()
        switching = encoder.environment.switching
        self.invariants = isinstance(encoder.environment, EnvironmentInvariants)
        self.environment = _environment(encoder, cutoff, tolerance)
        layers = [_layer(layer, encoder.basis, switching, cutoff, tolerance) for layer in encoder.layers]
        self.layers = nn.ModuleList(layers)
        self.species_embedding = encoder.species_embedding
        self.embed = SiteNetwork(encoder.embed)
        self.latent_mean = SiteNetwork(encoder.latent_mean)
        self.hops = encoder.hops
        self.table_error = max([self.environment.error, *(layer.error for layer in layers)])
        self.n_intervals = max(part.table.shape[-3] for part in (self.environment, *layers))

    @torch.jit.export
    def means(
        self, vectors: Tensor, center: Tensor, neighbor: Tensor, row_ptr: Tensor, types: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Latent means ``(N, L)`` and standardized invariants ``(N, F)``; ``center`` is not looked at."""
        return self.means_of(vectors, neighbor, row_ptr, types, None)

    def means_of(
        self, vectors: Tensor, neighbor: Tensor, row_ptr: Tensor, types: Tensor, half_begin: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """:meth:`means` of all pairs, or of half of them; see :func:`gnncv.nn.reference.both_directions`.

        With invariants all pairs are wanted even where the other sums take the half that ``half_begin`` says.
        """
        distances = operators.pair_distances(vectors)
        invariants = self.environment(vectors, distances, neighbor, row_ptr, types, half_begin)
        if self.invariants:
            features = self.embed([invariants, self.species_embedding(types)])[0]
        else:
            features = self.embed([self.species_embedding.weight])[0].index_select(0, types)
        for layer in self.layers:
            features = layer(features, distances, neighbor, row_ptr, types, half_begin)
        return self.latent_mean([features])[0], invariants


def _environment(
    encoder: SiteEncoder, cutoff: float, tolerance: float
) -> TabulatedEnvironment | TabulatedRadialInvariants:
    standard = (encoder.feature_mean, encoder.feature_scale, cutoff, tolerance)
    if isinstance(encoder.environment, RadialInvariants):
        return TabulatedRadialInvariants(encoder.environment, *standard)
    return TabulatedEnvironment(encoder.environment, *standard)


def _layer(
    layer: nn.Module, basis: nn.Module, switching: nn.Module, cutoff: float, tolerance: float
) -> TabulatedAttention | TabulatedFilter:
    if isinstance(layer, FilterLayer):
        return TabulatedFilter(layer, basis, switching, cutoff, tolerance)
    assert isinstance(layer, AttentionLayer)
    return TabulatedAttention(layer, basis, switching, cutoff, tolerance)
