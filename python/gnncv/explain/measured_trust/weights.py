"""The weight-randomization check: an explanation of a model must change when the model does."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from gnncv.errors import InvalidArgument
from gnncv.explain.attribution.graph_function import GraphFunction
from gnncv.explain.explanation import Explanation
from gnncv.explain.measured_trust.calling import Explain, in_one_shape
from gnncv.explain.measured_trust.ranking import default_size, spearman, top_overlap

Array = NDArray[np.float64]
Scheme = Literal["cascading", "independent"]

UNCHANGED = 0.9
"""Rank correlation, and overlap of the highest, with random networks from which both make an explanation one
that ignores the weights. Ranks alone do not: gradients by edges carry the switching function whatever the
weights, and its falling off with the distance orders most edges."""

MOSTLY_GRAPH = 0.5
"""Rank correlation from which much of an explanation comes from the graph, whatever the weights."""


@dataclass(frozen=True, eq=False)
class WeightRandomization:
    """Scores of the model beside those of models with layers drawn anew, by absolute value.

    Attributes
    ----------
    scheme
        ``"cascading"``: stage k has its layers and those of all stages before drawn anew, from the output
        down; ``"independent"``: only its own.
    stages
        Names of the layers of each of the S stages.
    spearman, overlap
        ``(D, S)`` rank correlation with the scores of the model, and Jaccard index of the `size` highest, for
        each of D draws.
    complete, complete_overlap
        ``(D,)`` rank correlation and overlap when all layers are drawn anew.
    size
        How many are the highest.
    """

    scheme: Scheme
    stages: tuple[tuple[str, ...], ...]
    spearman: Array
    overlap: Array
    complete: Array
    complete_overlap: Array
    size: int

    @property
    def insensitive(self) -> bool:
        """Whether ranks and the highest stay what they are (`UNCHANGED`, on average) under random weights."""
        return bool(min(self.complete.mean(), self.complete_overlap.mean()) >= UNCHANGED)


def _draw_parameter(model: nn.Module, path: str) -> None:
    """Draw from a normal distribution of the weights' own mean and deviation."""
    parameter = model.get_parameter(path)
    with torch.no_grad():
        deviation = float(parameter.std(correction=0)) if parameter.numel() else 0.0
        parameter.copy_(torch.randn_like(parameter) * deviation + float(parameter.mean()))


def _reset_module(model: nn.Module, path: str) -> None:
    """Initialize a layer as when it was made."""
    layer: Any = model.get_submodule(path)
    layer.reset_parameters()


def layers(model: nn.Module) -> dict[str, Callable[[nn.Module], None]]:
    """What can be drawn anew, by name, from input to output as the model lists it, each with how.

    Modules with weights of their own and torch's ``reset_parameters`` are initialized by it; other weights
    are drawn one by one from a normal distribution of their own mean and deviation.
    """
    found: dict[str, Callable[[nn.Module], None]] = {}
    for name, module in model.named_modules():
        own = [key for key, value in module.named_parameters(recurse=False) if value.is_floating_point()]
        if own and hasattr(module, "reset_parameters"):
            found[name or type(module).__name__] = partial(_reset_module, path=name)
        else:
            paths = [f"{name}.{key}" if name else key for key in own]
            found |= {path: partial(_draw_parameter, path=path) for path in paths}
    return found


def randomized(model: nn.Module, names: tuple[str, ...], seed: int) -> nn.Module:
    """A copy of a model with the named layers drawn anew; torch's own random state is left alone."""
    drawn = copy.deepcopy(model)
    known = layers(drawn)
    devices = {parameter.device for parameter in drawn.parameters() if parameter.is_cuda}
    with torch.random.fork_rng(devices=list(devices)):
        torch.manual_seed(seed)
        for name in names:
            known[name](drawn)
    return drawn


def _stages(names: list[str], scheme: Scheme, most: int) -> list[tuple[str, ...]]:
    """Layers of each stage, from the output down, in at most `most` groups."""
    groups = [tuple(part.tolist()) for part in np.array_split(np.array(names[::-1]), min(most, len(names)))]
    if scheme == "independent":
        return groups
    return [sum(groups[: k + 1], ()) for k in range(len(groups))]


def weight_randomization(
    explain: Explain,
    function: GraphFunction,
    graph: Any = None,
    over: str = "edges",
    output: int | str = 0,
    *,
    scheme: Scheme = "cascading",
    stages: int = 4,
    draws: int = 3,
    size: int | None = None,
    explanation: Explanation | None = None,
    seed: int = 0,
    show_progress: bool = True,
) -> WeightRandomization:
    """Draw layers of the network anew and compare the scores.

    Parameters
    ----------
    explain : callable
        Called as ``explain(function, graph, over=..., output=...)`` with the function under another network.
    function : GraphFunction
        With its ``model``.
    graph, over, output
        Handed on to `explain`.
    scheme : str
        ``"cascading"`` (from the output down) or ``"independent"`` (one group of layers at a time).
    stages : int
        Most groups of layers; networks with fewer layers have one for each.
    draws : int
        How many times everything is drawn.
    size : int, optional
        How many scores count as the highest; a tenth if not given.
    explanation : Explanation, optional
        Under the network's own weights, where it is known already.
    seed : int
        Of the weights.
    show_progress : bool
        Whether to show a progress bar on standard error.

    Returns
    -------
    WeightRandomization
        Rank correlations of absolute scores at each stage.

    Notes
    -----
    The model parameter randomization test of Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018,
    arXiv:1810.03292, cascading and independent. Standardization of inputs is kept: it is no learned weight.

    Raises
    ------
    InvalidArgument
        If the function has no network, or the network has no weights.
    """
    if function.model is None:
        raise InvalidArgument(
            f"{function.output} comes without its network (an exported file is sealed); its weights can be "
            "drawn anew for the trained model"
        )
    names = list(layers(function.model))
    if not names or stages < 1 or draws < 1:
        raise InvalidArgument(
            f"the network has {len(names)} layers with weights, stages is {stages}, draws is {draws}; all "
            "must be positive"
        )
    explain = in_one_shape(explain)
    original = explain(function, graph, over=over, output=output) if explanation is None else explanation
    before = original.magnitudes
    size = default_size(before.size) if size is None else size
    groups = _stages(names, scheme, stages)
    extra = [] if scheme == "cascading" else [tuple(names)]
    results = np.empty((2, draws, len(groups) + len(extra)))
    with tqdm(
        total=results[0].size, desc="weights", unit="model", disable=not show_progress, leave=False
    ) as bar:
        for draw in range(draws):
            for stage, group in enumerate([*groups, *extra]):
                drawn = function.with_model(randomized(function.model, group, seed + draw))
                after = explain(drawn, graph, over=over, output=output).magnitudes
                results[:, draw, stage] = spearman(before, after), top_overlap(before, after, size)
                bar.update()
    kept = results[:, :, : len(groups)]
    complete, overlap = results[:, :, -1]
    return WeightRandomization(scheme, tuple(groups), kept[0], kept[1], complete, overlap, size)
