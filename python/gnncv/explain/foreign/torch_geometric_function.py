"""One output of a torch_geometric model on one graph, as the function that every attribution works on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Literal, get_args

import numpy as np
import torch
from ase import Atoms
from ase.data import chemical_symbols
from numpy.typing import NDArray
from torch import Tensor, nn

from gnncv.errors import InvalidArgument
from gnncv.explain.foreign.calling import calling_of
from gnncv.explain.foreign.evaluation import (
    WithoutDropout,
    eval_mode,
    gated_messages,
    message_passing_layers,
    weights_hash,
)

Gates = Literal["auto", "edge_weight", "messages"]

# What of a graph can be varied: the name of the input, and the field of a Data that holds it.
_VARIED = {"node_features": "x", "positions": "pos"}


class TorchGeometricFunction:
    """One output of any torch module on one graph of torch_geometric: a ``GraphFunction``.

    The module is called by the names of its forward's arguments: fields of the graph (``x``, ``edge_index``,
    ``edge_attr``, ``pos``, ``z``, ...), ``batch`` and ``edge_weight``; ``model(data)`` and
    ``model(x, edge_index, batch, edge_weight)`` under any names are understood too. It is evaluated in eval
    mode and left in the mode it had.

    Parameters
    ----------
    model : torch.nn.Module
        Gives one row ``(1, C)`` (or ``(1,)``, or a number) for the graph: logits, log-probabilities, values:
        explained is what it returns.
    graph : torch_geometric.data.Data
        One graph. ``z`` (atomic numbers) names its nodes, ``feature_names`` (``"C,O,N"``) its features; with
        ``z`` and ``pos`` there is a frame. Weights ``edge_weight`` of the graph itself multiply the gates.
    output : int or str
        Column of the row: the class, or the regression's index; a name where the model or the graph has
        ``output_names``.
    gates : {"auto", "edge_weight", "messages"}
        What ``inputs["edges"]`` multiply. ``"edge_weight"``: they are given as the module's edge weights, as
        captum's examples do (GraphConv: equal to its messages; GCNConv: its normalization by degree changes
        with them). ``"messages"``: what each edge carries in every convolution, by torch_geometric's own
        explain masks (GINConv, GATConv, TransformerConv, ...). ``"auto"``: edge weights where the module
        takes and uses them, else messages.

    Raises
    ------
    InvalidArgument
        If the graph is a batch of several, the module does not give one row, the output does not exist,
        nothing that can be varied reaches the module (``inputs`` has no ``"edges"`` where gates alone do
        not), or its value is not the same twice.

    Warns
    -----
    UserWarning
        If the module drops out in eval mode (``F.dropout`` without ``training=self.training``): it is then
        explained without dropout.
    """

    def __init__(self, model: nn.Module, graph: Any, output: int | str = 0, *, gates: Gates = "auto") -> None:
        if gates not in get_args(Gates):
            raise InvalidArgument(f"gates is {gates!r}; it is one of {', '.join(get_args(Gates))}")
        self.model: nn.Module | None = model
        self._model = model
        self._graph = _one_graph(graph, model)
        self._asked = (graph, output, gates)
        self.edge_index: Tensor = self._graph.edge_index
        self._fields = _fields_of(self._graph)
        self._calling = calling_of(model, set(self._fields) | {"edge_weight"})
        self.inputs: Mapping[str, Tensor] = self._varied_inputs()
        self.model_hash = weights_hash(model)
        self.atoms: Atoms | None = _atoms_of(self._graph)
        self.node_of_atom: NDArray[np.int64] | None = None
        self.node_labels: Sequence[str] = _node_labels(self._graph)
        features = self._graph.x.shape[1] if "node_features" in self.inputs else 0
        names = _names(self._graph, "feature_names")
        self.feature_names: Sequence[str] = (
            names if len(names) == features else [f"feature {i}" for i in range(features)]
        )
        self._gates: Gates = "messages" if gates == "messages" else "edge_weight"
        self._without_dropout = False
        self._check_chance()
        self.column, self.output = self._chosen(output)
        if gates == "auto" and not self._gates_reach():
            self._gates = "messages"
        if not self._gates_reach():
            if gates != "auto" or len(self.inputs) == 1:
                raise InvalidArgument(self._unreached())
            self.inputs = {name: value for name, value in self.inputs.items() if name != "edges"}
        self.baselines: Mapping[str, Mapping[str, Tensor]] = {
            input_name: {baseline: torch.zeros_like(self.inputs[input_name])}
            for input_name, baseline in (("edges", "no interaction"), ("node_features", "zero"))
            if input_name in self.inputs
        }

    def __call__(self, **inputs: Tensor) -> Tensor:
        """The output, 0-dimensional; what is not given has its actual value."""
        return self.row(**inputs)[self.column]

    def row(self, **inputs: Tensor) -> Tensor:
        """All outputs ``(C,)``, of which `column` is the one: what a classifier is judged by."""
        unknown = sorted(set(inputs) - set(self.inputs))
        if unknown:
            raise InvalidArgument(f"unknown input {unknown[0]!r}; there are {', '.join(self.inputs)}")
        for name, value in inputs.items():
            if value.shape != self.inputs[name].shape:
                expected = tuple(self.inputs[name].shape)
                raise InvalidArgument(f"{name} has shape {tuple(value.shape)}, expected {expected}")
        return self._row(inputs)

    def with_model(self, model: nn.Module) -> TorchGeometricFunction:
        """The same graph and output under another network of the same kind."""
        graph, output, _ = self._asked
        return TorchGeometricFunction(model, graph, output, gates=self._gates)

    @property
    def gates(self) -> Gates:
        """Whether the gates are edge weights, or multiply messages."""
        return self._gates

    def _row(self, inputs: Mapping[str, Tensor]) -> Tensor:
        fields = {**self._fields}
        for name, field in _VARIED.items():
            if name in inputs:
                fields[field] = inputs[name]
        with ExitStack() as stack:
            stack.enter_context(eval_mode(self._model))
            if self._without_dropout:
                stack.enter_context(WithoutDropout())
            edges = inputs.get("edges")
            weights = self._fields.get("edge_weight")
            if self._gates == "edge_weight":
                edges = self.inputs["edges"] if edges is None else edges
                weights = edges if weights is None else edges * weights
            elif edges is not None:
                stack.enter_context(gated_messages(self._model, edges, self.edge_index))
            answer = self._calling(self._model, self._graph, {**fields, "edge_weight": weights})
        return _one_row(answer, self._model)

    def _varied_inputs(self) -> dict[str, Tensor]:
        example = next((p for p in self._model.parameters() if p.is_floating_point()), torch.empty(0))
        ones = torch.ones(self.edge_index.shape[1], dtype=example.dtype, device=self.edge_index.device)
        varied = {"edges": ones}
        for name, field in _VARIED.items():
            value = self._fields.get(field)
            used = self._calling.whole_graph or field in self._calling.fields
            if value is not None and used and value.is_floating_point():
                varied[name] = value
        return {name: value.detach().clone().requires_grad_(True) for name, value in varied.items()}

    def _check_chance(self) -> None:
        """Dropout that eval mode does not switch off is switched off here; any other chance is refused."""
        with torch.no_grad(), WithoutDropout() as seen:
            values = [self._row({}) for _ in range(2)]
        if not torch.equal(*values):
            raise InvalidArgument(
                f"{type(self._model).__name__} gives {values[0].tolist()} and {values[1].tolist()} for the "
                "same graph in eval mode: something in it draws random numbers (dropout of edges or nodes, "
                "noise), and explanations would be random too; let it do so only where self.training is true"
            )
        self._without_dropout = seen.dropped > 0
        if self._without_dropout:
            warnings.warn(
                f"{type(self._model).__name__} drops out in eval mode too (F.dropout without "
                "training=self.training): its outputs are random; it is explained without dropout. Write "
                "F.dropout(x, p, training=self.training)",
                UserWarning,
                stacklevel=3,
            )

    def _chosen(self, output: int | str) -> tuple[int, str]:
        with torch.no_grad():
            n_outputs = len(self._row({}))
        names = _names(self._model, "output_names") or _names(self._graph, "output_names")
        if len(names) != n_outputs:
            names = [f"output {i}" for i in range(n_outputs)]
        if isinstance(output, str):
            if output not in names:
                raise InvalidArgument(f"output {output!r} is not one of {', '.join(names)}")
            return names.index(output), output
        if not 0 <= output < n_outputs:
            raise InvalidArgument(f"output {output} does not exist; the model has {n_outputs}")
        return int(output), names[output]

    def _gates_reach(self) -> bool:
        gates = torch.ones_like(self.inputs["edges"]).requires_grad_(True)
        takes = self._calling.whole_graph or "edge_weight" in self._calling.fields
        if self._gates == "edge_weight" and not takes:
            return False
        if self._gates == "messages" and not message_passing_layers(self._model):
            return False
        value = self._row({"edges": gates})[self.column]
        if not value.requires_grad:
            return False
        return torch.autograd.grad(value, gates, allow_unused=True)[0] is not None

    def _unreached(self) -> str:
        name = type(self._model).__name__
        if self._gates == "edge_weight":
            return f"{name} does not use edge weights; leave gates='auto', which gates messages instead"
        return (
            f"no gate on edges reaches {name}: its forward takes no edge_weight and it has no layer of "
            "torch_geometric's MessagePassing (or its layers have explain = False)"
        )


def _one_graph(graph: Any, model: nn.Module) -> Any:
    """The graph on the model's device, its floats in the model's precision."""
    edge_index = getattr(graph, "edge_index", None)
    if not isinstance(edge_index, Tensor) or edge_index.dim() != 2 or edge_index.shape[0] != 2:
        raise InvalidArgument(
            f"{type(model).__name__} is explained on a torch_geometric Data with edge_index (2, E), "
            f"got {type(graph).__name__}"
        )
    if getattr(graph, "num_graphs", 1) > 1:
        raise InvalidArgument(f"a batch of {graph.num_graphs} graphs; explain them one by one")
    weight = next((p for p in model.parameters() if p.is_floating_point()), None)
    if weight is None:
        return graph.clone()
    return graph.clone().apply(
        lambda value: value.to(weight.device, weight.dtype if value.is_floating_point() else value.dtype)
    )


def _names(owner: Any, attribute: str) -> list[str]:
    names = getattr(owner, attribute, None) or []
    return names.split(",") if isinstance(names, str) else list(names)


def _fields_of(graph: Any) -> dict[str, Any]:
    fields = {name: value for name, value in graph.to_dict().items() if value is not None}
    if fields.get("batch") is None:
        fields["batch"] = torch.zeros(graph.num_nodes, dtype=torch.long, device=graph.edge_index.device)
    return fields


def _one_row(answer: Any, model: nn.Module) -> Tensor:
    """The outputs (C,) for the one graph."""
    if isinstance(answer, tuple | list) and answer:
        answer = answer[0]
    if not isinstance(answer, Tensor):
        raise InvalidArgument(f"{type(model).__name__} returns a {type(answer).__name__}, expected a tensor")
    if answer.dim() == 2 and answer.shape[0] != 1:
        raise InvalidArgument(
            f"{type(model).__name__} returns {tuple(answer.shape)} for one graph, expected one row (1, C); "
            "of a model of nodes, explain a wrapper that returns the node's row, out[node : node + 1]"
        )
    return answer.reshape(-1)


def _atoms_of(graph: Any) -> Atoms | None:
    z, positions = getattr(graph, "z", None), getattr(graph, "pos", None)
    if z is None or positions is None or positions.shape != (len(z), 3):
        return None
    return Atoms(numbers=z.cpu().numpy(), positions=positions.detach().cpu().double().numpy())


def _node_labels(graph: Any) -> list[str]:
    z = getattr(graph, "z", None)
    if z is None:
        return [f"node{i}" for i in range(1, graph.num_nodes + 1)]
    return [f"{chemical_symbols[number]}{i}" for i, number in enumerate(z.tolist(), start=1)]
