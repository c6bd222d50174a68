"""How a torch module on graphs wants to be called: read from the names of its forward's arguments."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from gnncv.errors import InvalidArgument

# What others call the same thing.
_ALIASES = {
    "batch_index": "batch",
    "batch_idx": "batch",
    "edge_weights": "edge_weight",
    "edge_mask": "edge_weight",
}
_IN_ORDER = ("x", "edge_index", "batch", "edge_weight")
_SINGLE_GRAPH = ("data", "graph", "batch", "inputs", "input")


@dataclass(frozen=True)
class Calling:
    """A way to call a module on graphs.

    Attributes
    ----------
    by_name
        Argument of forward -> field of the graph (``x``, ``edge_index``, ``batch``, ``edge_weight``, ...).
    in_order
        Fields given by position, where the arguments' names say nothing.
    whole_graph
        The module takes the Data itself.
    """

    by_name: Mapping[str, str]
    in_order: tuple[str, ...] = ()
    whole_graph: bool = False

    @property
    def fields(self) -> set[str]:
        """What of the graph reaches the module by itself."""
        return {*self.by_name.values(), *self.in_order}

    def __call__(self, module: nn.Module, graph: Any, fields: Mapping[str, Any]) -> Any:
        """The module's answer to a Data whose `fields` are replaced."""
        if self.whole_graph:
            changed = graph.clone()
            for name, value in fields.items():
                setattr(changed, name, value)
            return module(changed)
        by_name = {argument: fields[name] for argument, name in self.by_name.items()}
        return module(*(fields[name] for name in self.in_order), **by_name)


def calling_of(module: nn.Module, known: set[str]) -> Calling:
    """How to call a module, given the names of the fields that its graph has.

    Raises
    ------
    InvalidArgument
        If forward asks for something that the graph does not have.
    """
    parameters = list(inspect.signature(module.forward).parameters.values())
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    required = [p.name for p in named if p.default is p.empty]
    if len(named) == 1 and named[0].name not in known - set(_SINGLE_GRAPH):
        return Calling({}, whole_graph=True)
    by_name = {p.name: _ALIASES.get(p.name, p.name) for p in named}
    by_name = {argument: field for argument, field in by_name.items() if field in known}
    if any(p.kind is p.VAR_POSITIONAL for p in parameters) and not named:
        return Calling({}, in_order=_IN_ORDER)
    missing = [name for name in required if name not in by_name]
    if not missing:
        return Calling(by_name)
    nameless = not {"x", "edge_index"} & set(by_name.values())
    fits = zip((p.name for p in named), _IN_ORDER, strict=False)
    if (
        nameless
        and len(required) <= len(_IN_ORDER)
        and all(by_name.get(n, field) == field for n, field in fits)
    ):
        return Calling({}, in_order=_IN_ORDER[: len(named)])
    raise InvalidArgument(
        f"{type(module).__name__}.forward asks for {', '.join(missing)}, which the graph does not have "
        f"(it has {', '.join(sorted(known))}); put it on the Data under that name, or wrap the model so that "
        "it is called as model(x, edge_index, batch, edge_weight)"
    )
