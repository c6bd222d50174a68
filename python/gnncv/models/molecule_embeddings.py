"""Embeddings of the molecules among the sites, each kind by an encoder of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gnncv.errors import InvalidArgument
from gnncv.topology import Topology

from .molecule_config import MoleculeConfig
from .molecule_encoder import MoleculeEncoder


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
        # Its type is that of the rows. Encoders of exported models are more precise: what differs between
        # conformations is a small part of what they compute.
        self.empty = nn.Parameter(torch.zeros(0), requires_grad=False)

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
        joined = torch.cat(rows).to(self.empty.dtype)
        none = torch.zeros([types.shape[0], self.n_embedding], dtype=joined.dtype, device=joined.device)
        return none.index_copy(0, torch.cat(places), joined)


class NoConformation(nn.Module):
    """In place of an encoder for a kind without descriptors: zeros."""

    def __init__(self, n_embedding: int) -> None:
        super().__init__()
        self.none = nn.Parameter(torch.zeros(n_embedding), requires_grad=False)

    def forward(self, descriptors: Tensor) -> Tensor:
        """``(M_k, n_embedding)`` zeros, in the precision of the networks."""
        return self.none.expand(descriptors.shape[0], self.none.shape[0])


def untrained_embeddings(
    topology: Topology | None, facts: Mapping[str, Any] | None
) -> MoleculeEmbeddings | None:
    """Embeddings for the weights of a finished run, whose summary says ``facts`` of stage 1."""
    if topology is None or facts is None:
        return None
    config = MoleculeConfig(**facts["model"])
    encoders = {
        molecule.name: MoleculeEncoder(molecule, config)
        for molecule in topology.molecules
        if molecule.n_descriptors > 0
    }
    return joined_embeddings(topology, encoders).requires_grad_(False)


def joined_embeddings(topology: Topology, encoders: Mapping[str, MoleculeEncoder]) -> MoleculeEmbeddings:
    """The encoders of the kinds of molecules, by name, side by side; kinds without descriptors have none.

    Raises
    ------
    InvalidArgument
        Embeddings of different sizes.
    """
    sizes = {name: encoder.embedding for name, encoder in encoders.items()}
    if len(set(sizes.values())) != 1:
        raise InvalidArgument(
            f"the embeddings of molecules differ in size ({sizes}): train all kinds with the same"
        )
    n_embedding = next(iter(sizes.values()))
    return MoleculeEmbeddings(
        [encoders.get(m.name, NoConformation(n_embedding)) for m in topology.molecules],
        [molecule.n_descriptors for molecule in topology.molecules],
        n_embedding,
    )
