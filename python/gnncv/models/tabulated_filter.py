"""Filter layers and radial invariants as they are evaluated: from tables."""

import torch
from torch import Tensor, nn

from gnncv.nn import FilterLayer, RadialInvariants, operators, site_operators
from gnncv.nn.environment import counted_species
from gnncv.nn.jets import layer_jets
from gnncv.nn.radial_table import by_pair_of_species, in_precision, tabulate

from .site_chain import Following
from .tabulated_invariants import TabulatedInvariants

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
    following
        What is computed of the updated features.
    """

    table: Tensor
    narrow_table: Tensor

    def __init__(
        self,
        layer: FilterLayer,
        basis: nn.Module,
        switching: nn.Module,
        cutoff: float,
        tolerance: float,
        following: Following,
    ) -> None:
        super().__init__()
        table, self.error = tabulate(layer_jets(layer, basis, switching), cutoff, switching, tolerance)
        self.register_buffer("table", by_pair_of_species(table, layer.width))
        self.register_buffer("narrow_table", self.table.float())
        self.cutoff = float(cutoff)
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
        """From the node features ``(N, width)`` and their values ``(N, width)`` to what follows."""
        features, value = sent[0], sent[1]
        table = in_precision(self.table, self.narrow_table, features)
        messages = operators.table_messages(
            distances, neighbor, row_ptr, types, table, self.cutoff, value, half_begin
        )
        return self.update([messages], features)


class TabulatedRadialInvariants(TabulatedInvariants):
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

    def __init__(
        self, radial: RadialInvariants, mean: Tensor, scale: Tensor, cutoff: float, tolerance: float
    ) -> None:
        table, error = tabulate(radial.jet, cutoff, radial.switching, tolerance)
        padding = -table.shape[2] % REGISTER
        padded = torch.nn.functional.pad(table, (0, padding))[None]
        super().__init__(padded, error, mean, scale, cutoff)
        counted = counted_species(
            torch.arange(radial.n_species), radial.n_species, radial.n_radial, torch.float64
        )
        counted = torch.nn.functional.pad(counted, (0, padding))
        self.counted = nn.Parameter(counted, requires_grad=False)  # in the precision of the networks

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
        table = in_precision(self.table, self.narrow_table, distances)
        rows = self.counted.to(distances.dtype)
        counted = site_operators.species_rows(rows, types, [rows.shape[1]])[0]
        sums = operators.table_messages(
            distances, neighbor, row_ptr, types, table, self.cutoff, counted, half_begin
        )
        return site_operators.standardized(sums, self.mean, self.scale)
