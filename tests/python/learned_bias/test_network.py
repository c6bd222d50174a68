"""The network of a learned bias: bounded, zero where there are no samples, exact slopes."""

import numpy as np
import torch

from finite_differences import central_difference
from learned_biases import random_bias


def test_it_lies_between_zero_and_its_bound_and_ends_with_the_samples(generator: np.random.Generator) -> None:
    bias = random_bias([0.5, 0.1], [0.3, 0.05], seed=1, largest=0.4)
    values = torch.from_numpy(generator.normal(size=(2000, 2)) * [2.0, 0.4] + [0.5, 0.1])
    energy = bias(values)
    assert energy.shape == (2000,)
    assert float(energy.min()) >= 0.0
    assert float(energy.max()) <= 0.4
    assert float(energy.max()) > 0.1
    away = torch.tensor([[0.5 + 20 * 0.3, 0.1], [0.5, -20.0]], dtype=torch.float64, requires_grad=True)
    beyond = bias(away)
    (slope,) = torch.autograd.grad(beyond.sum(), away)
    assert beyond.max().item() < 1e-100
    assert float(slope.abs().max()) < 1e-100  # and not nan, also where the kernels underflow


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
