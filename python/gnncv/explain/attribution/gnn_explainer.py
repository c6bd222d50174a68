"""GNNExplainer: the few edges or features that are enough for an output, found as masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, Unpack, get_args, overload

import torch
from torch import Tensor
from tqdm import tqdm

from gnncv.errors import InvalidArgument
from gnncv.explain.attribution.baselines import baseline_value
from gnncv.explain.attribution.from_function import explanation_of, input_value
from gnncv.explain.attribution.graph_function import GraphFunction, as_graph_function
from gnncv.explain.attribution.mask_model import ClassifierFunction, MaskedFunction
from gnncv.explain.explanation import Explanation
from gnncv.explain.foreign.libraries import torch_geometric

Mode = Literal["regression", "binary_classification", "multiclass_classification"]
ReturnType = Literal["raw", "probs", "log_probs"]
MaskOver = Literal["edges", "node_features", "nodes"]


@dataclass(frozen=True)
class _Search:
    """How masks are looked for."""

    epochs: int
    lr: float
    size: float
    entropy: float
    opening: float
    seed: int
    mode: Mode
    return_type: ReturnType
    show_progress: bool


class _Options(TypedDict, total=False):
    """What `gnn_explainer` takes by name."""

    epochs: int
    lr: float
    size: float
    entropy: float
    opening: float
    seed: int
    baseline: Any
    mode: Mode
    return_type: ReturnType
    show_progress: bool


@overload
def gnn_explainer(
    model: Any, graph: Any, over: MaskOver = ..., output: int | str = ..., **options: Unpack[_Options]
) -> Explanation: ...


@overload
def gnn_explainer(
    model: Any, graph: Any, over: Sequence[MaskOver], output: int | str = ..., **options: Unpack[_Options]
) -> tuple[Explanation, ...]: ...


def gnn_explainer(
    model: Any,
    graph: Any,
    over: MaskOver | Sequence[MaskOver] = "edges",
    output: int | str = 0,
    *,
    epochs: int = 200,
    lr: float = 0.1,
    size: float = 0.1,
    entropy: float = 0.02,
    opening: float = 0.0,
    seed: int = 0,
    baseline: Any = 0.0,
    mode: Mode = "regression",
    return_type: ReturnType = "raw",
    show_progress: bool = True,
) -> Explanation | tuple[Explanation, ...]:
    """GNNExplainer (Ying et al., NeurIPS 2019, arXiv:1903.03894), by torch_geometric's own.

    Masks m in (0, 1) on edges or features are found by gradient descent on

        (F(m) - F)^2 / (F - F(0))^2  +  size * mean(m)  +  entropy * mean(H(m)) ,

    H being the entropy of each. torch_geometric's loss is ``(F(m) - F)^2`` with a sum over edges: for a CV of
    order 1 on ten thousand edges, the sum alone would decide. Here the CV is measured in units of its own
    change when all is masked, F - F(0), and regularizers are means, so that the defaults mean the same for
    every CV, unit and number of edges.

    Parameters
    ----------
    model, graph
        As for :func:`gnncv.explain.as_graph_function`.
    over : {"edges", "node_features", "nodes"}, or several
        What is masked: gates of edges; every feature of every node; all features of a node together. Of
        several the masks are looked for jointly, as torch_geometric does, unless node features follow from
        the edges (descriptors of sites): then one by one, for descriptors that are given do not feel gates.
    output : int or str
        Which output; of a classifier, the class.
    epochs, lr
        Steps of Adam and their size, in logits of the masks.
    size, entropy
        Weights of the terms above: more of `size`, fewer edges; more of `entropy`, masks nearer to 0 or 1.
    opening : float
        Added to the masks' first values, in logits. 0, as in torch_geometric, begins half open. Where the
        output under half-open masks is already that of closed ones, nothing leads back from there (a
        classifier of several layers that sums over nodes, say): 2 to 4 begins with masks almost open.
    seed : int
        Of the masks' first values; the same seed gives the same masks. The random state is left as it was.
    baseline
        What a mask of 0 makes of node features, as in :func:`integrated_gradients`; zeros by default, as in
        torch_geometric.
    mode, return_type
        ``"regression"``: the output, as a number. A classifier of torch_geometric may be explained in its own
        mode instead, with the cross entropy of the class in place of the square, by what it returns: logits
        (``"raw"``), probabilities or their logarithms.
    show_progress : bool
        Whether to show a progress bar on standard error, if it takes more than a second.

    Returns
    -------
    Explanation, or a tuple of them
        Masks in (0, 1), exactly 0 where a mask has no effect at all. ``details``: ``masked_value`` (the
        output under the mask), ``removed_value`` (with everything masked), ``epochs``, ``seed``.

    Raises
    ------
    InvalidArgument
        If the function has no such input or baseline, the numbers make no sense, or a mode of classifiers is
        asked for a function that is none.
    """
    chosen: tuple[MaskOver, ...] = (over,) if isinstance(over, str) else tuple(over)
    _check_over(chosen)
    search = _Search(epochs, lr, size, entropy, opening, seed, mode, return_type, show_progress)
    _check_search(search)
    function = as_graph_function(model, graph, output)
    if mode != "regression" and not isinstance(function, ClassifierFunction):
        raise InvalidArgument(
            f"mode {mode!r} is for classifiers of torch_geometric; {function.output} is none"
        )
    start = None
    if set(chosen) & {"node_features", "nodes"}:
        start = baseline_value(function, "node_features", baseline)
    if "edges" in chosen:
        input_value(function, "edges")
    jointly = len(chosen) == 1 or not _features_follow_edges(function)
    parts = [chosen] if jointly else [(each,) for each in chosen]
    found = [explanation for part in parts for explanation in _explain(function, part, start, search)]
    return found[0] if isinstance(over, str) else tuple(found)


def _check_over(chosen: tuple[MaskOver, ...]) -> None:
    for each in chosen:
        if each not in get_args(MaskOver):
            raise InvalidArgument(f"over is {each!r}; masks are over {', '.join(get_args(MaskOver))}")
    if not chosen or len(set(chosen)) < len(chosen) or {"nodes", "node_features"} <= set(chosen):
        raise InvalidArgument(
            f"over is {chosen}; give edges, node_features or nodes, or edges with one of the other two"
        )


def _check_search(search: _Search) -> None:
    for name, value, lowest in (("epochs", search.epochs, 1), ("size", search.size, 0)):
        if value < lowest:
            raise InvalidArgument(f"{name} is {value}; it must be at least {lowest}")
    if search.lr <= 0 or search.entropy < 0:
        raise InvalidArgument(
            f"lr is {search.lr} and entropy {search.entropy}; lr must be above 0, entropy not below"
        )
    if search.mode not in get_args(Mode) or search.return_type not in get_args(ReturnType):
        raise InvalidArgument(
            f"mode is {search.mode!r} and return_type {search.return_type!r}; they are of "
            f"{', '.join(get_args(Mode))} and of {', '.join(get_args(ReturnType))}"
        )


def _features_follow_edges(function: GraphFunction) -> bool:
    """Whether gates change the node features: they then do less where the features are given."""
    if "node_features" not in function.inputs:
        return False
    halves = 0.5 * torch.ones_like(input_value(function, "edges"))
    with torch.no_grad():
        given = function(edges=halves, node_features=input_value(function, "node_features"))
        return not torch.equal(given, function(edges=halves))


def _explain(
    function: GraphFunction, chosen: tuple[MaskOver, ...], start: Tensor | None, search: _Search
) -> list[Explanation]:
    """Masks over what is chosen, looked for together, in its order."""
    features = set(chosen) & {"node_features", "nodes"}
    begin = start if features else None
    masked = {key: input_value(function, key) for key in ("edges",) if key in chosen}
    if begin is not None:
        masked["node_features"] = input_value(function, "node_features") - begin
    values = {"value": _value_under(function, masked, begin, 1.0)}
    values["removed_value"] = _value_under(function, masked, begin, 0.0)
    masks = _masks(function, chosen, masked, begin, values, search)
    under = {key: value * masks[key].to(value) for key, value in masked.items()}
    details = {
        "masked_value": _value_under(function, under, begin, 1.0),
        "removed_value": values["removed_value"],
        "epochs": float(search.epochs),
        "seed": float(search.seed),
    }
    scores = {
        "edges": masks.get("edges"),
        "node_features": masks.get("node_features"),
        "nodes": None if "node_features" not in masks else masks["node_features"][:, 0],
    }
    results = []
    for each in chosen:
        mask = scores[each]
        assert mask is not None
        results.append(explanation_of(function, mask, each, "gnn_explainer", details=details))
    return results


def _opened(opening: float) -> Any:
    """torch_geometric's algorithm, its masks starting `opening` above their own first logits."""

    class Opened(torch_geometric().explain.GNNExplainer):  # type: ignore[misc]
        def _initialize_masks(self, *graph: Any) -> None:
            super()._initialize_masks(*graph)
            for mask in (self.node_mask, self.edge_mask):
                if mask is not None:
                    mask.data += opening

    return Opened


def _count(bar: Any) -> None:
    """One step of a progress bar, and nothing more: what a hook returns would replace the module's input."""
    bar.update()


def _value_under(
    function: GraphFunction, masked: dict[str, Tensor], start: Tensor | None, factor: float
) -> float:
    """The output where what is masked (features: what is beyond `start`) is multiplied by a factor."""
    inputs = {key: value * factor for key, value in masked.items()}
    if start is not None:
        inputs["node_features"] = start + inputs["node_features"]
    with torch.no_grad():
        return float(function(**inputs))


def _masks(
    function: GraphFunction,
    chosen: tuple[MaskOver, ...],
    masked: dict[str, Tensor],
    start: Tensor | None,
    values: dict[str, float],
    search: _Search,
) -> dict[str, Tensor]:
    """torch_geometric's masks: ``(E,)`` of edges, ``(n, F)`` or ``(n, 1)`` of features."""
    if all(value.numel() == 0 for value in masked.values()):
        return {key: torch.zeros_like(value) for key, value in masked.items()}
    explain = torch_geometric().explain
    regression = search.mode == "regression"
    change = abs(values["value"] - values["removed_value"])
    scale = change if regression and change > 0 else 1.0
    module = MaskedFunction(function, start, "edges" in masked, scale, whole_row=not regression)
    target = None
    if search.mode == "multiclass_classification":
        assert isinstance(function, ClassifierFunction)
        target = torch.tensor([function.column], device=function.edge_index.device)
    explainer = explain.Explainer(
        model=module,
        algorithm=_opened(search.opening)(
            epochs=search.epochs,
            lr=search.lr,
            edge_size=search.size,
            edge_reduction="mean",
            edge_ent=search.entropy,
            node_feat_size=search.size,
            node_feat_reduction="mean",
            node_feat_ent=search.entropy,
        ),
        explanation_type="model" if target is None else "phenomenon",
        node_mask_type=None if start is None else "object" if "nodes" in chosen else "attributes",
        edge_mask_type="object" if "edges" in masked else None,
        model_config={"mode": search.mode, "task_level": "graph", "return_type": search.return_type},
    )
    n_nodes = len(function.node_labels)
    x = masked.get("node_features", torch.zeros(n_nodes, 1, device=function.edge_index.device))
    devices = [x.device] if x.is_cuda else []
    bar = tqdm(
        total=search.epochs,
        desc="GNNExplainer",
        disable=not search.show_progress,
        delay=1.0,
        dynamic_ncols=True,
    )
    with bar, torch.random.fork_rng(devices=devices):
        counted = module.register_forward_pre_hook(lambda *_: _count(bar))
        torch.manual_seed(search.seed)
        found = explainer(x.detach(), function.edge_index, target=target)
        counted.remove()
    named = {"edges": found.get("edge_mask"), "node_features": found.get("node_mask")}
    return {key: named[key].detach() for key in masked}
