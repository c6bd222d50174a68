"""Two ways to score edges: what the model does, and what only looks like it."""

from __future__ import annotations

from typing import Any

import torch

from additive_function import edge_explanation
from gnncv.explain import Explanation, as_graph_function


def gate_gradient(model: Any, graph: Any, over: str = "edges", output: int | str = 0) -> Explanation:
    """The gradient by the gates of edges: what the model does, and no library."""
    function = as_graph_function(model, graph, output)
    gates = function.inputs["edges"].clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(function(edges=gates), gates)
    explanation = edge_explanation(slope.detach().numpy(), function, "gate_gradient")
    vectors = function.inputs["vectors"].numpy()
    return Explanation(**{**vars(explanation), "over": over, "edge_vectors": vectors})


def closeness(model: Any, graph: Any, over: str = "edges", output: int | str = 0) -> Explanation:
    """What looks like an explanation and is geometry: it would say the same of every model."""
    function = as_graph_function(model, graph, output)
    return edge_explanation(1.0 / function.inputs["vectors"].norm(dim=1).numpy(), function, "closeness")
