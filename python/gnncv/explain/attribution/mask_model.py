"""A `GraphFunction` as a module of torch_geometric, whose explainers can put their masks on it."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from gnncv.explain.attribution.graph_function import GraphFunction
from gnncv.explain.foreign.libraries import torch_geometric


@runtime_checkable
class ClassifierFunction(GraphFunction, Protocol):
    """A function whose output is one of a row, as the log-probability of a class is."""

    column: int

    def row(self, **inputs: Tensor) -> Tensor:
        """All outputs ``(C,)``."""


def gates_of_edges() -> Any:
    """A ``MessagePassing`` whose messages are the gates themselves, ones ``(E,)``, and are kept apart.

    torch_geometric's explainers multiply the messages of every such layer by their mask: so the mask reaches
    the gates of any function of a graph, whatever network is behind it.
    """

    class Gates(torch_geometric().nn.MessagePassing):  # type: ignore[misc]
        def forward(self, edge_index: Tensor, ones: Tensor, n_nodes: int) -> Tensor:
            gates = self.propagate(edge_index, gate=ones[:, None], size=(n_nodes, n_nodes))
            return gates.squeeze(1)

        def message(self, gate: Tensor) -> Tensor:
            return gate

        def aggregate(self, inputs: Tensor) -> Tensor:
            return inputs

    return Gates()


class MaskedFunction(nn.Module):
    """A function of one graph, called as ``model(x, edge_index)``.

    Parameters
    ----------
    function : GraphFunction
    start : Tensor, optional
        ``(n, F)`` baseline of the node features: `x` is what they have beyond it, so that a mask takes them
        back to it. ``None`` leaves the features alone.
    with_edges : bool
        Whether the edges have gates; they leave the descriptors alone if `start` is given.
    scale : float
        Divides the output.
    whole_row : bool
        Return all outputs of a classifier, ``(1, C)``, instead of the one.
    """

    def __init__(
        self,
        function: GraphFunction,
        start: Tensor | None,
        with_edges: bool,
        scale: float = 1.0,
        whole_row: bool = False,
    ) -> None:
        super().__init__()
        self._function = (function,)  # in a tuple: were it a module, its own layers would be masked once more
        self._start = start
        self._scale = scale
        self._whole_row = whole_row
        self.gates = gates_of_edges() if with_edges else None

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """The output under the masks that are set, ``(1, 1)``, or the row ``(1, C)``."""
        (function,) = self._function
        inputs: dict[str, Tensor] = {}
        if self.gates is not None:
            ones = torch.ones_like(function.inputs["edges"])
            inputs["edges"] = self.gates(edge_index, ones, len(function.node_labels))
        if self._start is not None:
            inputs["node_features"] = self._start + x
        if self._whole_row:
            assert isinstance(function, ClassifierFunction)
            return function.row(**inputs).reshape(1, -1)
        return function(**inputs).reshape(1, 1) / self._scale
