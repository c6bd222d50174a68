"""The models of gnncv as one writes them with torch_geometric: MessagePassing layers on an edge index.

Parameters have gnncv's names, so that one state dictionary serves both. Distances and radial functions are
computed at every call, as in torch_geometric's SchNet; the invariants to rebuild are given.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import MessagePassing
from torch_geometric.utils import scatter

Batch = dict[str, Tensor]


class FilterConvolution(MessagePassing):
    """Continuous-filter convolution with a residual update."""

    def __init__(self, config: dict[str, Any], activation: nn.Module) -> None:
        super().__init__(aggr="add")
        width, n_basis = config["width"], config["n_basis"]
        self.value = nn.Linear(width, width, bias=False)
        self.filter = nn.Sequential(nn.Linear(n_basis, width), activation, nn.Linear(width, width))
        self.update_ = nn.Sequential(nn.Linear(width, width), activation, nn.Linear(width, width))

    def forward(self, x: Tensor, edge_index: Tensor, basis: Tensor, switching: Tensor) -> Tensor:
        """Updated node features."""
        filters = self.filter(basis) * switching[:, None]
        return x + self.update_(self.propagate(edge_index, x=self.value(x), filters=filters))

    def message(self, x_j: Tensor, filters: Tensor) -> Tensor:
        """What an edge carries."""
        return x_j * filters


class AttentionConvolution(MessagePassing):
    """Attention with a switching function and a constant in the denominator, bounded logits."""

    def __init__(self, config: dict[str, Any], activation: nn.Module) -> None:
        super().__init__(aggr="add")
        width, n_basis, self.n_heads = config["width"], config["n_basis"], config["n_heads"]
        self.lone, self.bound = config["attention_constant"], 5.0
        self.value = nn.Linear(width, width, bias=False)
        self.receiver = nn.Linear(width, self.n_heads, bias=False)
        self.sender = nn.Linear(width, self.n_heads, bias=False)
        self.distance_logit = nn.Linear(n_basis, self.n_heads)
        self.filter = nn.Linear(n_basis, width)
        self.update_ = nn.Sequential(nn.Linear(2 * width, width), activation, nn.Linear(width, width))

    def forward(self, x: Tensor, edge_index: Tensor, basis: Tensor, switching: Tensor) -> Tensor:
        """Updated node features."""
        messages = self.propagate(
            edge_index,
            x=self.value(x),
            receiver=self.receiver(x),
            sender=self.sender(x),
            distance_logit=self.distance_logit(basis),
            filters=self.filter(basis),
            switching=switching,
        )
        return x + self.update_(torch.cat([x, messages], dim=1))

    def message(
        self,
        x_j: Tensor,
        receiver_i: Tensor,
        sender_j: Tensor,
        distance_logit: Tensor,
        filters: Tensor,
        switching: Tensor,
        index: Tensor,
        size_i: int,
    ) -> Tensor:
        """What an edge carries, weighted."""
        logits = receiver_i + sender_j + distance_logit
        logits = self.bound * torch.tanh(logits / self.bound)
        terms = switching[:, None] * torch.exp(logits)
        total = self.lone + scatter(terms, index, dim=0, dim_size=size_i, reduce="sum")
        weights = (terms / total[index]).repeat_interleave(x_j.shape[1] // self.n_heads, dim=1)
        return weights * filters * x_j


class Autoencoder(nn.Module):
    """Encoder, decoders and the loss of gnncv's models without invariants."""

    def __init__(self, config: dict[str, Any], n_species: int, n_phases: int, n_features: int) -> None:
        super().__init__()
        self.config = config
        width, latent, activation = config["width"], config["latent"], nn.SiLU
        self.species_embedding = nn.Embedding(n_species, 8)
        self.embed = nn.Sequential(nn.Linear(8, width), activation(), nn.Linear(width, width))
        layer = FilterConvolution if config["message"] == "filter" else AttentionConvolution
        self.layers = nn.ModuleList(layer(config, activation()) for _ in range(config["n_layers"]))
        self.latent_mean = nn.Sequential(activation(), nn.Linear(width, latent))
        self.latent_log_variance = nn.Sequential(activation(), nn.Linear(width, latent))
        self.environment_decoder = nn.Sequential(
            nn.Linear(latent, width),
            activation(),
            nn.Linear(width, width),
            activation(),
            nn.Linear(width, n_features),
        )
        self.adjacency_decoder = nn.Linear(latent, width, bias=False)
        self.phase_head = nn.Sequential(nn.Linear(latent, width), activation(), nn.Linear(width, n_phases))

    def forward(self, batch: Batch, noise: Tensor, weights: dict[str, float]) -> Tensor:
        """The loss of a batch; ``noise`` is drawn outside, so that both packages see the same."""
        config, edge_index = self.config, batch["edge_index"]
        distances = batch["edge_vectors"].norm(dim=1)
        switching = self.switching(distances)
        centers = torch.linspace(0.0, config["cutoff"], config["n_basis"])
        spacing = config["cutoff"] / (config["n_basis"] - 1)
        basis = torch.exp(-0.5 * ((distances[:, None] - centers) / spacing).square())
        x = self.embed(self.species_embedding(batch["types"]))
        for layer in self.layers:
            x = layer(x, edge_index, basis, switching)
        mean, log_variance = self.latent_mean(x), self.latent_log_variance(x)
        latents = mean + torch.exp(0.5 * log_variance) * noise
        reconstruction = functional.mse_loss(self.environment_decoder(latents), batch["invariants"])
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(dim=1).mean()
        projected = self.adjacency_decoder(latents)
        joined = (projected[edge_index[0]] * projected[edge_index[1]]).sum(dim=1)
        adjacency = functional.binary_cross_entropy_with_logits(joined, switching)
        phase = functional.cross_entropy(self.phase_head(mean), batch["phase"][batch["frame"]])
        return (
            weights["reconstruction"] * reconstruction
            + weights["adjacency"] * adjacency
            + weights["divergence"] * divergence
            + weights["phase"] * phase
        )

    def switching(self, distances: Tensor) -> Tensor:
        """The quintic switching function."""
        cutoff, onset = self.config["cutoff"], self.config["onset"]
        y = ((cutoff - distances) / (cutoff - onset)).clamp(0.0, 1.0)
        return y * y * y * (10.0 - y * (15.0 - 6.0 * y))


def renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """gnncv's parameters by the names they have here (`update` is a method of MessagePassing)."""
    return {name.removeprefix("encoder.").replace(".update.", ".update_."): x for name, x in state.items()}
