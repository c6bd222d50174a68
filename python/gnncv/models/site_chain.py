"""Networks on sites as they follow one another between the sums over pairs."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gnncv.nn import AttentionLayer, FilterLayer, SiteNetwork, side_by_side, site_operators
from gnncv.nn.layers import MessageLayer

from .encoder import SiteEncoder


@dataclass
class Following:
    """What is computed of node features next: what a layer sends to its neighbors, or the latent means.

    Attributes
    ----------
    network
        On the features.
    columns
        How its outputs are divided.
    with_features
        Whether the features themselves are needed, too: by a layer, which updates them.
    """

    network: nn.Module
    columns: Sequence[int]
    with_features: bool

    def after(self, network: nn.Module) -> SiteNetwork:
        """The network that gives the features, and this one on them."""
        if isinstance(self.network, nn.Identity):
            return SiteNetwork(network)
        return SiteNetwork(network, self.network, self.columns, self.with_features)

    def alone(self) -> nn.Module:
        """This network on features that no other one gives."""
        return copy.deepcopy(self.network)


def followings(encoder: SiteEncoder) -> list[Following]:
    """What is computed of the features that each layer is given, and of those after the last."""
    return [*(_sent(layer) for layer in encoder.layers), Following(encoder.latent_mean, (), False)]


def _sent(layer: nn.Module) -> Following:
    if isinstance(layer, FilterLayer):
        return Following(layer.value, [layer.width], True)
    if isinstance(layer, MessageLayer):
        return Following(nn.Identity(), (), False)  # it sends the features themselves
    assert isinstance(layer, AttentionLayer)
    parts = (layer.value, layer.receiver, layer.sender)
    return Following(side_by_side(*parts), [part.out_features for part in parts], True)


class StartFromInvariants(nn.Module):
    """Node features before the first layer, from the invariants and the species, and what follows.

    From the embeddings of molecules, too, where there are any; and from those without the invariants, if the
    encoder does without.
    """

    def __init__(self, encoder: SiteEncoder, following: Following) -> None:
        super().__init__()
        self.invariants = encoder.invariants
        self.molecules = encoder.molecules
        embedding = encoder.species_embedding.weight.detach().clone()
        self.embedding = nn.Parameter(embedding, requires_grad=False)
        self.embed = following.after(encoder.embed)

    def forward(self, invariants: Tensor, types: Tensor, descriptors: Tensor | None) -> list[Tensor]:
        """The features if they are needed, then what is computed of them."""
        known = [self.embedding.index_select(0, types)]
        if self.invariants:
            known.insert(0, invariants)
        if self.molecules is not None:
            known.append(self.molecules(types, descriptors))
        return self.embed(known)


class StartFromSpecies(nn.Module):
    """Without invariants the features are those of the species: what follows of them is known at export."""

    columns: list[int]

    @torch.no_grad()
    def __init__(self, encoder: SiteEncoder, following: Following) -> None:
        super().__init__()
        features = encoder.embed(encoder.species_embedding.weight)
        rows = [features, following.network(features)] if following.with_features else [features]
        self.rows = nn.Parameter(torch.cat(rows, dim=1), requires_grad=False)
        self.columns = [features.shape[1], *following.columns]

    def forward(self, invariants: Tensor, types: Tensor, descriptors: Tensor | None) -> list[Tensor]:
        """The features, then what is computed of them; the invariants are not looked at."""
        return site_operators.species_rows(self.rows, types, self.columns)
