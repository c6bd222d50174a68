"""Models on small clusters whose output depends on a known motif, one of them trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from ase import Atoms
from torch import Tensor, nn

CUTOFF = 3.5
SPECIES = ("C", "N", "O")
N_FEATURES = 4


def closeness(distances: Tensor) -> Tensor:
    """Smooth weight of an edge, falling to zero at the cutoff."""
    return (1.0 - (distances / CUTOFF).square()).clamp(min=0.0).square()


def flat(distances: Tensor) -> Tensor:
    """One up to just before the cutoff."""
    t = ((CUTOFF - distances) / 0.1).clamp(0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


class Sum(nn.Module):
    """Every edge of the motif adds its own."""

    def forward(self, carried: Tensor, motif: Tensor, edge_index: Tensor) -> Tensor:
        return (carried * motif).sum()


class Triangle(nn.Module):
    """Nothing unless all three atoms are near each other: the trace of the cube of the motif's adjacency."""

    def forward(self, carried: Tensor, motif: Tensor, edge_index: Tensor) -> Tensor:
        n = int(edge_index.max()) + 1
        adjacency = carried.new_zeros(n, n).index_put((edge_index[0], edge_index[1]), carried * motif)
        return torch.trace(adjacency @ adjacency @ adjacency)


class AnyEdge(nn.Module):
    """One edge of the motif is enough: more do not matter at all."""

    def forward(self, carried: Tensor, motif: Tensor, edge_index: Tensor) -> Tensor:
        return 1.0 - torch.prod(1.0 - carried * motif)


class Saturated(nn.Module):
    """The motif has long done its work, as a bounded CV deep in a phase; every other edge adds a little."""

    def forward(self, carried: Tensor, motif: Tensor, edge_index: Tensor) -> Tensor:
        return torch.tanh(1.5 * (carried * motif).sum()) + 0.01 * (carried * (1.0 - motif)).sum()


class Network(nn.Module):
    """Two rounds of messages between sites, summed: trained to tell whether N and O are near each other."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.embed = nn.Linear(N_FEATURES, width)
        self.own = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.sent = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(2))
        self.readout = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(self, features: Tensor, adjacency: Tensor) -> Tensor:
        """Outputs (...) of features (..., n, F) and weighted adjacency (..., n, n), [receiver, sender]."""
        hidden = torch.tanh(self.embed(features))
        for own, sent in zip(self.own, self.sent, strict=True):
            hidden = torch.tanh(own(hidden) + adjacency @ sent(hidden))
        return self.readout(hidden).sum(dim=(-2, -1))


class PlantedFunction:
    """A model on one cluster; its inputs are positions, gates of edges, and features."""

    output, model_hash = "motif", "0" * 64
    node_of_atom = None
    feature_names = ("mark", *(f"noise {k}" for k in range(1, N_FEATURES)))

    def __init__(self, model: nn.Module, atoms: Atoms) -> None:
        self.model, self.atoms = model, atoms
        positions = torch.tensor(atoms.positions)
        distances = torch.cdist(positions, positions)
        near = (distances < CUTOFF) & ~torch.eye(len(atoms), dtype=torch.bool)
        self.edge_index = torch.nonzero(near).T.contiguous()
        self.node_labels = [f"{symbol}{i}" for i, symbol in enumerate(atoms.symbols, start=1)]
        kinds = torch.tensor([SPECIES.index(symbol) for symbol in atoms.symbols])
        i, j = self.edge_index
        self.motif_edges = (kinds[i] > 0) & (kinds[j] > 0)
        self.motif_nodes = kinds > 0
        features = features_of(model, atoms)
        gates = torch.ones(self.edge_index.shape[1], dtype=torch.float64)
        self.inputs: Mapping[str, Tensor] = {
            "positions": positions,
            "edges": gates,
            "node_features": features,
        }
        self.baselines: Mapping[str, Mapping[str, Tensor]] = {
            "edges": {"no interaction": torch.zeros_like(gates)},
            "node_features": {"zero": torch.zeros_like(features)},
        }

    def __call__(self, **inputs: Tensor) -> Tensor:
        given = {**self.inputs, **inputs}
        i, j = self.edge_index
        distances = (given["positions"][i] - given["positions"][j]).norm(dim=1)
        features = given["node_features"]
        weights = flat(distances) if isinstance(self.model, AnyEdge) else closeness(distances)
        carried = given["edges"] * weights
        if isinstance(self.model, Network):
            n = len(features)
            adjacency = carried.new_zeros(n, n).index_put((j, i), carried)
            return self.model(features, adjacency)
        marks = features[:, 0]
        return self.model(carried * marks[i] * marks[j], self.motif_edges.to(carried), self.edge_index)

    def with_model(self, model: nn.Module) -> PlantedFunction:
        """The same cluster under another model."""
        return PlantedFunction(model, self.atoms)


def features_of(model: nn.Module, atoms: Atoms) -> Tensor:
    """(n, F): one and noise; for the network the species and noise."""
    noise = torch.tensor(atoms.arrays["noise"])
    if not isinstance(model, Network):
        return torch.cat([torch.ones(len(atoms), 1, dtype=torch.float64), noise], dim=1)
    kinds = [SPECIES.index(symbol) for symbol in atoms.symbols]
    return torch.cat([torch.eye(3, dtype=torch.float64)[kinds], noise[:, :1]], dim=1)


class PlantedModel:
    """What methods are called with: makes the function of a cluster."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def graph_function(self, atoms: Atoms, output: int | str = 0) -> PlantedFunction:
        """The one output."""
        return PlantedFunction(self.model, atoms)


def cluster(random: np.random.Generator) -> Atoms:
    """12 carbon atoms on a shaken grid, with noise for features."""
    grid = np.stack(np.meshgrid(*map(np.arange, (3, 2, 2)), indexing="ij"), axis=-1).reshape(-1, 3)
    atoms = Atoms("C12", positions=2.0 * grid + random.uniform(-0.2, 0.2, (12, 3)))
    atoms.set_array("noise", random.normal(size=(12, N_FEATURES - 1)))
    return atoms


def with_triangle(random: np.random.Generator) -> Atoms:
    """A cluster with three N near each other."""
    atoms = cluster(random)
    near = atoms.get_all_distances() < 3.2
    first = int(random.integers(12))
    second = int(random.choice([k for k in np.flatnonzero(near[first]) if k != first]))
    third = int(
        random.choice([k for k in np.flatnonzero(near[first] & near[second]) if k not in (first, second)])
    )
    atoms.symbols[[first, second, third]] = "N"
    return atoms


def with_pair(random: np.random.Generator, bonded: bool = True) -> Atoms:
    """A cluster with N and O, nearest neighbors or beyond the cutoff."""
    atoms = cluster(random)
    distances = atoms.get_all_distances()
    allowed = (distances < 2.5) & (distances > 0.0) if bonded else distances > CUTOFF
    pairs = np.argwhere(allowed)
    first, second = pairs[random.integers(len(pairs))]
    atoms.symbols[first], atoms.symbols[second] = "N", "O"
    return atoms


def trained_network(seed: int = 0, steps: int = 800, batch: int = 16) -> tuple[Network, float]:
    """A network trained to give 1 where N and O are near each other and 0 where not; its error."""
    random = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network().double()

    def drawn(count: int) -> tuple[Tensor, Tensor, Tensor]:
        bonded = random.random(count) < 0.5
        frames = [with_pair(random, bool(value)) for value in bonded]
        distances = torch.tensor(np.stack([atoms.get_all_distances() for atoms in frames]))
        weights = closeness(distances) * (1.0 - torch.eye(12, dtype=torch.float64))
        features = torch.stack([features_of(network, atoms) for atoms in frames])
        return features, weights, torch.tensor(bonded, dtype=torch.float64)

    features, weights, target = drawn(1024)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(steps):
        chosen = torch.tensor(random.integers(len(target), size=batch))
        loss = (network(features[chosen], weights[chosen]) - target[chosen]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.requires_grad_(False)
    features, weights, target = drawn(256)
    return network, float((network(features, weights) - target).square().mean().sqrt())
