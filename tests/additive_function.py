"""A graph function whose output is a sum over its edges and features, so that exact scores are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gnncv.explain import Explanation, GraphFunction


class AdditiveFunction:
    """``offset + sum_e c_e gate_e + sum_if w_if x_if`` on a ring of nodes, both directions of every edge."""

    output, model_hash = "sum", "0" * 64
    atoms = node_of_atom = model = None

    def __init__(
        self,
        contributions: NDArray[np.float64],
        weights: NDArray[np.float64] | None = None,
        offset: float = 0.7,
    ) -> None:
        n_nodes = len(contributions) // 2
        ring = torch.stack([torch.arange(n_nodes), (torch.arange(n_nodes) + 1) % n_nodes])
        self.edge_index = torch.cat([ring, ring.flip(0)], dim=1)
        self.contributions = torch.tensor(contributions, dtype=torch.float64)
        self.node_labels = [f"Ar{i + 1}" for i in range(n_nodes)]
        self.offset = offset
        weights = np.zeros((n_nodes, 1)) if weights is None else weights
        self.weights = torch.tensor(weights, dtype=torch.float64)
        self.feature_names: Sequence[str] = [f"x{k}" for k in range(self.weights.shape[1])]
        gates, features = torch.ones_like(self.contributions), torch.ones_like(self.weights)
        self.inputs = {"edges": gates, "node_features": features}
        self.baselines = {
            "edges": {"no interaction": torch.zeros_like(gates)},
            "node_features": {"zero": torch.zeros_like(features)},
        }

    def __call__(self, **inputs: Tensor) -> Tensor:
        gates = inputs.get("edges", self.inputs["edges"])
        features = inputs.get("node_features", self.inputs["node_features"])
        return self.offset + (self.contributions * gates).sum() + (self.weights * features).sum()

    def with_model(self, model: nn.Module) -> GraphFunction:
        """Its output has no network."""
        raise AssertionError("an additive function has no network")


def edge_explanation(
    scores: NDArray[np.float64], function: GraphFunction, method: str = "given"
) -> Explanation:
    """Scores of the edges of a function as an explanation."""
    return Explanation(
        scores=np.asarray(scores, dtype=np.float64),
        over="edges",
        node_labels=function.node_labels,
        output=function.output,
        method=method,
        units="1",
        model_hash=function.model_hash,
        value=float(function()),
        edge_index=function.edge_index.numpy(),
    )
