"""Disordered frames of whatever a model knows, for checks that no training data shaped."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from gnncv.data.deformation import whole_molecules
from gnncv.topology import Topology

_SIZES: tuple[tuple[int, bool | tuple[bool, bool, bool]], ...] = (
    (1, False),
    (2, True),
    (7, False),
    (30, True),
    (64, (True, True, False)),
)


def random_frames(
    species: Sequence[str],
    cutoff: float,
    seed: int,
    topology: Topology | None = None,
    examples: Sequence[Atoms] = (),
) -> list[Atoms]:
    """Frames that are open, triclinic, in a box smaller than the cutoff, a slab; several sizes.

    Parameters
    ----------
    species
        Chemical symbols, or the kinds of sites.
    cutoff
        Of the model, angstrom; sites are about half of it apart.
    seed
        Of the random numbers.
    topology, examples
        Molecules are taken from these frames, as they are there, and turned at random.
    """
    generator = np.random.default_rng(seed)
    parts = None if topology is None else _parts(topology, examples)
    spacing = 0.55 * cutoff
    frames = []
    for n_sites, pbc in _SIZES:
        per_edge = int(np.ceil(n_sites ** (1.0 / 3.0)))
        cell = spacing * per_edge * (np.eye(3) + generator.uniform(-0.2, 0.2, (3, 3)))
        grid = np.stack(np.meshgrid(*[np.arange(per_edge)] * 3, indexing="ij"), -1).reshape(-1, 3)
        centers = (grid[:n_sites] + 0.5) / per_edge @ cell
        centers = centers + generator.uniform(-0.15, 0.15, centers.shape) * spacing
        if parts is None:
            frames.append(Atoms(list(generator.choice(list(species), n_sites)), centers, cell=cell, pbc=pbc))
        else:
            frames.append(_of_molecules(parts, centers, cell, pbc, generator))
    return frames


def _parts(topology: Topology, examples: Sequence[Atoms]) -> list[list[Atoms]]:
    """For each kind of site that the examples have, what they have of it, centered."""
    parts: list[list[Atoms]] = [[] for _ in topology.kinds]
    for atoms in examples:
        layout = topology.match(atoms.get_chemical_symbols())
        whole, centers = whole_molecules(atoms, topology, layout)
        symbols = np.array(atoms.get_chemical_symbols())
        for site, kind in enumerate(layout.kind):
            own = layout.site_of_atom == site
            parts[kind].append(Atoms(list(symbols[own]), whole[own] - centers[site]))
    return [kind for kind in parts if kind]


def _of_molecules(
    parts: Sequence[Sequence[Atoms]],
    centers: NDArray[np.float64],
    cell: NDArray[np.float64],
    pbc: bool | tuple[bool, bool, bool],
    generator: np.random.Generator,
) -> Atoms:
    frame = Atoms(cell=cell, pbc=pbc)
    for center in centers:
        kind = parts[int(generator.integers(len(parts)))]
        part = kind[int(generator.integers(len(kind)))].copy()
        rotation = Rotation.random(random_state=generator).as_matrix()
        part.positions = part.positions @ rotation.T + center
        frame += part
    return frame
