"""From descriptors of molecules of one kind to their embeddings: message passing on the molecular graph."""

import math

import numpy as np
import torch
from ase.data import atomic_masses, atomic_numbers, covalent_radii
from torch import Tensor, nn

from gnncv.nn import ACTIVATIONS, GaussianBasis
from gnncv.topology import Molecule

from .molecular_symmetry import bonds_apart, equivalent_atoms
from .molecule_config import MoleculeConfig

ELEMENT_CHANNELS = 8
REACH = 3.0  # standard deviations that the Gaussians cover; farther out the linear part alone goes on


class DescriptorFilter(nn.Module):
    """Filters of edges: a network of one hidden layer on a descriptor, and on what is fixed of the edge.

    Parameters
    ----------
    known
        ``(P, K)``: what is fixed of each edge.
    config
        Hyperparameters.
    """

    known: Tensor

    def __init__(self, known: Tensor, config: MoleculeConfig) -> None:
        super().__init__()
        self.register_buffer("known", known)
        self.width = config.width
        self.basis = GaussianBasis(-REACH, REACH, config.n_basis)
        self.value = nn.Linear(1 + config.n_basis, config.width)
        self.edge = nn.Linear(known.shape[1], config.width, bias=False)
        self.out = nn.Sequential(ACTIVATIONS[config.activation](), nn.Linear(config.width, config.width))

    def forward(self, values: Tensor) -> Tensor:
        """Standardized descriptors ``(B, P)`` to filters ``(B, P, C)``."""
        flat = values.reshape(-1)
        features = torch.cat([flat[:, None], self.basis(flat)], 1)
        hidden = self.value(features).reshape(values.shape[0], values.shape[1], self.width)
        return self.out(hidden + self.edge(self.known.to(values.dtype)))


class MoleculeLayer(nn.Module):
    """One round of messages along pairs and, from end to end, along torsions: continuous filters.

    ``h_i <- h_i + MLP[h_i, n^(-1/2) sum_j F(e_ij) * V h_j]`` with n the mean number of edges of an atom,
    after Schuett et al., J. Chem. Phys. 148, 241722 (2018).
    """

    def __init__(self, pairs: Tensor, torsions: Tensor, n_atoms: int, config: MoleculeConfig) -> None:
        super().__init__()
        self.pair_filter = DescriptorFilter(pairs, config)
        self.torsion_filter = DescriptorFilter(torsions, config)
        self.share = math.sqrt(n_atoms / max(1, 2 * (len(pairs) + len(torsions))))
        self.send = nn.Linear(config.width, config.width, bias=False)
        self.update = nn.Sequential(
            nn.Linear(2 * config.width, config.width),
            ACTIVATIONS[config.activation](),
            nn.Linear(config.width, config.width),
        )

    def forward(
        self, features: Tensor, distances: Tensor, cosines: Tensor, first: Tensor, second: Tensor
    ) -> Tensor:
        """Features ``(B, A, C)`` after the round; edge p joins the atoms ``first[p]`` and ``second[p]``."""
        filters = torch.cat([self.pair_filter(distances), self.torsion_filter(cosines)], 1)
        sent = self.send(features)
        received = torch.zeros_like(features)
        received = received.index_add(1, first, filters * sent.index_select(1, second))
        received = received.index_add(1, second, filters * sent.index_select(1, first))
        return features + self.update(torch.cat([features, self.share * received], 2))


class MoleculeEncoder(nn.Module):
    """Embeddings of molecules of one kind; this part of the autoencoder is exported.

    Atoms start from the embedding of their element, covalent radius, mass, charge and number of bonds. They
    exchange messages along all bonds and all pairs whose distance is a descriptor, which know the distance
    (standardized, and in Gaussians), the bond's order and typical length and how many bonds lie between, and
    along the end atoms of torsions, which know the cosine and the order of the middle bond. Then they are
    pooled. All is smooth; and since weights depend on what atoms are, never on their number, the embedding is
    the same if equivalent atoms change places.

    Parameters
    ----------
    molecule
        The template.
    config
        Hyperparameters.
    """

    descriptor_mean: Tensor
    descriptor_scale: Tensor
    pooled_mean: Tensor
    pooled_scale: Tensor
    elements: Tensor
    properties: Tensor
    first: Tensor
    second: Tensor
    column: Tensor

    def __init__(self, molecule: Molecule, config: MoleculeConfig) -> None:
        super().__init__()
        self.n_distances = len(molecule.distances)
        self.n_descriptors = molecule.n_descriptors
        self.embedding = config.embedding
        self.attend = config.pooling == "attention"
        self.register_buffer("descriptor_mean", torch.zeros(self.n_descriptors, dtype=torch.float64))
        self.register_buffer("descriptor_scale", torch.ones(self.n_descriptors, dtype=torch.float64))
        kinds = sorted(set(molecule.symbols))
        self.register_buffer("elements", torch.tensor([kinds.index(s) for s in molecule.symbols]))
        self.register_buffer("properties", _atom_properties(molecule))
        pairs, columns = _pairs(molecule)
        ends = np.array([*pairs, *((t[0], t[3]) for t in molecule.torsions)], dtype=np.int64).reshape(-1, 2)
        self.register_buffer("first", torch.from_numpy(ends[:, 0].copy()))
        self.register_buffer("second", torch.from_numpy(ends[:, 1].copy()))
        self.register_buffer("column", torch.tensor(columns, dtype=torch.int64))
        self.element_embedding = nn.Embedding(len(kinds), ELEMENT_CHANNELS)
        self.start = nn.Linear(ELEMENT_CHANNELS + self.properties.shape[1], config.width)
        known = _pair_properties(molecule, pairs), _torsion_properties(molecule)
        self.layers = nn.ModuleList(
            MoleculeLayer(*known, molecule.n_atoms, config) for _ in range(config.n_layers)
        )
        activation = ACTIVATIONS[config.activation]
        self.atom = nn.Sequential(nn.Linear(config.width, 2 * config.width), activation())
        self.importance = nn.Linear(config.width, 1) if self.attend else nn.Identity()
        self.head = nn.Sequential(
            nn.Linear(2 * config.width, config.width), activation(), nn.Linear(config.width, config.embedding)
        )
        self.register_buffer("pooled_mean", torch.zeros(2 * config.width))
        self.register_buffer("pooled_scale", torch.ones(2 * config.width))
        self.apply(_keep_spread)

    def forward(self, descriptors: Tensor) -> Tensor:
        """Distances (angstrom) and cosines ``(B, D)`` to embeddings ``(B, E)``."""
        return self.head(self.pooled(descriptors))

    @torch.jit.export
    def standardized(self, descriptors: Tensor) -> Tensor:
        """Descriptors ``(B, D)`` less their means, in units of their spreads, in the network's precision."""
        wide = descriptors.to(self.descriptor_mean.dtype)
        return ((wide - self.descriptor_mean) / self.descriptor_scale).to(self.start.weight.dtype)

    @torch.jit.export
    def pooled(self, descriptors: Tensor) -> Tensor:
        """What the atoms know together, ``(B, 2 C)``."""
        values = self.standardized(descriptors)
        # one more column, which stays 0: that of bonds whose length is not among the descriptors
        padded = torch.cat([values, values.new_zeros(values.shape[0], 1)], 1)
        distances = padded.index_select(1, self.column)
        cosines = values[:, self.n_distances :]
        known = [self.element_embedding(self.elements), self.properties.to(values.dtype)]
        features = self.start(torch.cat(known, 1)).unsqueeze(0).repeat(values.shape[0], 1, 1)
        for layer in self.layers:
            features = layer(features, distances, cosines, self.first, self.second)
        atoms = self.atom(features)
        if self.attend:
            together = (torch.softmax(self.importance(features), 1) * atoms).sum(1)
        else:
            together = atoms.mean(1)
        mean, scale = self.pooled_mean.to(values.dtype), self.pooled_scale.to(values.dtype)
        return (together - mean) / scale

    @torch.no_grad()
    def standardize_pooled(self, descriptors: Tensor) -> None:
        """Make what is pooled of descriptors ``(B, D)`` spread by one about zero, with weights as they are.

        What atoms are is the same in all conformations and large; what differs is small, and would be learned
        slowly.
        """
        self.pooled_mean.zero_()
        self.pooled_scale.fill_(1.0)
        values = self.pooled(descriptors)
        spread = values.std(0, correction=0)
        self.pooled_mean.copy_(values.mean(0))
        self.pooled_scale.copy_(spread.clamp(min=max(0.1 * float(spread.max()), 1e-6)))


def _keep_spread(layer: nn.Module) -> None:
    """Initial weights that keep the spread of what passes through them and a smooth activation."""
    if isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, std=1.5 / math.sqrt(layer.in_features))
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _atom_properties(molecule: Molecule) -> Tensor:
    """(A, 4): covalent radius (angstrom), logarithm of the mass (dalton), charge (e), bonds / 4."""
    numbers = [atomic_numbers[symbol] for symbol in molecule.symbols]
    columns = [
        covalent_radii[numbers],
        np.log(atomic_masses[numbers]),
        np.array(molecule.charges),
        np.array([len(bonded) for bonded in molecule.neighbors]) / 4.0,
    ]
    return torch.from_numpy(np.stack(columns, 1).astype(np.float64))


def _pairs(molecule: Molecule) -> tuple[list[tuple[int, int]], list[int]]:
    """Pairs that exchange messages, and the column of the distance of each; the last is that of none."""
    given = {frozenset(pair) for pair in molecule.distances}
    bare = [bond for bond in molecule.bonds if frozenset(bond) not in given]
    columns = [*range(len(molecule.distances)), *([molecule.n_descriptors] * len(bare))]
    return [*molecule.distances, *bare], columns


def _pair_properties(molecule: Molecule, pairs: list[tuple[int, int]]) -> Tensor:
    """(P, 3): order and typical length (angstrom) of the bond, 0 without one; 1 / number of bonds between.

    The length is the mean over equivalent bonds: templates read from a structure have those of its atoms.
    """
    apart, colors = bonds_apart(molecule), equivalent_atoms(molecule)
    lengths: dict[tuple[int, ...], list[float]] = {}
    for bond, length in zip(molecule.bonds, molecule.bond_lengths, strict=True):
        lengths.setdefault(_ends(bond, colors), []).append(length)
    orders = dict(zip(map(frozenset, molecule.bonds), molecule.bond_orders, strict=True))
    rows = []
    for pair in pairs:
        order = orders.get(frozenset(pair), 0.0)
        length = float(np.mean(lengths[_ends(pair, colors)])) if order else 0.0
        rows.append((order, length, 1.0 / apart[pair]))
    return torch.tensor(rows, dtype=torch.float64).reshape(-1, 3)


def _ends(pair: tuple[int, int], colors: list[int]) -> tuple[int, ...]:
    return tuple(sorted((colors[pair[0]], colors[pair[1]])))


def _torsion_properties(molecule: Molecule) -> Tensor:
    """(T, 1): order of the bond about which a torsion turns."""
    orders = dict(zip(map(frozenset, molecule.bonds), molecule.bond_orders, strict=True))
    rows = [[orders.get(frozenset(torsion[1:3]), 0.0)] for torsion in molecule.torsions]
    return torch.tensor(rows, dtype=torch.float64).reshape(-1, 1)
