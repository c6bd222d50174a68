"""Two well-known classifiers of molecules, layer for layer, and how they are trained.

`Net` is the classifier of captum's example on Mutagenicity: five GraphConv, sum over atoms, log-probabilities
of two classes. `MutagClassifier` is that of a primer on explainability: four GCNConv, mean over atoms, one
logit (there with `F.dropout(x, p=0.5)`, which drops in eval mode too: gnncv says so, and leaves it out).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch.nn import Linear
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GCNConv, GraphConv, global_add_pool, global_mean_pool


class Net(torch.nn.Module):
    """Five GraphConv with edge weights, a sum over atoms, two linear layers: log-probabilities."""

    def __init__(self, num_features: int = 14, dim: int = 32, num_classes: int = 2) -> None:
        super().__init__()
        widths = [num_features, *[dim] * 5]
        self.convolutions = torch.nn.ModuleList(GraphConv(*pair) for pair in pairwise(widths))
        self.hidden, self.classes = Linear(dim, dim), Linear(dim, num_classes)

    def forward(self, x, edge_index, batch, edge_weight=None):
        for convolution in self.convolutions:
            x = convolution(x, edge_index, edge_weight).relu()
        hidden = self.hidden(global_add_pool(x, batch)).relu()
        hidden = F.dropout(hidden, p=0.5, training=self.training)
        return self.classes(hidden).log_softmax(dim=-1)


class MutagClassifier(torch.nn.Module):
    """Four GCNConv, a mean over atoms, two linear layers: one logit. Also called with a whole `Data`."""

    def __init__(self, num_features: int = 14, hidden_features: int = 64) -> None:
        super().__init__()
        widths = [num_features, *[hidden_features] * 4]
        self.convolutions = torch.nn.ModuleList(GCNConv(*pair) for pair in pairwise(widths))
        self.pre_head, self.head = Linear(hidden_features, hidden_features), Linear(hidden_features, 1)

    def forward(self, x, edge_index=None, batch=None, edge_weight=None):
        if edge_index is None:
            x, edge_index, batch = x.x, x.edge_index, x.batch
        for convolution in self.convolutions:
            x = convolution(x, edge_index, edge_weight).relu()
        pooled = F.dropout(global_mean_pool(x, batch), p=0.5, training=self.training)
        return self.head(self.pre_head(pooled))


def loss_of(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Each graph's loss: of log-probabilities (two columns) or of a logit (one)."""
    if outputs.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(outputs[:, 0], labels.float(), reduction="none")
    return F.nll_loss(outputs, labels, reduction="none")


def train(
    model: torch.nn.Module, graphs: Sequence[Any], epochs: int = 30, lr: float = 2e-3, seed: int = 0
) -> list[tuple[dict[str, torch.Tensor], float]]:
    """Train with Adam; returns the weights after every tenth epoch with their learning rate, for TracIn."""
    order = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    loader = DataLoader(graphs, batch_size=32, shuffle=True, generator=order)
    checkpoints = []
    model.train()
    for epoch in range(1, epochs + 1):
        for batch in loader:
            optimizer.zero_grad()
            loss_of(model(batch.x, batch.edge_index, batch.batch), batch.y).mean().backward()
            optimizer.step()
        if epoch % 10 == 0 or epoch == epochs:
            checkpoints.append((copy.deepcopy(model.state_dict()), lr))
    model.eval()
    return checkpoints


@torch.no_grad()
def predicted(model: torch.nn.Module, graphs: Sequence[Any]) -> torch.Tensor:
    """The class of each graph."""
    weight = next(model.parameters())
    batch = Batch.from_data_list(list(graphs))
    outputs = model(batch.x.to(weight), batch.edge_index, batch.batch)
    return outputs.argmax(1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0).long()
