"""The graph models of captum's and the primer's examples, small, with weights of a given seed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gnncv.explain.foreign.libraries import torch_geometric

for _library in ("captum", "torch_geometric"):
    if find_spec(_library) is None:
        pytest.skip(f"{_library} is not installed", allow_module_level=True)
pyg = torch_geometric()


class GraphConvClassifier(nn.Module):
    """Captum's example: five GraphConv, summed, two linear layers, log-probabilities of two classes."""

    def __init__(self, n_features: int = 14, dim: int = 8) -> None:
        super().__init__()
        sizes = [n_features, dim, dim, dim, dim]
        self.convs = nn.ModuleList(pyg.nn.GraphConv(size, dim) for size in sizes)
        self.lin1 = nn.Linear(dim, dim)
        self.lin2 = nn.Linear(dim, 2)

    def forward(
        self, x: Tensor, edge_index: Tensor, batch: Tensor, edge_weight: Tensor | None = None
    ) -> Tensor:
        for conv in self.convs:
            x = conv(x, edge_index, edge_weight).relu()
        x = self.lin1(pyg.nn.global_add_pool(x, batch)).relu()
        x = nn.functional.dropout(x, p=0.5, training=self.training)
        return nn.functional.log_softmax(self.lin2(x), dim=-1)


class GcnClassifier(nn.Module):
    """The primer's example: GCNConv, averaged, dropout that eval mode does not switch off, one logit."""

    def __init__(self, n_features: int = 14, dim: int = 8, always_drops: bool = True) -> None:
        super().__init__()
        self.convs = nn.ModuleList(pyg.nn.GCNConv(size, dim) for size in (n_features, dim))
        self.pre_head = nn.Linear(dim, dim)
        self.head = nn.Linear(dim, 1)
        self.always_drops = always_drops

    def forward(
        self,
        x: Any,
        edge_index: Tensor | None = None,
        batch: Tensor | None = None,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        if edge_index is None:
            x, edge_index, batch = x.x, x.edge_index, x.batch
        for conv in self.convs:
            x = nn.functional.relu(conv(x, edge_index, edge_weight))
        x = pyg.nn.global_mean_pool(x, batch)
        x = nn.functional.dropout(x, p=0.5, training=self.training or self.always_drops)
        return self.head(self.pre_head(x))


def random_graph(generator: np.random.Generator, n_nodes: int = 9, n_features: int = 14) -> Any:
    """A connected graph with edges in both directions and one-hot features."""
    tree = [(int(generator.integers(0, i)), i) for i in range(1, n_nodes)]
    pairs = torch.tensor([*tree, (0, n_nodes - 1)]).T
    kinds = torch.from_numpy(generator.integers(0, n_features, n_nodes))
    return pyg.data.Data(
        x=nn.functional.one_hot(kinds, n_features).float(),
        edge_index=pyg.utils.to_undirected(pairs),
    )
