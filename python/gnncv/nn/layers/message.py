"""Simple message passing."""

from torch import Tensor, nn

from gnncv.errors import InvalidArgument

from .aggregation import make_aggregation
from .properties import facts_of
from .update import make_update

AGGREGATIONS = ("normalized_sum", "mean", "max", "network")
UPDATES = ("mean", "max", "network", "recurrent")


class MessageLayer(nn.Module):
    """One round of simple message passing, ``h_i <- Update(h_i + Agg({h_j}))``.

    The neighbors ``j`` of a site are those it is joined to; the edges have weights, the switching function or
    what a concatenation layer made of it, which ``normalized_sum`` and ``network`` look at. After n rounds
    each site knows of its neighbors of order n.

    Parameters
    ----------
    width
        Channels of the node features.
    activation
        Non-linearity of the networks.
    update
        One of ``UPDATES``, see :mod:`gnncv.nn.layers.update`.
    aggregation
        One of ``AGGREGATIONS``, see :mod:`gnncv.nn.layers.aggregation`.
    """

    facts = facts_of("MessageLayer")

    def __init__(
        self,
        width: int,
        activation: nn.Module,
        update: str = "network",
        aggregation: str = "normalized_sum",
    ) -> None:
        super().__init__()
        if update not in UPDATES:
            raise InvalidArgument(f"update is {update!r}; allowed: {', '.join(UPDATES)}")
        if aggregation not in AGGREGATIONS:
            raise InvalidArgument(f"aggregation is {aggregation!r}; allowed: {', '.join(AGGREGATIONS)}")
        self.width = width
        self.aggregate = make_aggregation(aggregation, width, activation)
        self.update = make_update(update, width, activation)
        self.hops = self.aggregate.hops

    def forward(
        self,
        features: Tensor,
        basis: Tensor,
        switching: Tensor,
        center: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
    ) -> Tensor:
        """Updated node features ``(N, width)`` from edges of weight ``switching`` ``(P,)``.

        Radial functions and species are not looked at.
        """
        return self.update(features, self.aggregate(features, switching, center, neighbor, row_ptr))
