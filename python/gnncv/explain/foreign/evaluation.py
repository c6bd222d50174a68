"""Evaluating a module that others wrote: in eval mode, with gates on its messages, and without chance."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from gnncv.explain.foreign.libraries import torch_geometric

_DROPOUTS = (
    nn.functional.dropout,
    nn.functional.dropout1d,
    nn.functional.dropout2d,
    nn.functional.dropout3d,
    nn.functional.alpha_dropout,
    nn.functional.feature_alpha_dropout,
    torch.dropout,
)


class WithoutDropout(TorchFunctionMode):
    """Every functional dropout hands its input through; `dropped` counts those that would have dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.dropped = 0

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        if func not in _DROPOUTS:
            return func(*args, **named)
        training = named.get("training", named.get("train", args[2] if len(args) > 2 else True))
        probability = named.get("p", args[1] if len(args) > 1 else 0.5)
        self.dropped += bool(training and probability > 0)
        return named["input"] if "input" in named else args[0]


@contextmanager
def eval_mode(module: nn.Module) -> Iterator[None]:
    """All parts of the module in eval mode; each is left as it was found."""
    training = [part for part in module.modules() if part.training]
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True


@contextmanager
def gated_messages(module: nn.Module, gates: Tensor, edge_index: Tensor) -> Iterator[None]:
    """Every message multiplied by its edge's gate, by the masks that torch_geometric's explainers use.

    Self-loops that a convolution adds itself keep their message. What masks were there before (those of an
    explainer at work) are put back.
    """
    pyg = torch_geometric()
    layers = message_passing_layers(module)
    before = [(layer.explain, layer._edge_mask, layer._loop_mask, layer._apply_sigmoid) for layer in layers]
    for layer in layers:
        # after an explainer of torch_geometric was at work, set_masks would cut the gates off from their
        # values
        layer._parameters.pop("_edge_mask", None)
    pyg.explain.algorithm.utils.set_masks(module, gates, edge_index, apply_sigmoid=False)
    try:
        yield
    finally:
        for layer, (explain, edge_mask, loop_mask, apply_sigmoid) in zip(layers, before, strict=True):
            layer.explain = explain
            layer._edge_mask, layer._loop_mask = edge_mask, loop_mask
            layer._apply_sigmoid = apply_sigmoid


def message_passing_layers(module: nn.Module) -> list[Any]:
    """The convolutions of torch_geometric in a module, without those that refuse masks."""
    base = torch_geometric().nn.MessagePassing
    return [part for part in module.modules() if isinstance(part, base) and part.explain is not False]


def weights_hash(module: nn.Module) -> str:
    """SHA-256 over names, types, shapes and values of a module's parameters and buffers."""
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        if isinstance(value, Tensor):
            values = value.detach().cpu().contiguous()
            digest.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
            digest.update(values.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
