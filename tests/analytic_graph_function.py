"""A small smooth graph model in float64 and its function on a frame, for tests of explainers.

Everything is a smooth function of everything (gates, vectors, descriptors), edges have true gates, and the
network is small enough to be followed by hand; it needs no training and no native library but vesin's.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from ase import Atoms
from torch import Tensor, nn
from vesin import NeighborList

from gnncv.errors import InvalidArgument

SPECIES = ("Ar", "Kr", "Xe")
CUTOFF = 5.0
N_RADIAL = 2


def switched(distances: Tensor) -> Tensor:
    """(1 - d^2/rc^2)^3: zero value, slope and curvature at the cutoff."""
    return (1.0 - distances.square() / CUTOFF**2).clamp(min=0.0) ** 3


class AnalyticGraphModel(nn.Module):
    """Two outputs of a frame: means over sites of a network on densities of neighbors and on one message.

    With g the gates and f the switching function, the sums of g f R(d_ij) by species of neighbor are the
    descriptors D_i (`N_RADIAL` for each species); h_i = tanh(A D_i + B s_i) - tanh(B s_i), so that a site
    without neighbors gives nothing; m_i = sum_j g f C h_j; the outputs are means of E tanh(h_i + m_i).
    """

    outputs = ("first", "second")

    def __init__(self, seed: int = 0, width: int = 6) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(seed)

        def drawn(scale: float, *shape: int) -> nn.Parameter:
            values = scale * torch.randn(shape, generator=random, dtype=torch.float64)
            return nn.Parameter(values, requires_grad=False)

        self.descriptors = drawn(0.4, len(SPECIES) * N_RADIAL, width)
        self.kinds = drawn(0.5, len(SPECIES), width)
        self.messages = drawn(0.15, width, width)
        self.readout = drawn(1.0, width, len(self.outputs))

    def densities(
        self, species: Tensor, center: Tensor, neighbor: Tensor, weights: Tensor, d: Tensor
    ) -> Tensor:
        """Descriptors (n, F): densities of each species of neighbor in two radial functions."""
        radial = torch.stack([torch.ones_like(d), (d / CUTOFF).square()], dim=1) * weights[:, None]
        by_species = (
            radial[:, None, :] * torch.eye(len(SPECIES), dtype=d.dtype)[species[neighbor]][:, :, None]
        )
        out = d.new_zeros(len(species), len(SPECIES) * N_RADIAL)
        return out.index_add(0, center, by_species.flatten(1))

    def forward(self, features: Tensor, species: Tensor, edges: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """The outputs (2,) from descriptors (n, F) and edges with their weights f g."""
        center, neighbor, weights = edges
        kinds = self.kinds[species]
        hidden = torch.tanh(features @ self.descriptors + kinds) - torch.tanh(kinds)
        sent = weights[:, None] * (hidden @ self.messages)[neighbor]
        received = torch.zeros_like(hidden).index_add(0, center, sent)
        return (torch.tanh(hidden + received) @ self.readout).mean(dim=0)

    def graph_function(self, atoms: Atoms, output: int | str = 0) -> AnalyticGraphFunction:
        """What explainers work on."""
        return AnalyticGraphFunction(self, atoms, output)


class AnalyticGraphFunction:
    """One output of an `AnalyticGraphModel` on a frame: a `GraphFunction` with all four inputs."""

    node_of_atom = None

    def __init__(self, model: AnalyticGraphModel, atoms: Atoms, output: int | str = 0) -> None:
        if set(atoms.get_chemical_symbols()) - set(SPECIES):
            raise InvalidArgument(f"the model knows {', '.join(SPECIES)}, not {atoms.symbols}")
        self.model = model
        self.atoms = atoms
        self.output = output if isinstance(output, str) else model.outputs[output]
        self.model_hash = hashlib.sha256(
            b"".join(p.detach().numpy().tobytes() for p in model.parameters())
        ).hexdigest()
        self.node_labels = [f"{symbol}{i}" for i, symbol in enumerate(atoms.symbols, start=1)]
        self.feature_names = [f"{symbol} {k}" for symbol in SPECIES for k in range(N_RADIAL)]
        self._species = torch.tensor([SPECIES.index(symbol) for symbol in atoms.symbols])
        self._find_edges()
        vectors = self._vectors(torch.tensor(atoms.positions))
        gates = torch.ones(len(self._center), dtype=torch.float64)
        self._actual = {
            "positions": torch.tensor(atoms.positions),
            "edges": gates,
            "vectors": vectors,
            "node_features": self._features(vectors, gates),
        }
        self.inputs: Mapping[str, Tensor] = self._actual
        stretched = vectors * (CUTOFF / vectors.norm(dim=1, keepdim=True))
        features = self._actual["node_features"]
        self.baselines: Mapping[str, Mapping[str, Tensor]] = {
            "edges": {"no interaction": torch.zeros_like(gates)},
            "vectors": {"no interaction": stretched},
            "node_features": {
                "no interaction": torch.zeros_like(features),
                "mean": features.mean(dim=0).expand_as(features),
            },
        }

    def _find_edges(self) -> None:
        neighbors = NeighborList(cutoff=CUTOFF, full_list=True, sorted=True, n_threads=1)
        i, j, shifts = neighbors.compute(
            self.atoms.positions, self.atoms.cell.array, self.atoms.pbc.tolist(), quantities="ijS"
        )
        self._center, self._neighbor = torch.tensor(i.astype(np.int64)), torch.tensor(j.astype(np.int64))
        self._shifts = torch.tensor(shifts.astype(np.float64) @ self.atoms.cell.array)
        self.edge_index = torch.stack([self._neighbor, self._center])

    def _vectors(self, positions: Tensor) -> Tensor:
        return positions[self._neighbor] - positions[self._center] + self._shifts

    def _features(self, vectors: Tensor, gates: Tensor) -> Tensor:
        d = vectors.norm(dim=1)
        return self.model.densities(self._species, self._center, self._neighbor, gates * switched(d), d)

    def __call__(self, **inputs: Tensor) -> Tensor:
        """The output; vectors that are given replace those of positions, descriptors those of vectors."""
        vectors = inputs.get("vectors")
        if vectors is None:
            vectors = self._vectors(inputs.get("positions", self._actual["positions"]))
        gates = inputs.get("edges", self._actual["edges"])
        features = inputs.get("node_features")
        if features is None:
            features = self._features(vectors, gates)
        weights = gates * switched(vectors.norm(dim=1))
        edges = (self._center, self._neighbor, weights)
        return self.model(features, self._species, edges)[self.model.outputs.index(self.output)]

    def only(self, *names: str) -> AnalyticGraphFunction:
        """The same function with fewer inputs, as a model file has."""
        fewer = copy.copy(self)
        fewer.inputs = {name: self._actual[name] for name in names}
        fewer.baselines = {name: values for name, values in self.baselines.items() if name in names}
        return fewer

    def feature_baseline(self, frames: Sequence[Atoms]) -> Tensor:
        """Mean descriptors of the sites of each species in frames of a reference phase."""
        others = [AnalyticGraphFunction(self.model, atoms) for atoms in frames]
        features = torch.cat([other.inputs["node_features"] for other in others])
        species = torch.cat([other._species for other in others])
        return torch.stack([features[species == kind].mean(dim=0) for kind in self._species])

    def with_model(self, model: nn.Module) -> AnalyticGraphFunction:
        """The same frame and output under another network of the same kind."""
        assert isinstance(model, AnalyticGraphModel)
        return AnalyticGraphFunction(model, self.atoms, self.output)


def mixture(
    generator: np.random.Generator, n_atoms: int, pbc: bool = True, species: Sequence[str] = SPECIES
) -> Atoms:
    """Random atoms of several species, about ten neighbors each, none closer than about 2 angstrom.

    Every atom shakes about its own point of a grid; without periodicity the grid simply ends.
    """
    per_edge = int(np.ceil(n_atoms ** (1.0 / 3.0)))
    spacing = 3.4
    points = (
        np.stack(np.meshgrid(*[np.arange(per_edge)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) * spacing
    )
    chosen = points[generator.permutation(len(points))[:n_atoms]]
    symbols = [species[k] for k in generator.integers(len(species), size=n_atoms)]
    shaken = chosen + generator.uniform(-0.5, 0.5, (n_atoms, 3))
    return Atoms(symbols, positions=shaken, cell=[per_edge * spacing] * 3, pbc=pbc)


def reverse_by_search(function: AnalyticGraphFunction) -> list[int]:
    """The edge of opposite ends and opposite vector, for each edge, found by looking at all."""
    (sender, receiver), vectors = function.edge_index, function.inputs["vectors"]
    found = []
    for k in range(len(sender)):
        opposite = (sender == receiver[k]) & (receiver == sender[k])
        opposite &= (vectors + vectors[k]).norm(dim=1) < 1e-9
        (match,) = torch.nonzero(opposite)
        found.append(int(match))
    return found
