"""Simple message passing as it is evaluated: its weights from a table."""

import torch
from torch import Tensor, nn

from gnncv.nn import operators
from gnncv.nn.jets import RadialJets
from gnncv.nn.layers import AttentionConcatenation, MessageLayer, NetworkAggregation
from gnncv.nn.radial_table import in_precision, tabulate

from .site_chain import Following


class EqualSites(nn.Module):
    """One for every site: edges have the weights of the switching function alone."""

    def forward(self, features: Tensor) -> Tensor:
        """``(N, 1)`` from ``(N, C)``."""
        return torch.ones_like(features[:, :1])


class TabulatedMessage(nn.Module):
    """:class:`gnncv.nn.layers.MessageLayer` on edges of weight ``f_c(d_ij) alpha_i alpha_j``.

    ``f_c`` is in a table.

    Parameters
    ----------
    layer
        The trained layer, with a smooth aggregation.
    basis, switching
        Radial functions, which it has no use for, and the switching function.
    cutoff
        Angstrom.
    tolerance
        Largest error of the table, see :func:`gnncv.nn.radial_table.table_error`.
    following
        What is computed of the updated features.
    concatenation
        Where ``alpha`` comes from; each layer but the first is given what the first one found.
    """

    table: Tensor
    narrow_table: Tensor

    def __init__(
        self,
        layer: MessageLayer,
        basis: nn.Module,
        switching: nn.Module,
        cutoff: float,
        tolerance: float,
        following: Following,
        concatenation: nn.Module,
    ) -> None:
        super().__init__()
        self.width = layer.width

        def jets(distances: Tensor) -> Tensor:
            jet = RadialJets.at(distances, basis, switching).switching
            return jet.expand(-1, -1, layer.width)

        table, self.error = tabulate(jets, cutoff, switching, tolerance)
        self.register_buffer("table", table[None].contiguous())
        self.register_buffer("narrow_table", self.table.float())
        self.cutoff = float(cutoff)
        self.site = concatenation.site if isinstance(concatenation, AttentionConcatenation) else EqualSites()
        self.symmetric = not isinstance(layer.aggregate, NetworkAggregation)
        self.sent = layer.aggregate.sent if isinstance(layer.aggregate, NetworkAggregation) else nn.Identity()
        self.update = layer.update
        self.then = following.alone()

    def forward(
        self,
        sent: list[Tensor],
        distances: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        half_begin: Tensor | None = None,
    ) -> list[Tensor]:
        """From node features ``(N, width)``, and ``alpha`` if it is known, to what follows and ``alpha``."""
        features = sent[0]
        alpha = sent[1] if len(sent) > 1 else self.site(features)
        table = in_precision(self.table, self.narrow_table, features)
        own = alpha.expand(-1, self.width)
        counted = operators.table_messages(
            distances, neighbor, row_ptr, types, table, self.cutoff, own.contiguous(), half_begin
        )
        norm = 1.0 + own * counted
        if self.symmetric:
            norm = torch.sqrt(norm)
            given = features / norm
        else:
            given = self.sent(features)
        messages = operators.table_messages(
            distances, neighbor, row_ptr, types, table, self.cutoff, given * own, half_begin
        )
        updated = self.update(features, own * messages / norm)
        return [self.then(updated), alpha]
