"""Jets are values, slopes and curvatures, and tables of layers made of them are those of the networks."""

from functools import partial

import pytest
import torch
from torch import nn

from gnncv.nn import ACTIVATIONS, SMOOTH_ACTIVATIONS, AttentionLayer, FilterLayer, QuinticSwitching
from gnncv.nn.jets import RadialJets, activation_jet, layer_jets, linear_jet, product_jet
from gnncv.nn.radial import GaussianBasis
from gnncv.nn.radial_table import jets_by_autograd, make_table

CUTOFF = 4.3


def random_layer(kind: str, generator) -> AttentionLayer | FilterLayer:
    torch.manual_seed(int(generator.integers(2**31)))
    if kind == "attention":
        return AttentionLayer(12, 6, 3, nn.SiLU(), 1.0).double()
    return FilterLayer(12, 6, nn.SiLU(), 2 if kind == "filter by species" else 1).double()


@pytest.mark.parametrize("name", SMOOTH_ACTIVATIONS)
def test_networks_of_distance_are_differentiated_as_autograd_does(name, generator):
    torch.manual_seed(int(generator.integers(2**31)))
    first, second = nn.Linear(3, 5).double(), nn.Linear(5, 4, bias=False).double()
    activation = ACTIVATIONS[name]()
    basis, switching = GaussianBasis(0.0, CUTOFF, 3), QuinticSwitching(CUTOFF, 3.0)
    distances = torch.from_numpy(generator.uniform(0.5, CUTOFF, 40))
    radial = RadialJets.at(distances, basis, switching)
    network = linear_jet(second, activation_jet(activation, linear_jet(first, radial.basis)))

    def function(d: torch.Tensor) -> torch.Tensor:
        return second(activation(first(basis(d)))) * switching(d)[:, None]

    expected = jets_by_autograd(function, distances)
    torch.testing.assert_close(product_jet(network, radial.switching), expected, rtol=1e-11, atol=1e-11)


def test_a_kinked_activation_has_no_jet():
    with pytest.raises(TypeError, match="ReLU has no continuous derivative"):
        activation_jet(nn.ReLU(), torch.ones(3, 2, 1))


@pytest.mark.parametrize("kind", ["attention", "filter", "filter by species"])
def test_tables_of_layers_are_those_of_their_functions(kind, generator):
    layer = random_layer(kind, generator)
    basis, switching = GaussianBasis(0.0, CUTOFF, 6), QuinticSwitching(CUTOFF, 3.0)

    def functions(d: torch.Tensor) -> torch.Tensor:
        radial, faded = basis(d), switching(d)[:, None]
        if isinstance(layer, FilterLayer):
            return layer.filter(radial) * faded
        return torch.cat([layer.filter(radial), layer.distance_logit(radial), faded], dim=1)

    expected = make_table(partial(jets_by_autograd, functions), CUTOFF, 24)
    table = make_table(layer_jets(layer, basis, switching), CUTOFF, 24)
    torch.testing.assert_close(table, expected, rtol=1e-10, atol=1e-10)
