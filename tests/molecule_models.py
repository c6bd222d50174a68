"""A random model of two kinds of molecules, with axes and descriptors, and of atoms beside them."""

from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from torch import Tensor

from gnncv._native import load_operators
from gnncv.export.exporter import _exported, _save, _script
from gnncv.models import GraphAutoencoder, ModelConfig
from gnncv.models.collective_variables import output_names
from gnncv.models.molecule_embeddings import MoleculeEmbeddings
from gnncv.topology import Topology
from molecules import geometry, some_topology
from systems import random_rotation, random_structure

PHASES = ["melt", "crystal"]
CUTOFF = 7.0
SHARED = {"cutoff": CUTOFF, "n_layers": 2, "width": 16, "latent": 3}
CONFIGURATIONS = {
    "invariants": ModelConfig(n_radial=2, l_max=4, **SHARED),
    "distances": ModelConfig(message="filter", invariants=False, **SHARED),
    "simple": ModelConfig(
        n_radial=2,
        l_max=4,
        message="simple",
        update="recurrent",
        concatenation="attention",
        pooling="attention",
        **SHARED,
    ),
}


class Conformations(torch.nn.Module):
    """Some smooth function of descriptors."""

    def __init__(self, n_descriptors: int, n_embedding: int) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(n_descriptors, n_embedding)

    def forward(self, descriptors: Tensor) -> Tensor:
        return torch.tanh(self.linear(descriptors.to(self.linear.weight.dtype)))


def molecule_model(kind: str, topology: Topology | None = None, seed: int = 0) -> GraphAutoencoder:
    """An untrained model of a topology, by default `molecules.some_topology`."""
    topology = topology or some_topology()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        numbers = [molecule.n_descriptors for molecule in topology.molecules]
        embeddings = MoleculeEmbeddings([Conformations(n, 4) for n in numbers], numbers, 4)
        model = GraphAutoencoder(CONFIGURATIONS[kind], topology.kinds, PHASES, topology, embeddings).eval()
        model.centroids.normal_()
    return model


def write_molecule_model(
    path: Path,
    precision: str = "float64",
    kind: str = "invariants",
    tables: bool = True,
    topology: Topology | None = None,
) -> Path:
    """Write the model file, the same weights in both precisions, and return its path."""
    load_operators()
    model = molecule_model(kind, topology)
    names = output_names(model.config.latent, PHASES)
    facts = {
        "format_version": 2,
        "precision": precision,
        "cutoff": CUTOFF,
        "species": model.species,
        "topology": model.topology.as_dict(),
        "outputs": [{"name": name, "kind": kind} for name, kind in names.items()],
    }
    _save(_script(_exported(model, precision, tables=tables)), path, facts)
    return path


def molecular_system(
    box: str, n_sites: int, generator: np.random.Generator, topology: Topology | None = None
) -> tuple[Atoms, np.ndarray]:
    """Molecules and atoms turned and distorted at random, no centers close, all atoms at random images.

    Returns
    -------
    The frame, and the site ``(N,)`` that each atom belongs to.
    """
    topology = topology or some_topology()
    centers = random_structure(box, n_sites, ["X"], CUTOFF, generator)
    symbols: list[str] = []
    pieces, owners = [], []
    for site, kind in enumerate(generator.integers(len(topology.kinds), size=n_sites)):
        name = topology.kinds[kind]
        own = geometry(name) if kind < len(topology.molecules) else Atoms(name)
        shape = own.positions - own.positions.mean(axis=0)
        shape = shape @ random_rotation(generator).T + 0.03 * generator.normal(size=shape.shape)
        symbols += own.get_chemical_symbols()
        pieces.append(shape + centers.positions[site])
        owners += [site] * len(own)
    positions = np.concatenate(pieces)
    images = generator.integers(-2, 3, size=positions.shape) * centers.pbc
    positions += images @ centers.cell.array
    return Atoms(symbols, positions, cell=centers.cell, pbc=centers.pbc), np.array(owners)
