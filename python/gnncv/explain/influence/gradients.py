"""The gradient of a number as a vector: by all weights, or by those of a linear layer in the fast form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gnncv.errors import InvalidArgument


class Gradient(Protocol):
    """Of what a call computes: its value, and its gradient ``(size,)``, float64."""

    @property
    def size(self) -> int:
        """Number of weights."""

    def __call__(self, evaluate: Callable[[], Tensor]) -> tuple[float, Tensor]:
        """Evaluate once, and differentiate."""


class ParameterGradient:
    """Gradients by parameters, by backpropagation; parameters that do not matter have zeros.

    Parameters
    ----------
    model
        All else in it is left without a gradient.
    parameters
        Those of the gradient, in its order; default: all that require one.
    """

    def __init__(self, model: nn.Module, parameters: Sequence[nn.Parameter] | None = None) -> None:
        self.parameters = (
            [p for p in model.parameters() if p.requires_grad] if parameters is None else list(parameters)
        )
        _require_only(model, self.parameters)

    @property
    def size(self) -> int:
        """Number of weights."""
        return sum(parameter.numel() for parameter in self.parameters)

    def __call__(self, evaluate: Callable[[], Tensor]) -> tuple[float, Tensor]:
        """Value, and gradient ``(size,)``."""
        value = evaluate()
        if not value.requires_grad:
            return float(value), torch.zeros(self.size, dtype=torch.float64)
        slopes = torch.autograd.grad(value, self.parameters, allow_unused=True)
        parts = [
            torch.zeros_like(p) if slope is None else slope
            for p, slope in zip(self.parameters, slopes, strict=True)
        ]
        return float(value.detach()), torch.cat([part.flatten().double() for part in parts])


class LinearLayerGradient:
    """Gradients by weight and bias of a linear layer ``y = W x + b``, without going back beyond it.

    The gradient of a frame is ``sum_s g_s x_s^T`` and ``sum_s g_s`` over the rows ``s`` that the frame sends
    through the layer, with ``g = d value / d y``: rows are sites where a head is applied to each site, and
    there is one where graphs were pooled before (then the product of two frames' gradients is that of Pruthi
    et al., appendix F: ``(x . x' + 1)(g . g')``).

    Parameters
    ----------
    model
        All else in it is left without a gradient, so that what comes before the layer keeps no graph.
    name
        Of the layer in the model.

    Raises
    ------
    InvalidArgument
        If there is no such layer, or it is not linear.
    """

    def __init__(self, model: nn.Module, name: str) -> None:
        self.name = name
        try:
            layer = model.get_submodule(name)
        except AttributeError:
            raise InvalidArgument(f"layer {name!r}: {type(model).__name__} has no such layer") from None
        if not isinstance(layer, nn.Linear):
            raise InvalidArgument(
                f"layer {name!r} is a {type(layer).__name__}; give a linear layer, or 'all'"
            )
        self.layer = layer
        _require_only(model, list(layer.parameters()))

    @property
    def size(self) -> int:
        """Number of weights, biases included."""
        return sum(parameter.numel() for parameter in self.layer.parameters())

    def __call__(self, evaluate: Callable[[], Tensor]) -> tuple[float, Tensor]:
        """Value, and gradient ``(size,)``."""
        given: list[Tensor] = []
        made: list[Tensor] = []

        def record(_: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
            if output.requires_grad:  # not what is only measured on the way
                given.append(inputs[0].detach())
                made.append(output)

        hook = self.layer.register_forward_hook(record)
        try:
            value = evaluate()
        finally:
            hook.remove()
        weight = torch.zeros_like(self.layer.weight)
        bias = weight.new_zeros(len(weight))
        if made and value.requires_grad:
            for slope, rows in zip(torch.autograd.grad(value, made, allow_unused=True), given, strict=True):
                if slope is not None:
                    slope = slope.reshape(-1, slope.shape[-1])
                    weight = weight + slope.T @ rows.reshape(-1, rows.shape[-1])
                    bias = bias + slope.sum(0)
        parts = [weight] if self.layer.bias is None else [weight, bias]
        return float(value.detach()), torch.cat([part.detach().flatten().double() for part in parts])


def _require_only(model: nn.Module, chosen: Sequence[nn.Parameter]) -> None:
    model.requires_grad_(False)
    for parameter in chosen:
        parameter.requires_grad_(True)
