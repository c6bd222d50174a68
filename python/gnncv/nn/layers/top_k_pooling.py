"""Pooling that keeps the sites of highest score. For analysis."""

import torch
from torch import Tensor, nn

from gnncv.errors import InvalidArgument

from .edges import Edges, frame_sums
from .properties import facts_of


class TopKPooling(nn.Module):
    """Self-attention graph pooling: the mean of ``y_i z_i`` over the sites of highest score ``y_i``.

    ``y = tanh(z_i u + sum_j A_ij z_j v + c)`` by a graph convolution, so that the score sees features and
    topology; of a frame of n sites the ``ceil(share n)`` of highest score are kept (Lee et al.,
    arXiv:1904.08082, 2019, eq. 3 to 5).

    Parameters
    ----------
    width
        Channels of the nodes.
    share
        Of the sites to keep, above 0 and at most 1.
    """

    facts = facts_of("TopKPooling")

    def __init__(self, width: int, share: float) -> None:
        super().__init__()
        if not 0.0 < share <= 1.0:
            raise InvalidArgument(f"share is {share}; it must be above 0 and at most 1")
        self.share = float(share)
        self.own = nn.Linear(width, 1, bias=False)
        self.taken = nn.Linear(width, 1)

    def scores(self, nodes: Tensor, edges: Edges) -> Tensor:
        """``y`` ``(N,)`` of nodes ``(N, C)``."""
        sent = edges.weights[:, None] * nodes.index_select(0, edges.neighbor)
        taken = torch.zeros_like(nodes).index_add(0, edges.center, sent)
        return torch.tanh(self.own(nodes) + self.taken(taken)).squeeze(1)

    def kept(self, scores: Tensor, frame: Tensor, n_frames: int) -> Tensor:
        """Sites kept, frame after frame, the highest score first, int64."""
        by_score = torch.argsort(scores, descending=True)
        order = by_score[torch.argsort(frame[by_score], stable=True)]
        count = torch.bincount(frame, minlength=n_frames)
        first = torch.cumsum(count, 0) - count
        rank = torch.arange(len(order), device=order.device) - first[frame[order]]
        wanted = torch.ceil(self.share * count.to(scores.dtype))
        return order[rank < wanted[frame[order]]]

    def forward(self, nodes: Tensor, frame: Tensor, n_frames: int, edges: Edges | None = None) -> Tensor:
        """``(B, C)`` from ``(N, C)``, the frame ``(N,)`` of each site and the edges."""
        if edges is None:
            raise InvalidArgument("top-k pooling needs the edges between the sites")
        scores = self.scores(nodes, edges)
        kept = self.kept(scores, frame, n_frames)
        masked = scores[kept, None] * nodes[kept]
        count = frame_sums(torch.ones_like(masked[:, :1]), frame[kept], n_frames)
        return frame_sums(masked, frame[kept], n_frames) / count
