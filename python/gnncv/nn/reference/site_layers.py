"""Multilayer perceptrons on sites, their parameters in one tensor."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from .site_network import ACTIVATIONS


def site_layers(
    inputs: Sequence[Tensor],
    added: Tensor | None,
    parameters: Tensor,
    widths: Sequence[int],
    activation: int,
    activated: Sequence[int],
    joint: int,
    columns: Sequence[int],
    give_joint: bool,
) -> list[Tensor]:
    """Linear layers with an activation before some of them, on what the inputs are side by side.

    Parameters
    ----------
    inputs
        ``(N, C_k)``.
    added
        ``(N, widths[joint])``, or nothing: added to the outputs of ``joint`` layers.
    parameters
        Of each layer the weights ``(out, in)``, then the biases ``(out,)``, all in one row.
    widths
        Of the inputs side by side, and of each layer.
    activation
        0 silu, 1 softplus, 2 tanh, 3 relu.
    activated
        Of each layer whether the activation stands before it.
    joint
        After so many layers.
    columns
        How the last layer's outputs are divided among the results.
    give_joint
        Whether the sum at the joint is the first result.

    Returns
    -------
    list
        ``(N, columns[k])``.
    """
    x = sum_ = torch.cat(list(inputs), dim=1)
    offset = 0
    for number, (n_in, n_out) in enumerate(pairwise(widths)):
        if activated[number]:
            x = ACTIVATIONS[activation](x)
        weight = parameters[offset : offset + n_in * n_out].reshape(n_out, n_in)
        offset += n_in * n_out
        x = functional.linear(x, weight, parameters[offset : offset + n_out])
        offset += n_out
        if number + 1 == joint:
            x = sum_ = x if added is None else x + added
    return [*([sum_] if give_joint else []), *x.split(list(columns), dim=1)]
