"""The edges between sites that pooling and concatenation work on."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Edges:
    """Edges of the graphs of a batch: both directions of each, sorted by center.

    Attributes
    ----------
    center, neighbor
        int64 ``(P,)``, sites of the batch.
    weights
        ``(P,)``, between 0 and 1.
    """

    center: Tensor
    neighbor: Tensor
    weights: Tensor

    def adjacency(self, sites: Tensor) -> Tensor:
        """Dense ``(n, n)`` among some sites, int64 ``(n,)``; weights of several images are added up."""
        number = torch.full((self.n_sites(sites),), -1, dtype=torch.int64, device=sites.device)
        number[sites] = torch.arange(len(sites), device=sites.device)
        row, column = number[self.center], number[self.neighbor]
        kept = (row >= 0) & (column >= 0)
        flat = row[kept] * len(sites) + column[kept]
        dense = self.weights.new_zeros(len(sites) * len(sites))
        return dense.index_add(0, flat, self.weights[kept]).reshape(len(sites), len(sites))

    def n_sites(self, sites: Tensor) -> int:
        """One more than the largest number of a site among the edges and ``sites``."""
        largest = [int(numbers.max()) for numbers in (self.center, self.neighbor, sites) if len(numbers)]
        return max(largest, default=-1) + 1


def frame_sums(values: Tensor, frame: Tensor, n_frames: int) -> Tensor:
    """Sums ``(B, C)`` of values ``(N, C)`` over the sites of each frame."""
    return values.new_zeros((n_frames, values.shape[1])).index_add(0, frame, values)
