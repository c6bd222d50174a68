"""The encoder as it is evaluated: its functions of distance tabulated, its pair sums fused operators."""

import torch
from torch import Tensor, nn

from gnncv.nn import (
    AttentionLayer,
    EnvironmentInvariants,
    FilterLayer,
    RadialInvariants,
    operators,
)
from gnncv.nn.environment import MAGNITUDE_FLOOR
from gnncv.nn.jets import layer_jets
from gnncv.nn.layers import MessageLayer
from gnncv.nn.radial_table import TOLERANCE, in_precision, tabulate

from .encoder import SiteEncoder
from .site_chain import Following, StartFromInvariants, StartFromSpecies, followings
from .tabulated_filter import TabulatedFilter, TabulatedRadialInvariants
from .tabulated_invariants import TabulatedInvariants
from .tabulated_message import TabulatedMessage
from .tabulated_orientation import TabulatedOrientation


class TabulatedEnvironment(TabulatedInvariants):
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

    def __init__(
        self, environment: EnvironmentInvariants, mean: Tensor, scale: Tensor, cutoff: float, tolerance: float
    ) -> None:
        table, error = tabulate(environment.jet, cutoff, environment.switching, tolerance)
        super().__init__(table, error, mean, scale, cutoff)
        self.floor = MAGNITUDE_FLOOR
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
        table = in_precision(self.table, self.narrow_table, vectors)
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
    following
        What is computed of the updated features.
    """

    table: Tensor
    narrow_table: Tensor

    def __init__(
        self,
        layer: AttentionLayer,
        basis: nn.Module,
        switching: nn.Module,
        cutoff: float,
        tolerance: float,
        following: Following,
    ) -> None:
        super().__init__()
        table, self.error = tabulate(layer_jets(layer, basis, switching), cutoff, switching, tolerance)
        self.register_buffer("table", table)
        self.register_buffer("narrow_table", table.float())
        self.cutoff = float(cutoff)
        self.lone = layer.lone
        self.bound = layer.bound
        self.own = layer.own
        self.update = following.after(layer.update)

    def forward(
        self,
        sent: list[Tensor],
        distances: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        half_begin: Tensor | None = None,
    ) -> list[Tensor]:
        """From the node features ``(N, width)`` and what is sent of them to what follows.

        Sent are the values ``(N, width)`` and both sites' logits; the species are in the features already.
        """
        features, value, receiver, sender = sent[0], sent[1], sent[2], sent[3]
        messages = operators.table_attention(
            distances,
            neighbor,
            row_ptr,
            in_precision(self.table, self.narrow_table, features),
            self.cutoff,
            receiver,
            sender,
            value,
            self.lone,
            self.bound,
            half_begin,
        )
        own = self.own(features)
        return self.update([own, messages], own)


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
        self.environment = _environment(encoder, cutoff, tolerance)
        self.orientation = _orientation(encoder, cutoff, tolerance)
        first, *next_ = followings(encoder)
        layers = [
            _layer(layer, encoder.basis, switching, cutoff, tolerance, following, encoder.join)
            for layer, following in zip(encoder.layers, next_, strict=True)
        ]
        self.layers = nn.ModuleList(layers)
        by_species = not encoder.invariants and encoder.molecules is None
        self.start = (StartFromSpecies if by_species else StartFromInvariants)(encoder, first)
        self.hops = encoder.hops
        turned = [] if self.orientation is None else [self.orientation]
        parts = [self.environment, *turned, *layers]
        self.table_error = max(part.error for part in parts)
        self.n_intervals = max(part.table.shape[-3] for part in parts)

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
        """Latent means ``(N, L)`` and standardized invariants ``(N, F)``; ``center`` is not looked at."""
        return self.means_of(vectors, neighbor, row_ptr, types, None, axes, descriptors)

    def means_of(
        self,
        vectors: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        half_begin: Tensor | None,
        axes: Tensor | None,
        descriptors: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """:meth:`means` of all pairs, or of half of them; see :func:`gnncv.nn.reference.both_directions`.

        With invariants all pairs are wanted even where the other sums take the half that ``half_begin`` says.
        """
        distances = operators.pair_distances(vectors)
        invariants = self.environment(vectors, distances, neighbor, row_ptr, types, half_begin)
        if self.orientation is not None:
            assert axes is not None, "a model of molecules wants their axes"
            turned = self.orientation(
                vectors, distances, neighbor, row_ptr, types, axes.to(vectors.dtype), half_begin
            )
            invariants = torch.cat([invariants, turned], dim=1)
        sent = self.start(invariants, types, descriptors)
        for layer in self.layers:
            sent = layer(sent, distances, neighbor, row_ptr, types, half_begin)
        return sent[0], invariants


def _environment(
    encoder: SiteEncoder, cutoff: float, tolerance: float
) -> TabulatedEnvironment | TabulatedRadialInvariants:
    own = encoder.environment.n_features
    standard = (encoder.feature_mean[:own], encoder.feature_scale[:own], cutoff, tolerance)
    if isinstance(encoder.environment, RadialInvariants):
        return TabulatedRadialInvariants(encoder.environment, *standard)
    return TabulatedEnvironment(encoder.environment, *standard)


def _orientation(encoder: SiteEncoder, cutoff: float, tolerance: float) -> TabulatedOrientation | None:
    if encoder.orientation is None:
        return None
    begin = encoder.environment.n_features
    standard = (encoder.feature_mean[begin:], encoder.feature_scale[begin:])
    return TabulatedOrientation(encoder.orientation, *standard, cutoff, tolerance)


def _layer(
    layer: nn.Module,
    basis: nn.Module,
    switching: nn.Module,
    cutoff: float,
    tolerance: float,
    following: Following,
    join: nn.Module,
) -> TabulatedAttention | TabulatedFilter | TabulatedMessage:
    if isinstance(layer, FilterLayer):
        return TabulatedFilter(layer, basis, switching, cutoff, tolerance, following)
    if isinstance(layer, MessageLayer):
        return TabulatedMessage(layer, basis, switching, cutoff, tolerance, following, join)
    assert isinstance(layer, AttentionLayer)
    return TabulatedAttention(layer, basis, switching, cutoff, tolerance, following)
