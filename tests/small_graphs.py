"""Small clusters as graphs whose edges follow the positions, and how functions along a path are judged."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from gnncv.nn import QuinticSwitching
from gnncv.nn.layers import Edges

CUTOFF = 3.0
SWITCHING = QuinticSwitching(CUTOFF, 2.0)


class SmallGraph:
    """Pairs of a cluster closer than the cutoff, sorted by center, differentiable in ``positions`` (N, 3)."""

    def __init__(self, positions: Tensor) -> None:
        self.positions = positions
        vectors = positions[None, :, :] - positions[:, None, :]
        distances = (vectors.square().sum(dim=2) + torch.eye(len(positions))).sqrt()
        near = (distances < CUTOFF) & ~torch.eye(len(positions), dtype=torch.bool)
        self.center, self.neighbor = torch.nonzero(near, as_tuple=True)
        self.distances = distances[self.center, self.neighbor]
        self.weights = SWITCHING(self.distances)
        counts = torch.bincount(self.center, minlength=len(positions))
        self.row_ptr = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])

    @property
    def edges(self) -> Edges:
        """The edges with the weights of the switching function."""
        return Edges(self.center, self.neighbor, self.weights)

    def pairs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Centers, neighbors and offsets."""
        return self.center, self.neighbor, self.row_ptr


def cluster(n_sites: int, generator: np.random.Generator) -> Tensor:
    """Positions of sites at about the density at which each has half a dozen neighbors, float64."""
    side = CUTOFF * (n_sites / 1.5) ** (1 / 3)
    return torch.from_numpy(generator.uniform(0.0, side, (n_sites, 3)))


def normal(generator: np.random.Generator, *shape: int) -> Tensor:
    """Random numbers, float64."""
    return torch.from_numpy(generator.normal(size=shape))


def parameters_drawn(module: torch.nn.Module, generator: np.random.Generator) -> torch.nn.Module:
    """The module in float64, all its parameters drawn anew; they are not to be trained."""
    module.double().requires_grad_(False)
    for parameter in module.parameters():
        parameter.copy_(0.5 * normal(generator, *parameter.shape))
    return module


def crossing(evaluate: Callable[[SmallGraph], Tensor], generator: np.random.Generator) -> tuple[float, float]:
    """What happens when a site crosses the cutoff of another: jumps of a random projection and its slope.

    The graph falls into two halves of five sites each, of which only the first two sites come near.
    """
    near, far = cluster(5, generator), cluster(5, generator)
    near[0], far[0] = 0.0, 0.0
    near[:, 0], far[:, 0] = -near[:, 0].abs(), far[:, 0].abs()
    projection: list[Tensor] = []
    values, slopes = [], []
    for step in (-1e-6, 1e-6):
        x = torch.tensor(CUTOFF + step, dtype=torch.float64, requires_grad=True)
        moved = far + x * torch.tensor([1.0, 0.0, 0.0])
        out = evaluate(SmallGraph(torch.cat([near, moved]))).flatten()
        if not projection:
            projection.append(normal(generator, len(out)))
        value = projection[0] @ out
        if value.requires_grad:
            (slope,) = torch.autograd.grad(value, x, allow_unused=True)
        else:
            slope = None
        values.append(value.item())
        slopes.append(0.0 if slope is None else slope.item())
    return abs(values[1] - values[0]), abs(slopes[1] - slopes[0])


def largest_kink(values: Tensor) -> float:
    """Largest second difference of values ``(T, C)`` along a path, over the square of the step ``1 / T``.

    Of the size of the second derivative where a function has one; T times a jump of its slope, T^2 times one
    of its value.
    """
    return float(values.diff(n=2, dim=0).abs().max()) * len(values) ** 2
