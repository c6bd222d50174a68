"""The network of a learned bias: bounded, flat where there are no samples, exact slopes."""

import numpy as np
import torch

from finite_differences import central_difference
from gnncv.learned_bias import LearnedBias
from learned_biases import random_bias


def network_alone(bias: LearnedBias, standard: torch.Tensor) -> torch.Tensor:
    hidden = torch.tanh(bias.second(torch.tanh(bias.first(standard))))
    return bias.largest * torch.sigmoid(bias.last(hidden).squeeze(-1))


def test_it_lies_between_zero_and_its_bound(generator: np.random.Generator) -> None:
    bias = random_bias([0.5, 0.1], [0.3, 0.05], seed=1, largest=0.4)
    values = torch.from_numpy(generator.normal(size=(2000, 2)) * [2.0, 0.4] + [0.5, 0.1])
    energy = bias(values)
    assert energy.shape == (2000,)
    assert float(energy.min()) >= 0.0
    assert float(energy.max()) <= 0.4
    assert float(energy.max()) > 0.1


def test_away_from_the_samples_it_keeps_the_value_of_the_nearest(generator: np.random.Generator) -> None:
    bias = random_bias([0.5, 0.1], [0.3, 0.05], seed=1, largest=0.4)
    for k in range(20):
        direction = torch.from_numpy(generator.normal(size=2))
        direction = direction / direction.norm()
        for far in (30.0, 3000.0):
            place = (direction * far * bias.spread + bias.shift).requires_grad_(True)
            outermost = int((bias.centers @ direction).argmax())
            second = (bias.centers @ direction).sort().values[-2]
            if (bias.centers[outermost] @ direction - second) * far < 30.0 * bias.width**2:
                continue  # two of them are as near
            energy = bias(place)
            (slope,) = torch.autograd.grad(energy, place)
            assert abs(energy.item() - network_alone(bias, bias.centers[outermost]).item()) < 1e-9, k
            assert slope.abs().max().item() < 1e-9


def test_slopes_are_those_of_the_energy(generator: np.random.Generator) -> None:
    bias = random_bias([0.0, 1.0, -2.0], [1.0, 0.2, 3.0], seed=2, largest=0.3)
    for _ in range(20):
        point = generator.normal(size=3) * [1.5, 0.3, 4.5] + [0.0, 1.0, -2.0]
        values = torch.tensor(point, requires_grad=True)
        (slope,) = torch.autograd.grad(bias(values), values)
        direction = generator.normal(size=3)

        def energy(x: float, point=point, direction=direction) -> np.ndarray:
            return np.array([float(bias(torch.from_numpy(point + x * direction)))])

        assert abs(central_difference(energy)[0] - slope.numpy() @ direction) < 1e-9
        same, closed = bias.energy_and_slope(torch.from_numpy(point))
        assert torch.allclose(same, bias(values).detach(), rtol=1e-12, atol=0)
        assert torch.allclose(closed, slope, rtol=1e-10, atol=1e-14)
