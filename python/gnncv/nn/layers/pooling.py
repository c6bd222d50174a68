"""From sites to the configuration, without parameters: mean, sum and largest."""

import torch
from torch import Tensor, nn

from .edges import Edges, frame_sums
from .properties import facts_of


class MeanPooling(nn.Module):
    """``(1/N) sum_i z_i``: the same for a replicated box."""

    facts = facts_of("MeanPooling")

    def forward(self, nodes: Tensor, frame: Tensor, n_frames: int, edges: Edges | None = None) -> Tensor:
        """``(B, C)`` from ``(N, C)``, the frame ``(N,)`` of each site and the number of frames."""
        count = frame_sums(torch.ones_like(nodes[:, :1]), frame, n_frames)
        return frame_sums(nodes, frame, n_frames) / count


class SumPooling(nn.Module):
    """``sum_i z_i``: twice as much in a box of twice as many sites."""

    facts = facts_of("SumPooling")

    def forward(self, nodes: Tensor, frame: Tensor, n_frames: int, edges: Edges | None = None) -> Tensor:
        """``(B, C)`` from ``(N, C)``, the frame ``(N,)`` of each site and the number of frames."""
        return frame_sums(nodes, frame, n_frames)


class MaxPooling(nn.Module):
    """The largest ``z_i``, channel by channel. For analysis: forces would jump from site to site."""

    facts = facts_of("MaxPooling")

    def forward(self, nodes: Tensor, frame: Tensor, n_frames: int, edges: Edges | None = None) -> Tensor:
        """``(B, C)`` from ``(N, C)``, the frame ``(N,)`` of each site and the number of frames."""
        index = frame[:, None].expand_as(nodes)
        empty = nodes.new_zeros((n_frames, nodes.shape[1]))
        return empty.scatter_reduce(0, index, nodes, "amax", include_self=False)
