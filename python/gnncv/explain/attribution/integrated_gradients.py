"""Integrated gradients: an output's change from a baseline, shared out over edges or features."""

from __future__ import annotations

import warnings
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from tqdm import tqdm

from gnncv.errors import InvalidArgument
from gnncv.explain.attribution.baselines import baseline_value
from gnncv.explain.attribution.directions import reverse_edges
from gnncv.explain.attribution.from_function import (
    batch_of_one,
    checked_gradient,
    explanation_of,
    input_value,
)
from gnncv.explain.attribution.graph_function import GraphFunction, as_graph_function
from gnncv.explain.explanation import Explanation, Over
from gnncv.explain.foreign.libraries import captum_attr

IntegratedOver = Literal["edges", "vectors", "node_features", "nodes"]
INCOMPLETE = 0.05  # of the change, above which a gap is warned of
ROUNDING = 1e-6  # of a change that is next to nothing

_SCORED: dict[str, tuple[str, Over]] = {
    "edges": ("edges", "edges"),
    "vectors": ("vectors", "edges"),
    "node_features": ("node_features", "node_features"),
    "nodes": ("node_features", "nodes"),
}


def integrated_gradients(
    model: Any,
    graph: Any,
    over: IntegratedOver = "edges",
    output: int | str = 0,
    *,
    baseline: Any = None,
    steps: int = 50,
    show_progress: bool = True,
) -> Explanation:
    """Integrated gradients (Sundararajan, Taly and Yan, ICML 2017, arXiv:1703.01365, eq. 1), by captum.

    Along the straight path from a baseline x' to the graph's own x, with Gauss and Legendre's nodes,

        score_i = (x_i - x'_i) * integral from 0 to 1 of dF/dx_i (x' + t (x - x')) dt ,

    so that the scores add up to F(x) - F(x'), but for what the quadrature misses: `completeness_gap`.

    Parameters
    ----------
    model, graph
        As for :func:`gnncv.explain.as_graph_function`.
    over : {"edges", "vectors", "node_features", "nodes"}
        - ``"edges"``: gates that multiply what each edge carries, from 0 to 1; where the function has only
          pair vectors (exported files), as ``"vectors"``.
        - ``"vectors"``: pair vectors, angstrom, from where they are stretched to the cutoff; the three
          components are added up, and the two directions of a pair have half of its score each.
        - ``"node_features"``: descriptors of sites, or a graph's features, at fixed edges.
        - ``"nodes"``: those added up over each node's features.
    output : int or str
        Which output.
    baseline : str, Tensor, array, float, ase.Atoms or iterable of them, optional
        A name in ``function.baselines``; a value that broadcasts; frames of a reference phase, for node
        features: the mean descriptors of each kind of site there. By default ``"no interaction"``, or, where
        there is none of this name, the first that has a name.
    steps : int
        Number of nodes, evaluated one by one: graphs are not stacked, the memory is that of one.
    show_progress : bool
        Whether to show a progress bar on standard error, if it takes more than a second.

    Returns
    -------
    Explanation
        Signed scores over edges, node features or nodes; ``details``: ``steps`` and ``baseline_value``.

    Raises
    ------
    InvalidArgument
        If the function has no such input or baseline, or `steps` is below 1.

    Warns
    -----
    UserWarning
        If the gap is more than a twentieth of the change.
    """
    if over not in _SCORED:
        raise InvalidArgument(f"over is {over!r}; it is one of {', '.join(get_args(IntegratedOver))}")
    if steps < 1:
        raise InvalidArgument(f"steps is {steps}; it must be positive")
    function = as_graph_function(model, graph, output)
    key, scored = _SCORED[over]
    if key == "edges" and key not in function.inputs and "vectors" in function.inputs:
        key = "vectors"
    value = input_value(function, key)
    chosen = _default_baseline(function, key) if baseline is None else baseline
    start = baseline_value(function, key, chosen)
    scores, gap = _integrate(function, key, value, start, steps, show_progress)
    with torch.no_grad():
        details = {"steps": float(steps), "baseline_value": float(function(**{key: start}))}
        _warn_if_incomplete(gap, float(function()) - details["baseline_value"], steps)
    if key == "vectors":
        scores = 0.5 * (scores + scores[reverse_edges(function)])
    if key == "vectors" or over == "nodes":
        scores = scores.sum(dim=1)
    return explanation_of(
        function, scores, scored, "integrated_gradients", completeness_gap=gap, details=details
    )


def _warn_if_incomplete(gap: float, change: float, steps: int) -> None:
    if abs(gap) > INCOMPLETE * abs(change) and abs(gap) > ROUNDING:
        warnings.warn(
            f"the scores add up to {change + gap:.6g} and the output changes by {change:.6g}: {steps} steps "
            "are too few for this path; take more (steps=200)",
            stacklevel=3,
        )


def _default_baseline(function: GraphFunction, key: str) -> str:
    names = list(function.baselines.get(key, {}))
    return names[0] if names and "no interaction" not in names else "no interaction"


def _integrate(
    function: GraphFunction, key: str, value: Tensor, start: Tensor, steps: int, show_progress: bool
) -> tuple[Tensor, float]:
    """Attributions of the input's shape, and their sum minus the difference of the two values."""
    if value.numel() == 0:
        return torch.zeros_like(value), 0.0
    with tqdm(
        total=steps, desc="integrated gradients", disable=not show_progress, delay=1.0, dynamic_ncols=True
    ) as bar:
        method = _integral(bar)(batch_of_one(function, key))

        def attribute() -> Any:
            return method.attribute(
                value.unsqueeze(0),
                baselines=start.unsqueeze(0),
                n_steps=steps,
                internal_batch_size=1,
                return_convergence_delta=True,
            )

        scores, gap = checked_gradient(function, key, attribute)
    return scores[0].detach(), float(gap)


def _integral(bar: Any) -> Any:
    """captum's ``IntegratedGradients`` with weights in full precision.

    It rounds the quadrature's weights to float32, which alone leaves gaps of 1e-8 of the value: here each
    node is asked for with the weight 1, and weighted afterwards.
    """

    class Integral(captum_attr().IntegratedGradients):  # type: ignore[misc]
        def _attribute(self, *, step_sizes_and_alphas: Any, **arguments: Any) -> tuple[Tensor, ...]:
            (weight,), place = step_sizes_and_alphas  # one at a time: internal_batch_size is 1
            attributions = super()._attribute(step_sizes_and_alphas=([1.0], place), **arguments)
            bar.update()
            return tuple(weight * values.detach() for values in attributions)

    return Integral
