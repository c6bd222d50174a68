"""From tensors to an `Explanation`: what every attribution does before and after its method."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnncv.errors import InvalidArgument, ModelError
from gnncv.explain.attribution.graph_function import GraphFunction
from gnncv.explain.explanation import Explanation, Over

Array = NDArray[np.float64]


def input_value(function: GraphFunction, key: str) -> Tensor:
    """The actual value of an input, detached; `InvalidArgument` where the function has none of this name."""
    if key not in function.inputs:
        raise InvalidArgument(
            f"{function.output} on this graph is no function of {key!r}; its inputs are "
            f"{', '.join(function.inputs)}"
        )
    return function.inputs[key].detach()


def batch_of_one(function: GraphFunction, key: str) -> Callable[[Tensor], Tensor]:
    """The function as captum calls it: ``(1, ...)`` in, ``(1,)`` out; graphs of a batch cannot be stacked."""

    def forward(batch: Tensor) -> Tensor:
        return function(**{key: batch[0]}).reshape(1)

    return forward


def checked_gradient(function: GraphFunction, key: str, compute: Callable[[], Tensor]) -> Tensor:
    """What `compute` gives; `ModelError` where autograd finds that the output ignores the input."""
    try:
        return compute()
    except RuntimeError as error:
        unreached = ("not have been used", "does not require grad", "does not have a grad_fn")
        if any(words in str(error) for words in unreached):
            raise ModelError(
                f"{function.output} does not depend on {key} in a way that can be differentiated"
            ) from None
        raise


def as_array(values: Tensor) -> Array:
    """float64 NumPy array of a tensor on any device."""
    return values.detach().cpu().numpy().astype(np.float64)


def explanation_of(
    function: GraphFunction,
    scores: Tensor,
    over: Over,
    method: str,
    units: str = "1",
    completeness_gap: float | None = None,
    details: dict[str, float] | None = None,
) -> Explanation:
    """The result of one method on one graph, with everything that the function knows of the graph."""
    with torch.no_grad():
        value = float(function())
    vectors = function.inputs.get("vectors")
    return Explanation(
        scores=as_array(scores),
        over=over,
        node_labels=list(function.node_labels),
        output=function.output,
        method=method,
        units=units,
        model_hash=function.model_hash,
        value=value,
        labels=list(function.feature_names) if over == "node_features" else (),
        edge_index=function.edge_index.detach().cpu().numpy().astype(np.int64),
        edge_vectors=None if vectors is None else as_array(vectors),
        atoms=function.atoms,
        node_of_atom=function.node_of_atom,
        completeness_gap=completeness_gap,
        details={} if details is None else details,
    )
