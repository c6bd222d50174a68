"""Filter layers and radial invariants as they are evaluated: from tables."""

import torch
from torch import Tensor, nn

from gnncv.nn import FilterLayer, RadialInvariants, SiteNetwork, operators
from gnncv.nn.environment import counted_species
from gnncv.nn.jets import layer_jets
from gnncv.nn.radial_table import by_pair_of_species, tabulate

REGISTER = 16  # channels are fast in multiples of it


class TabulatedFilter(nn.Module):
    """:class:`gnncv.nn.FilterLayer` with its filters from tables, the switching function within them.

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
        self, layer: FilterLayer, basis: nn.Module, switching: nn.Module, cutoff: float, tolerance: float
    ) -> None:
        super().__init__()
        table, self.error = tabulate(layer_jets(layer, basis, switching), cutoff, switching, tolerance)
        self.register_buffer("table", by_pair_of_species(table, layer.width))
        self.cutoff = float(cutoff)
        self.value, self.update = SiteNetwork(layer.value), SiteNetwork(layer.update)

    def forward(
        self,
        features: Tensor,
        distances: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        half_begin: Tensor | None = None,
    ) -> Tensor:
        """Updated node features ``(N, width)``."""
        table, values = self.table.to(features.dtype), self.value([features])[0]
        messages = operators.table_messages(
            distances, neighbor, row_ptr, types, table, self.cutoff, values, half_begin
        )
        return features + self.update([messages])[0]


class TabulatedRadialInvariants(nn.Module):
    """:class:`gnncv.nn.RadialInvariants` from a table, standardized.

    Parameters
    ----------
    radial
        The layer.
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
        self, radial: RadialInvariants, mean: Tensor, scale: Tensor, cutoff: float, tolerance: float
    ) -> None:
        super().__init__()
        table, self.error = tabulate(radial.jet, cutoff, radial.switching, tolerance)
        self.n_channels = table.shape[2]
        self.padding = -self.n_channels % REGISTER
        self.register_buffer("table", torch.nn.functional.pad(table, (0, self.padding))[None])
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.n_species, self.n_radial = radial.n_species, radial.n_radial
        self.cutoff = float(cutoff)

    def forward(
        self,
        vectors: Tensor,
        distances: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        half_begin: Tensor | None = None,
    ) -> Tensor:
        """Standardized features ``(N, n_features)``."""
        table = self.table.to(distances.dtype)
        counted = counted_species(types, self.n_species, self.n_radial, distances.dtype)
        counted = torch.nn.functional.pad(counted, [0, self.padding])
        sums = operators.table_messages(
            distances, neighbor, row_ptr, types, table, self.cutoff, counted, half_begin
        )
        sums = sums[:, : self.n_channels]
        return ((sums.double() - self.mean) / self.scale).to(sums.dtype)
