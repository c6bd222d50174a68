"""Embeddings of the molecules among the sites, each kind by an encoder of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class MoleculeEmbeddings(nn.Module):
    """From the descriptors of all molecules to one row for each site.

    Parameters
    ----------
    encoders
        One for each kind of molecule: maps ``(M_k, D_k)`` descriptors, float64, to ``(M_k, n_embedding)``.
    n_descriptors
        ``D_k`` of each kind.
    n_embedding
        Columns. Sites that are atoms have zeros there: their kind says all of them.
    """

    n_descriptors: list[int]

    def __init__(self, encoders: Sequence[nn.Module], n_descriptors: Sequence[int], n_embedding: int) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoders)
        self.n_descriptors = list(n_descriptors)
        self.n_embedding = n_embedding

    def forward(self, types: Tensor, descriptors: Tensor | None) -> Tensor:
        """Rows ``(M, n_embedding)`` from kinds ``(M,)`` and descriptors ``(D,)``, kind after kind."""
        assert descriptors is not None, "a model of molecules wants their descriptors"
        rows: list[Tensor] = []
        places: list[Tensor] = []
        begin = 0
        for kind, encoder in enumerate(self.encoders):
            own = torch.nonzero(types == kind).squeeze(1)
            end = begin + own.shape[0] * self.n_descriptors[kind]
            rows.append(encoder(descriptors[begin:end].reshape(own.shape[0], self.n_descriptors[kind])))
            places.append(own)
            begin = end
        joined = torch.cat(rows)
        empty = torch.zeros([types.shape[0], self.n_embedding], dtype=joined.dtype, device=joined.device)
        return empty.index_copy(0, torch.cat(places), joined)
