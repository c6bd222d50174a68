"""A site network is the ``nn.Sequential`` it is made from."""

import numpy as np
import pytest
import torch
from torch import nn

from gnncv.errors import InvalidArgument
from gnncv.nn import ACTIVATIONS, SiteNetwork, side_by_side
from gnncv.nn.operators import use_references


@pytest.fixture(autouse=True)
def seeded(generator: np.random.Generator) -> None:
    torch.manual_seed(int(generator.integers(2**31)))


@pytest.mark.parametrize("activation", ACTIVATIONS.values())
@pytest.mark.parametrize("references", [False, True])
def test_it_is_the_layers_it_is_made_from(activation: type[nn.Module], references: bool) -> None:
    parts = [torch.randn(9, 3), torch.randn(9, 5)]
    networks = (
        nn.Sequential(nn.Linear(8, 16), activation(), nn.Linear(16, 3, bias=False)),
        nn.Sequential(activation(), nn.Linear(8, 3)),
    )
    for network in networks:
        expected = network(torch.cat(parts, dim=1))
        made, added = SiteNetwork(network, columns=[2, 1]), SiteNetwork(network)
        if references:
            with use_references():
                found, (sum_,) = made(parts), added(parts, parts[0])
        else:
            found, (sum_,) = made(parts), added(parts, parts[0])
        assert [part.shape[1] for part in found] == [2, 1]
        torch.testing.assert_close(torch.cat(found, dim=1), expected, rtol=0, atol=1e-6)
        torch.testing.assert_close(sum_, parts[0] + expected, rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*deprecated.*:DeprecationWarning")
def test_it_is_scripted_with_and_without_biases() -> None:
    parts = [torch.randn(5, 4)]
    for bias in (False, True):
        made = SiteNetwork(nn.Sequential(nn.Linear(4, 6), nn.SiLU(), nn.Linear(6, 2, bias=bias)))
        torch.testing.assert_close(torch.jit.script(made)(parts)[0], made(parts)[0])


@pytest.mark.filterwarnings("ignore:.*torch.jit.*deprecated.*:DeprecationWarning")
@pytest.mark.parametrize("give_joint", [False, True])
def test_networks_one_after_the_other(give_joint: bool) -> None:
    first = nn.Sequential(nn.Linear(7, 6), nn.Softplus(), nn.Linear(6, 4))
    seconds = (nn.Sequential(nn.Softplus(), nn.Linear(4, 3)), nn.Linear(4, 3, bias=False))
    parts, added = [torch.randn(30, 3), torch.randn(30, 4)], torch.randn(30, 4)
    for second in seconds:
        made = SiteNetwork(first, second, [1, 2], give_joint)
        joint = first(torch.cat(parts, dim=1)) + added
        for module in (made, torch.jit.script(made)):
            found = module(parts, added)
            if give_joint:
                torch.testing.assert_close(found.pop(0), joint, rtol=0, atol=1e-6)
            torch.testing.assert_close(torch.cat(found, dim=1), second(joint), rtol=0, atol=1e-6)


def test_layers_side_by_side() -> None:
    layers = [nn.Linear(6, width, bias=False) for width in (4, 1, 3)]
    features = torch.randn(8, 6)
    found = SiteNetwork(side_by_side(*layers), columns=[4, 1, 3])([features])
    for part, layer in zip(found, layers, strict=True):
        torch.testing.assert_close(part, layer(features))


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), "one activation"),
        (
            nn.Sequential(nn.Linear(2, 2), nn.SiLU(), nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2)),
            "one activation",
        ),
        (nn.Sequential(nn.Linear(2, 2), nn.GELU(), nn.Linear(2, 2)), "GELU"),
        (nn.Sequential(nn.SiLU(), nn.SiLU()), "alternates"),
    ],
)
def test_what_it_cannot_be_made_from(network: nn.Module, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        SiteNetwork(network)
