"""A call of a torch operator, its arguments by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

# Operations whose course or shape of result is decided by values.
BRANCHES = {
    "_local_scalar_dense", "item", "is_nonzero", "equal", "allclose", "nonzero", "nonzero_static",
    "argwhere", "masked_select", "index", "unique_dim", "_unique2", "_unique", "unique_consecutive",
    "bincount", "repeat_interleave",
}  # fmt: skip


class Operation:
    """A call of an operator, its arguments by name."""

    def __init__(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.func, self.args, self.kwargs = func, args, kwargs
        name = func._schema.name.partition("::")[2]
        self.name = name if name.endswith("__") else name.rstrip("_") or name
        self.builtin = func.namespace == "aten"

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """What was passed, by the names of the schema."""
        names = [argument.name for argument in self.func._schema.arguments]
        return {**dict(zip(names, self.args, strict=False)), **self.kwargs}

    def tensors(self) -> list[torch.Tensor]:
        """All tensors among the arguments."""
        return [leaf for leaf in tree_leaves((self.args, self.kwargs)) if isinstance(leaf, torch.Tensor)]

    def written(self) -> list[torch.Tensor]:
        """Arguments that the operator writes to."""
        names = [a.name for a in self.func._schema.arguments if a.alias_info and a.alias_info.is_write]
        return [t for n in names for t in tree_leaves(self.arguments.get(n)) if isinstance(t, torch.Tensor)]

    def branches(self, follows: Callable[[object], bool]) -> bool:
        """Whether what decides the course varies: a mask, or any argument of what reads values."""
        if self.name == "index":
            indices = [index for index in self.arguments["indices"] if index is not None]
            return any(follows(i) and i.dtype in (torch.bool, torch.uint8) for i in indices)
        if self.name == "masked_select":
            return follows(self.arguments["mask"])
        if self.name == "repeat_interleave":
            return follows(self.arguments.get("repeats"))
        return any(follows(tensor) for tensor in self.tensors())
