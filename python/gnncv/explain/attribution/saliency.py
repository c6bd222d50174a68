"""Saliency: how fast an output changes with each node, feature or edge."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
from torch import Tensor

from gnncv.errors import InvalidArgument
from gnncv.explain.attribution.directions import both_directions
from gnncv.explain.attribution.from_function import (
    batch_of_one,
    checked_gradient,
    explanation_of,
    input_value,
)
from gnncv.explain.attribution.graph_function import GraphFunction, as_graph_function
from gnncv.explain.explanation import Explanation, Over
from gnncv.explain.foreign.libraries import captum_attr

SaliencyOver = Literal["nodes", "node_features", "edges", "vectors"]


def saliency(
    model: Any, graph: Any, over: SaliencyOver = "nodes", output: int | str = 0, *, signed: bool = False
) -> Explanation:
    """Absolute derivatives of an output (Simonyan et al., 2014, arXiv:1312.6034), by captum's ``Saliency``.

    Parameters
    ----------
    model, graph
        As for :func:`gnncv.explain.as_graph_function`.
    over : {"nodes", "node_features", "edges", "vectors"}
        - ``"nodes"``, of a graph with positions: ``|dF/dr_i|``, 1/angstrom; of a molecule, the root of the
          sum of squares over its atoms (of the sum of their gradients, turning a molecule would be
          invisible). Of other graphs, the norm of the derivatives by the node's features: unlike their sum,
          it does not cancel where features pull against each other. `signed` gives the sum.
        - ``"node_features"``: ``|dF/dx_if|``.
        - ``"edges"``: ``|dF/dg_e|``, the derivative by a gate that multiplies what the edge carries; where
          the function has only pair vectors, as ``"vectors"``.
        - ``"vectors"``: ``|dF/dr_ij|``, 1/angstrom, by the vector of a pair: half of it for each direction,
          as ``r_ji`` is no other vector.
    output : int or str
        Which output.
    signed : bool
        Keep the sign. Norms have none: only for gates, features and sums of features.

    Returns
    -------
    Explanation
        Over nodes, node features or edges (of vectors: edges). Derivatives by descriptors are those at fixed
        edges: a node without neighbors may have some, although its descriptors cannot change.

    Raises
    ------
    InvalidArgument
        If the function has no such input, `over` is unknown, or a norm is to be signed.
    """
    if over not in get_args(SaliencyOver):
        raise InvalidArgument(f"over is {over!r}; saliency is over {', '.join(get_args(SaliencyOver))}")
    function = as_graph_function(model, graph, output)
    key = _varied(function, over)
    if signed and key in ("positions", "vectors"):
        raise InvalidArgument(f"saliency over {over} is the norm of a derivative by {key}, which has no sign")
    gradient = _derivative(function, key, absolute=not signed and key != "vectors")
    scored: Over = "edges" if over == "vectors" else over
    if key == "positions":
        gradient = _norm_of_nodes(function, gradient)
    elif key == "vectors":
        gradient = both_directions(function, gradient).norm(dim=1)
    elif over == "nodes" and not signed:
        gradient = gradient.norm(dim=1)
    elif over == "nodes":
        gradient = gradient.sum(dim=1)
    units = "1/Å" if key in ("positions", "vectors") else "1"
    return explanation_of(function, gradient, scored, "saliency", units)


def _varied(function: GraphFunction, over: SaliencyOver) -> str:
    """The input whose derivative is taken."""
    preferred = {"nodes": ("positions", "node_features"), "edges": ("edges", "vectors")}
    candidates = preferred.get(over, (over,))
    return next((key for key in candidates if key in function.inputs), candidates[-1])


def _derivative(function: GraphFunction, key: str, absolute: bool) -> Tensor:
    value = input_value(function, key)
    if value.numel() == 0:
        return torch.zeros_like(value)
    method = captum_attr().Saliency(batch_of_one(function, key))
    batch = value.unsqueeze(0).requires_grad_()
    return checked_gradient(function, key, lambda: method.attribute(batch, abs=absolute))[0]


def _norm_of_nodes(function: GraphFunction, gradient: Tensor) -> Tensor:
    squares = gradient.square().sum(dim=1)
    if function.node_of_atom is None:
        return squares.sqrt()
    owner = torch.as_tensor(function.node_of_atom, device=squares.device)
    return squares.new_zeros(len(function.node_labels)).index_add(0, owner, squares).sqrt()
