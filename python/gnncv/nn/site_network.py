"""Multilayer perceptrons on sites as they are evaluated: one operator each."""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from gnncv.errors import InvalidArgument

from . import site_operators
from .activation import ACTIVATIONS


class SiteNetwork(nn.Module):
    """A trained ``nn.Sequential`` of linear layers with one activation between them, as one operator.

    It shares the parameters of the layers it is made from. Hidden layers are not stored for the backward pass
    but computed again.

    Parameters
    ----------
    network
        ``Linear, activation, Linear, ...`` or ``activation, Linear, ...``; a ``Linear`` alone is one layer.
    columns
        How the outputs are divided among the tensors returned; all in one by default.
    residual
        Whether the first input is added to the outputs.
    """

    columns: list[int]
    activation: Final[int]
    activate_input: Final[bool]
    residual: Final[bool]

    def __init__(
        self, network: nn.Module, columns: Sequence[int] | None = None, residual: bool = False
    ) -> None:
        super().__init__()
        modules = list(network) if isinstance(network, nn.Sequential) else [network]
        self.activate_input = not isinstance(modules[0], nn.Linear)
        layers = modules[self.activate_input :: 2]
        self.activation = _activation(modules[not self.activate_input :: 2])
        self.residual = residual
        linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
        if not linear or len(linear) < len(layers):
            raise InvalidArgument(f"a site network alternates Linear and activation, got {network}")
        self.layers = nn.ModuleList(linear)
        self.columns = list(columns or [linear[-1].out_features])

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        """Outputs ``(N, columns[k])`` of inputs ``(N, C_k)``, which are taken side by side."""
        weights, biases = self.parameters_of_layers()
        return site_operators.site_network(
            inputs, weights, biases, self.columns, self.activation, self.activate_input, self.residual
        )

    @torch.jit.export
    def reconstruction_error(self, latents: Tensor, target: Tensor) -> Tensor:
        """Mean square ``(N, 1)`` of the outputs for ``latents`` ``(N, L)`` less the target ``(N, F)``."""
        weights, biases = self.parameters_of_layers()
        return site_operators.reconstruction_error(latents, target, weights, biases, self.activation)

    def parameters_of_layers(self) -> tuple[list[Tensor], list[Tensor]]:
        """Weights and biases; an empty tensor is no bias."""
        weights: list[Tensor] = []
        biases: list[Tensor] = []
        for layer in self.layers:
            weight, bias = layer.weight, layer.bias
            weights.append(weight)  # type: ignore[arg-type]
            biases.append(weight.new_empty([0]) if bias is None else bias)  # type: ignore[arg-type]
        return weights, biases


def side_by_side(*layers: nn.Linear) -> nn.Linear:
    """One linear layer whose outputs are those of the layers, all without bias, one after the other."""
    weight = torch.cat([layer.weight.detach() for layer in layers])
    joined = nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
    joined.weight = nn.Parameter(weight)
    return joined


def _activation(modules: Sequence[nn.Module]) -> int:
    """Which of ``ACTIVATIONS`` all the modules are, by its place; the first if there are none."""
    kinds = list(ACTIVATIONS.values())
    found = {type(module) for module in modules}
    if len(found) > 1 or not found <= set(kinds):
        names = sorted(kind.__name__ for kind in found)
        raise InvalidArgument(f"a site network has one activation of {list(ACTIVATIONS)}, got {names}")
    return kinds.index(found.pop()) if found else 0
