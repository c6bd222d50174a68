"""What a site takes from its neighbors: the aggregations of simple message passing."""

import torch
from torch import Tensor, nn

from gnncv.nn import operators

from .properties import facts_of


class NormalizedSum(nn.Module):
    """``sum_j w_ij h_j / sqrt((1 + n_i) (1 + n_j))`` with ``n_i = sum_j w_ij``.

    The symmetric normalization of graph convolutions (Kipf and Welling, arXiv:1609.02907, 2017, eq. 2, whose
    self-loops are the ones here), with the weights ``w_ij`` that fade at the cutoff in place of an adjacency
    of zeros and ones: continuous, even for the only neighbor of a site.
    """

    facts = facts_of("NormalizedSum")
    hops = 2  # the coordination of a neighbor depends on its own neighbors

    def forward(
        self, features: Tensor, weights: Tensor, center: Tensor, neighbor: Tensor, row_ptr: Tensor
    ) -> Tensor:
        """``(N, C)`` from features ``(N, C)`` and weights ``(P,)`` of pairs sorted by center."""
        pairs = weights[:, None]
        norm = torch.sqrt(1.0 + operators.segment_sum(pairs, row_ptr))
        return operators.message_passing(pairs, features / norm, neighbor, row_ptr) / norm


class NeighborMean(nn.Module):
    """The mean of the neighbors' features, each counted once; zero without neighbors. For analysis.

    The weights are not looked at: a neighbor counts from the moment that it is one.
    """

    facts = facts_of("NeighborMean")
    hops = 1

    def forward(
        self, features: Tensor, weights: Tensor, center: Tensor, neighbor: Tensor, row_ptr: Tensor
    ) -> Tensor:
        """``(N, C)`` from features ``(N, C)`` and weights ``(P,)`` of pairs sorted by center."""
        ones = torch.ones_like(weights)[:, None]
        count = (row_ptr[1:] - row_ptr[:-1]).clamp(min=1).to(features.dtype)[:, None]
        return operators.message_passing(ones, features, neighbor, row_ptr) / count


class NeighborMax(nn.Module):
    """The largest of the neighbors' features, channel by channel; zero without neighbors. For analysis.

    GraphSAGE's pooling aggregator without its network (Hamilton et al., arXiv:1706.02216, 2017, eq. 3).
    """

    facts = facts_of("NeighborMax")
    hops = 1

    def forward(
        self, features: Tensor, weights: Tensor, center: Tensor, neighbor: Tensor, row_ptr: Tensor
    ) -> Tensor:
        """``(N, C)`` from features ``(N, C)`` and weights ``(P,)`` of pairs sorted by center."""
        index = center[:, None].expand(-1, features.shape[1])
        sent = features.index_select(0, neighbor)
        return torch.zeros_like(features).scatter_reduce(0, index, sent, "amax", include_self=False)


class NetworkAggregation(nn.Module):
    """``sum_j w_ij a(W h_j + b) / (1 + n_i)`` with ``n_i = sum_j w_ij`` and a non-linearity ``a``.

    "Multiplying by a matrix and passing through an activation function", each neighbor by itself so that
    their order does not matter (Hamilton et al., arXiv:1706.02216, 2017, eq. 3, with a sum that fades at the
    cutoff in place of the largest).

    Parameters
    ----------
    width
        Channels.
    activation
        The non-linearity.
    """

    facts = facts_of("NetworkAggregation")
    hops = 1

    def __init__(self, width: int, activation: nn.Module) -> None:
        super().__init__()
        self.sent = nn.Sequential(nn.Linear(width, width), activation)

    def forward(
        self, features: Tensor, weights: Tensor, center: Tensor, neighbor: Tensor, row_ptr: Tensor
    ) -> Tensor:
        """``(N, C)`` from features ``(N, C)`` and weights ``(P,)`` of pairs sorted by center."""
        pairs = weights[:, None]
        norm = 1.0 + operators.segment_sum(pairs, row_ptr)
        return operators.message_passing(pairs, self.sent(features), neighbor, row_ptr) / norm


Aggregation = NormalizedSum | NeighborMean | NeighborMax | NetworkAggregation


def make_aggregation(name: str, width: int, activation: nn.Module) -> Aggregation:
    """The aggregation that a configuration calls ``name``."""
    if name == "network":
        return NetworkAggregation(width, activation)
    plain: dict[str, type[NormalizedSum | NeighborMean | NeighborMax]] = {
        "normalized_sum": NormalizedSum,
        "mean": NeighborMean,
        "max": NeighborMax,
    }
    return plain[name]()
