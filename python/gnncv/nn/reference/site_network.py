"""Multilayer perceptrons on sites."""

import torch
from torch import Tensor
from torch.nn import functional

ACTIVATIONS = (functional.silu, functional.softplus, torch.tanh, functional.relu)
"""In the order of :data:`gnncv.nn.ACTIVATIONS`; the fused operators know the first three."""


def site_network(
    inputs: list[Tensor],
    weights: list[Tensor],
    biases: list[Tensor],
    columns: list[int],
    activation: int,
    activate_input: bool,
    residual: bool,
) -> list[Tensor]:
    """Linear layers with an activation between them, on what the inputs are side by side.

    Parameters
    ----------
    inputs
        ``(N, C_k)``.
    weights, biases
        Of each layer ``(out, in)``, and ``(out,)`` or empty.
    columns
        How the last layer's outputs are divided among the results.
    activation
        0 silu, 1 softplus, 2 tanh, 3 relu.
    activate_input, residual
        Whether the activation comes before the first layer, too; whether the first input is added.

    Returns
    -------
    list
        ``(N, columns[k])``.
    """
    x = torch.cat(inputs, dim=1)
    for number, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        if number or activate_input:
            x = ACTIVATIONS[activation](x)
        x = functional.linear(x, weight, bias if bias.numel() else None)
    if residual:
        x = inputs[0] + x
    return list(x.split(columns, dim=1))


def reconstruction_error(
    latents: Tensor, target: Tensor, weights: list[Tensor], biases: list[Tensor], activation: int
) -> Tensor:
    """Mean square ``(N, 1)`` of a network's outputs for ``(N, L)`` latents less the target ``(N, F)``."""
    width = target.shape[1]
    (rebuilt,) = site_network([latents], weights, biases, [width], activation, False, False)
    return (rebuilt - target).square().mean(dim=1, keepdim=True)
