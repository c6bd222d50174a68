"""Values, slopes and curvatures of networks of one distance, carried through their layers.

A jet is a tensor ``(3, K, C)``: C functions of distance and their first two derivatives at K distances.
Tables are made of jets at the knots; unlike derivatives found by differentiating twice, jets can be
differentiated once more, by the parameters, at the cost of a forward pass. So a network can be trained
through its table.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .radial_table import Jets, jets_by_autograd


@dataclass(frozen=True)
class RadialJets:
    """What networks of distance start from at K distances, in float64.

    ``basis`` holds the jets of the radial functions ``(3, K, B)``, ``switching`` those of the switching
    function ``(3, K, 1)``.
    """

    basis: Tensor
    switching: Tensor

    @classmethod
    def at(cls, distances: Tensor, basis: nn.Module, switching: nn.Module) -> "RadialJets":
        """At distances ``(K,)``, angstrom, in float64."""
        return cls(
            jets_by_autograd(basis, distances), jets_by_autograd(lambda d: switching(d)[:, None], distances)
        )


def switched_jets(distances: Tensor, basis: nn.Module, switching: nn.Module) -> Tensor:
    """Jets ``(3, K, B + 1)``: the radial functions times the switching function, and the latter."""
    radial = RadialJets.at(distances, basis, switching)
    return torch.cat([product_jet(radial.basis, radial.switching), radial.switching], dim=2)


def linear_jet(layer: nn.Module, jet: Tensor) -> Tensor:
    """A linear layer, its parameters in the type of the jet."""
    assert isinstance(layer, nn.Linear)
    out = jet @ layer.weight.to(jet.dtype).T
    if layer.bias is None:
        return out
    return torch.cat([out[:1] + layer.bias.to(jet.dtype), out[1:]])


def activation_jet(activation: nn.Module, jet: Tensor) -> Tensor:
    """A smooth non-linearity ``a``: ``a(f)``, ``a' f'``, ``a'' f'^2 + a' f''``."""
    value, first, second = _activation(activation, jet[0])
    return torch.stack([value, first * jet[1], second * jet[1].square() + first * jet[2]])


def product_jet(one: Tensor, other: Tensor) -> Tensor:
    """The product of two jets."""
    return torch.stack(
        [
            one[0] * other[0],
            one[1] * other[0] + one[0] * other[1],
            one[2] * other[0] + 2.0 * one[1] * other[1] + one[0] * other[2],
        ]
    )


def _activation(activation: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A non-linearity and its first two derivatives."""
    if isinstance(activation, nn.Tanh):
        t = torch.tanh(x)
        slope = 1.0 - t * t
        return t, slope, -2.0 * t * slope
    s = torch.sigmoid(x)
    slope = s * (1.0 - s)
    if isinstance(activation, nn.Softplus):
        return torch.nn.functional.softplus(x), s, slope
    if isinstance(activation, nn.SiLU):
        return x * s, s + x * slope, slope * (2.0 + x * (1.0 - 2.0 * s))
    raise TypeError(f"{type(activation).__name__} has no continuous derivative: a table cannot hold it")


def layer_jets(layer: Any, basis: nn.Module, switching: nn.Module) -> Jets:
    """The jets of a layer with ``jet``, on radial functions that are where its parameters are."""

    def jets(distances: Tensor) -> Tensor:
        device = next(layer.parameters()).device
        jet: Tensor = layer.jet(RadialJets.at(distances.to(device), basis, switching))
        return jet

    return jets
