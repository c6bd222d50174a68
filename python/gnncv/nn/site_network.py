"""Multilayer perceptrons on sites as they are evaluated: one operator for all that follow one another."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn

from gnncv.errors import InvalidArgument

from . import site_operators
from .activation import ACTIVATIONS


class SiteNetwork(nn.Module):
    """Trained linear layers with one activation between them, and those that come next, as one operator.

    At the joint between the two something may be added, such as the features that ``network`` updates, and
    the sum given out beside the results of ``then``.

    Parameters
    ----------
    network
        ``Linear, activation, Linear, ...`` or ``activation, Linear, ...``; a ``Linear`` alone is one layer.
    then
        Another one on the sum at the joint; the outputs are the sum itself if there is none.
    columns
        How the outputs are divided among the tensors returned; all in one by default.
    give_joint
        Whether the sum at the joint is returned, too, first.

    Attributes
    ----------
    numbers
        Of each layer the weights ``(out, in)``, then the biases: a copy, in one tensor, not to be trained.
    widths
        Of the inputs side by side, and of each layer.
    """

    widths: list[int]
    activated: list[int]
    columns: list[int]
    activation: Final[int]
    joint: Final[int]
    give_joint: Final[bool]

    def __init__(
        self,
        network: nn.Module,
        then: nn.Module | None = None,
        columns: Sequence[int] | None = None,
        give_joint: bool = False,
    ) -> None:
        super().__init__()
        modules = [*_modules(network), *(() if then is None else _modules(then))]
        layers = [module for module in modules if isinstance(module, nn.Linear)]
        self.activation = _activation([module for module in modules if not isinstance(module, nn.Linear)])
        self.activated = [
            int(number > 0 and not isinstance(modules[number - 1], nn.Linear))
            for number, module in enumerate(modules)
            if isinstance(module, nn.Linear)
        ]
        self.widths = [layers[0].in_features, *(layer.out_features for layer in layers)]
        self.joint = sum(isinstance(module, nn.Linear) for module in _modules(network))
        self.give_joint = give_joint
        self.columns = list(columns or self.widths[-1:])
        self.numbers = nn.Parameter(torch.cat([_numbers(layer) for layer in layers]), requires_grad=False)

    def forward(self, inputs: list[Tensor], added: Tensor | None = None) -> list[Tensor]:
        """Outputs ``(N, columns[k])`` of inputs ``(N, C_k)``, which are taken side by side.

        ``added`` is added at the joint.
        """
        return site_operators.site_layers(
            inputs,
            added,
            self.numbers,
            self.widths,
            self.activation,
            self.activated,
            self.joint,
            self.columns,
            self.give_joint,
        )


def side_by_side(*layers: nn.Linear) -> nn.Linear:
    """One linear layer whose outputs are those of the layers, all without bias, one after the other."""
    weight = torch.cat([layer.weight.detach() for layer in layers])
    joined = nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
    joined.weight = nn.Parameter(weight)
    return joined


def _modules(network: nn.Module) -> list[nn.Module]:
    """Its linear layers and activations in order, which alternate and end with a layer."""
    modules = list(network) if isinstance(network, nn.Sequential) else [network]
    linear = [isinstance(module, nn.Linear) for module in modules]
    if not linear or not linear[-1] or any(not (a or b) for a, b in pairwise(linear)):
        raise InvalidArgument(f"a site network alternates Linear and activation, got {network}")
    if any(a and b for a, b in pairwise(linear)):
        raise InvalidArgument(f"a site network has one activation between its layers, got {network}")
    return modules


def _numbers(layer: nn.Linear) -> Tensor:
    weight = layer.weight.detach()
    bias = weight.new_zeros(layer.out_features) if layer.bias is None else layer.bias.detach()
    return torch.cat([weight.flatten(), bias])


def _activation(modules: Sequence[nn.Module]) -> int:
    """Which of ``ACTIVATIONS`` all the modules are, by its place; the first if there are none."""
    kinds = list(ACTIVATIONS.values())
    found = {type(module) for module in modules}
    if len(found) > 1 or not found <= set(kinds):
        names = sorted(kind.__name__ for kind in found)
        raise InvalidArgument(f"a site network has one activation of {list(ACTIVATIONS)}, got {names}")
    return kinds.index(found.pop()) if found else 0
