"""A small random graph model with the interface that mlcolvar's exported models have, written anew.

Filters of the distance, messages summed or averaged over neighbors, pooled by mean: enough to be
wrong with, if edges, directions, shifts or gradients were.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

CUTOFF = 3.4
NUMBERS = [40, 29]  # not sorted: the order of the file counts


class Round(nn.Module):
    """Messages along the edges, summed or averaged at their targets, into an update of the features."""

    def __init__(self, average: bool) -> None:
        super().__init__()
        self.average = average
        self.filter = nn.Linear(5, 6)
        self.update = nn.Linear(6, 6)

    def forward(self, features: Tensor, basis: Tensor, cut: Tensor, edges: Tensor) -> Tensor:
        messages = features[edges[0]] * torch.tanh(self.filter(basis)) * cut
        total = torch.zeros_like(features).index_add(0, edges[1], messages)
        if self.average:
            count = torch.zeros_like(features[:, :1]).index_add(0, edges[1], torch.ones_like(cut))
            total = 3.0 * total / count.clamp(min=1.0)
        return features + torch.tanh(self.update(total))


class Guest(nn.Module):
    """Two rounds of messages over directed edges, on an embedding of the species."""

    def __init__(self, n_out: int, average: bool, cutoff: float, numbers: Sequence[int]) -> None:
        super().__init__()
        self.embed = nn.Linear(len(numbers), 6, bias=False)
        self.rounds = nn.ModuleList([Round(average) for _ in range(2)])
        self.tilt = nn.Linear(6, 1, bias=False)
        self.read = nn.Linear(6, n_out)
        self.register_buffer("centers", torch.linspace(0.2 * cutoff, cutoff, 5))
        self.register_buffer("n_out", torch.tensor(n_out))
        self.register_buffer("cutoff", torch.tensor(cutoff))
        self.register_buffer("atomic_numbers", torch.tensor(list(numbers)))
        self.register_buffer("buffer", torch.tensor(0.0))
        self.register_buffer("long_range_cutoff", torch.tensor(-1.0))

    def edge_vectors(self, data: dict[str, Tensor]) -> Tensor:
        edges, positions = data["edge_index"], data["positions"]
        return positions[edges[1]] - positions[edges[0]] + data["shifts"]

    def forward(self, data: dict[str, Tensor]) -> Tensor:
        source, target = data["edge_index"][0], data["edge_index"][1]
        vectors = self.edge_vectors(data)
        distances = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
        cut = 0.5 * (torch.cos(distances * math.pi / self.cutoff) + 1.0)
        basis = torch.exp(-((distances - self.centers) ** 2)) * cut * ~data["edge_masks_lr"]
        features = self.embed(data["node_attrs"])
        for update in self.rounds:
            features = update(features, basis, cut, data["edge_index"])
        # A vector of each atom, squared: edges taken the wrong way round would change it.
        weighted = vectors * cut * self.tilt(features[source])
        arrow = torch.zeros_like(features[:, :3]).index_add(0, target, weighted)
        features = features + 0.1 * (arrow**2).sum(1, keepdim=True)
        outputs = self.read(features) * data["system_masks"]
        pooled = torch.zeros_like(outputs[:1] * data["n_system"]).index_add(0, data["batch"], outputs)
        return pooled / data["n_system"]


class NotPooled(Guest):
    """Returns a row an atom."""

    def forward(self, data: dict[str, Tensor]) -> Tensor:
        return self.read(self.embed(data["node_attrs"])) + self.edge_vectors(data).sum()


class Anchored(Guest):
    """Depends on where the atoms are, not only on their edges."""

    def forward(self, data: dict[str, Tensor]) -> Tensor:
        features = self.embed(data["node_attrs"])
        outputs = self.read(features) + torch.cos(data["positions"][:, :1]) + self.edge_vectors(data).sum()
        return outputs.mean(0, keepdim=True)


class Overflowing(Guest):
    """Finite in a liquid, not where two atoms come close."""

    def forward(self, data: dict[str, Tensor]) -> Tensor:
        distances = torch.linalg.vector_norm(self.edge_vectors(data), dim=1)
        steep = torch.exp(3000.0 * (0.3 * self.cutoff - distances))
        return self.read(self.embed(data["node_attrs"])).mean(0, keepdim=True) + steep.sum()


class Misnamed(nn.Module):
    """Has the attributes and not the inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("n_out", torch.tensor(1))
        self.register_buffer("cutoff", torch.tensor(3.0))
        self.register_buffer("atomic_numbers", torch.tensor([18]))

    def forward(self, descriptors: Tensor) -> Tensor:
        return descriptors.sum(1, keepdim=True) * self.cutoff


def make_guest(
    kind: type[Guest] = Guest,
    n_out: int = 2,
    average: bool = False,
    cutoff: float = CUTOFF,
    numbers: Sequence[int] = NUMBERS,
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
) -> Guest:
    """A random module; the seed fixes its weights, whatever the type of its numbers."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return kind(n_out, average, cutoff, numbers).to(dtype)


def write_guest(
    path: Path, module: nn.Module | None = None, change: Callable[[nn.Module], object] | None = None
) -> Path:
    """Script and save a module (a random guest if none is given), changed before if asked for."""
    module = make_guest() if module is None else module
    if change is not None:
        change(module)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
        torch.jit.script(module.eval()).save(str(path))
    return path
