"""Taking scored parts out of a graph: the output without them."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnncv.errors import InvalidArgument
from gnncv.explain.attribution.graph_function import GraphFunction
from gnncv.explain.explanation import Explanation

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Removed = Literal["edges", "node_features"]


def removed_input(function: GraphFunction, over: str, remove: Removed | None = None) -> str:
    """The input through which parts are taken out; that of edges without gates is their vectors."""
    wanted = over if over != "nodes" else (remove or "edges")
    if wanted == "edges" and wanted not in function.inputs and "vectors" in function.inputs:
        return "vectors"
    return wanted


class Removal:
    """The output of a graph function with some of its scored parts taken out.

    Edges go through their gates, or, where the function has none (exported files), by stretching their
    vectors to where they no longer interact; a node goes with all its edges, or with its features put to the
    baseline; a feature of a node is put to the baseline.

    Parameters
    ----------
    function : GraphFunction
        With the input that is changed: ``"edges"`` or ``"node_features"``.
    over : str
        What the parts are: ``"edges"``, ``"nodes"`` or ``"node_features"``.
    remove : str, optional
        Of nodes, what is taken out: ``"edges"`` (default) or ``"node_features"``.
    baseline : str, optional
        Name of the input's baseline; if not given ``"no interaction"``, or the function's first. Gates need
        none: zero is no interaction.

    Raises
    ------
    InvalidArgument
        If the function lacks the input or the baseline, or the output is the same with everything taken out.
    """

    def __init__(
        self,
        function: GraphFunction,
        over: str,
        remove: Removed | None = None,
        baseline: str | None = None,
    ) -> None:
        if over not in ("edges", "nodes", "node_features"):
            raise InvalidArgument(
                f"scores over {over} cannot be held against removal; explain nodes, edges or node_features"
            )
        self.function = function
        self.over = over
        self.input = removed_input(function, over, remove)
        if self.input not in function.inputs:
            raise InvalidArgument(
                f"{function.output} is no function of {self.input} here (it is of "
                f"{', '.join(function.inputs)}), so none can be taken out; explain the trained model, "
                "whose edges have gates"
            )
        self.actual = function.inputs[self.input].detach()
        self.baseline = self._baseline(baseline)
        self.owners = self._owners()
        self.n_units = int(self.owners.max()) + 1 if self.over != "nodes" else len(function.node_labels)
        self.full = self.output(np.ones(self.n_units, dtype=bool))
        self.empty = self.output(np.zeros(self.n_units, dtype=bool))
        self._check_difference()

    def _baseline(self, name: str | None) -> Tensor:
        known = self.function.baselines.get(self.input, {})
        if name is None and self.input == "edges":
            return torch.zeros_like(self.actual)
        if name is None and known:
            name = "no interaction" if "no interaction" in known else next(iter(known))
        if name is None or name not in known:
            raise InvalidArgument(
                f"{self.input} of {self.function.output} have no baseline {name!r}; known are "
                f"{', '.join(known) or 'none'}"
            )
        return known[name].detach().expand_as(self.actual)

    def _owners(self) -> Integers:
        """(owners, elements) the parts that each element of the input needs, all of them, to be there."""
        count = self.actual.numel()
        if count == 0:
            raise InvalidArgument(
                f"{self.function.output} has no {self.input} here; nothing can be taken out"
            )
        parts = np.arange(count, dtype=np.int64)[None]
        if self.over == "node_features":
            return parts
        rows = parts // (count // len(self.actual))  # the edge, or node, of each element
        if self.over == "nodes" and self.input != "node_features":
            ends = self.function.edge_index.detach().cpu().numpy().astype(np.int64)
            return ends[:, rows[0]]
        return rows

    def _check_difference(self) -> None:
        scale = max(abs(self.full), abs(self.empty))
        if abs(self.full - self.empty) <= 100 * torch.finfo(self.actual.dtype).eps * scale:
            raise InvalidArgument(
                f"{self.function.output} is {self.full:.8g} with and without its {self.input}: nothing is "
                "lost by taking them out and no curve can be normalized; choose another baseline or input"
            )

    @property
    def difference(self) -> float:
        """What is at stake: the output minus the output with everything taken out."""
        return self.full - self.empty

    def output(self, kept: Booleans) -> float:
        """The output with only the kept parts (boolean, one for each part), in its own unit."""
        there = torch.from_numpy(kept[self.owners].all(axis=0)).to(self.actual.device)
        with torch.no_grad():
            value = self.function(
                **{self.input: torch.where(there.reshape(self.actual.shape), self.actual, self.baseline)}
            )
        return float(value)

    def remaining(self, kept: Booleans) -> float:
        """The output with only the kept parts, 1 with everything and 0 without anything."""
        return (self.output(kept) - self.empty) / self.difference

    def check(self, explanation: Explanation) -> None:
        """Refuse an explanation of something else."""
        if explanation.over != self.over or explanation.scores.size != self.n_units:
            raise InvalidArgument(
                f"{explanation.method} has {explanation.scores.size} scores over {explanation.over}; the "
                f"function has {self.n_units} {self.over}"
            )
