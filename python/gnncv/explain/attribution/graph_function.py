"""What every attribution works on: a model on one graph, as a function of what its output may be given to."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from torch import Tensor, nn

from gnncv.errors import InvalidArgument


@runtime_checkable
class GraphFunction(Protocol):
    """One output of a model on one graph.

    Attributes
    ----------
    output
        Name of the output.
    model_hash
        SHA-256 of the model's file, or of its weights.
    node_labels
        Names of the n nodes.
    edge_index
        ``(2, E)`` int64: sender (neighbor), receiver (center); both directions of every edge.
    inputs
        Actual values of what can be varied, each with a gradient: ``"positions"`` ``(N, 3)`` angstrom,
        ``"edges"`` gates ``(E,)`` of ones that multiply what an edge carries, ``"vectors"`` ``(E, 3)``
        angstrom, ``"node_features"`` ``(n, F)``: the descriptors of sites, or a graph's features.
    baselines
        Named baselines of an input, of its shape: ``baselines["edges"]["no interaction"]`` and so on.
    feature_names
        Names of the F node features.
    atoms, node_of_atom
        The frame, where there is one; ``(N,)`` the node of each atom, where nodes are not the atoms.
    model
        The network whose weights may be drawn anew, or ``None``.
    """

    output: str
    model_hash: str
    node_labels: Sequence[str]
    edge_index: Tensor
    inputs: Mapping[str, Tensor]
    baselines: Mapping[str, Mapping[str, Tensor]]
    feature_names: Sequence[str]
    atoms: Atoms | None
    node_of_atom: NDArray[np.int64] | None
    model: nn.Module | None

    def __call__(self, **inputs: Tensor) -> Tensor:
        """The output, 0-dimensional; what is not given has its actual value."""

    def with_model(self, model: nn.Module) -> GraphFunction:
        """The same graph and output under another network of the same kind."""


def as_graph_function(model: Any, graph: Any, output: int | str = 0) -> GraphFunction:
    """The function that attributions work on, of a model and a graph.

    Parameters
    ----------
    model : GraphFunction, object with ``graph_function(graph, output)``, path-like, or torch module
        A model of gnncv (a training run, its model, an exported file by its path or loaded) makes its own;
        any other torch module is taken as one of torch_geometric, called as
        ``model(x, edge_index, batch, edge_weight)``.
    graph : ase.Atoms or torch_geometric.data.Data
        Ignored if `model` is a function of a graph already.
    output : int or str
        Which output, by index or name.

    Raises
    ------
    InvalidArgument
        If the model is none of these.
    """
    if isinstance(model, str | os.PathLike):
        from gnncv.cv import CollectiveVariable

        model = CollectiveVariable(os.fspath(model))
    if isinstance(model, nn.Module) and not hasattr(model, "graph_function"):
        from gnncv.explain.foreign import TorchGeometricFunction

        return TorchGeometricFunction(model, graph, output)
    if hasattr(model, "graph_function"):
        function: GraphFunction = model.graph_function(graph, output)
        return function
    if isinstance(model, GraphFunction):
        return model
    raise InvalidArgument(
        f"cannot attribute a {type(model).__name__}; give a trained model, a CollectiveVariable, a torch "
        "module on graphs, or a GraphFunction"
    )
