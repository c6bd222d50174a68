"""A spherical crystallite of a given size in a melt, planted from frames of both phases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from gnncv.data.deformation import whole_molecules
from gnncv.topology import Topology

Vectors = NDArray[np.float64]


@dataclass
class Planted:
    """A melt with a crystallite in it.

    Attributes
    ----------
    atoms
        Periodic; the sites of the melt that were left, then those of the crystallite.
    crystalline
        Whether a site ``(M,)`` belongs to the crystallite.
    """

    atoms: Atoms
    crystalline: NDArray[np.bool_]

    @property
    def share(self) -> float:
        """Of the sites that are planted."""
        return float(self.crystalline.mean())


def plant(
    melt: Atoms,
    crystal: Atoms,
    n_sites: int,
    contact: float,
    generator: np.random.Generator,
    topology: Topology | None = None,
) -> Planted:
    """Put a ball of crystal, turned at random, in place of a ball of melt.

    The sites of the crystal nearest to a random point make the ball. Sites of the melt go where the ball
    takes their room: those whose center is inside its radius, and those of which an atom is closer than
    ``contact`` to one of it.

    Parameters
    ----------
    melt, crystal
        Frames of one kind of molecule, periodic in three directions.
    n_sites
        Of the crystallite; 0 gives the melt.
    contact
        Angstrom: about the smallest distance between atoms of different molecules in the melt.
    generator
        Of the two places and the orientation.
    topology
        Molecules; ``None``: atoms are the sites.
    """
    melt_pieces, melt_centers = _pieces(melt, topology)
    if n_sites == 0:
        return Planted(melt.copy(), np.zeros(len(melt_centers), dtype=bool))
    whole = crystal.copy()
    if topology is not None:
        layout = topology.match(crystal.get_chemical_symbols())
        whole.positions = whole_molecules(crystal, topology, layout)[0]
    large = whole.repeat(_copies(crystal, n_sites, topology))
    pieces, centers = _pieces(large, topology)
    middle = 0.5 * large.cell.array.sum(axis=0) + 0.1 * (generator.random(3) - 0.5) @ large.cell.array
    distances = np.linalg.norm(centers - middle, axis=1)
    chosen = np.argsort(distances)[:n_sites]
    radius = 0.5 * float(np.sort(distances)[n_sites - 1 : n_sites + 1].sum())
    place = generator.random(3) @ melt.cell.array
    turn = Rotation.random(random_state=generator).as_matrix()
    ball = [(pieces[k].positions - middle) @ turn + place for k in chosen]
    apart = _nearest(melt_centers - place, melt.cell.array)
    kept = np.linalg.norm(apart, axis=1) > radius
    kept &= ~_touching(melt_pieces, np.concatenate(ball), melt.cell.array, contact)
    symbols = [s for k in np.flatnonzero(kept) for s in melt_pieces[k].get_chemical_symbols()]
    symbols += [s for k in chosen for s in pieces[k].get_chemical_symbols()]
    positions = [melt_pieces[k].positions for k in np.flatnonzero(kept)]
    atoms = Atoms(symbols, np.concatenate([*positions, *ball]), cell=melt.cell, pbc=True)
    return Planted(atoms, np.arange(int(kept.sum()) + n_sites) >= int(kept.sum()))


def _pieces(atoms: Atoms, topology: Topology | None) -> tuple[list[Atoms], Vectors]:
    """Each site's atoms in one piece, and the centers ``(M, 3)``, all of which are inside the cell."""
    own, centers, site = atoms.copy(), atoms.positions.copy(), np.arange(len(atoms))
    if topology is not None:
        layout = topology.match(atoms.get_chemical_symbols())
        own.positions, centers = whole_molecules(atoms, topology, layout)
        site = layout.site_of_atom
    outside = np.floor(centers @ np.linalg.inv(atoms.cell.array)) @ atoms.cell.array
    own.positions -= outside[site]
    return [own[site == k] for k in range(len(centers))], centers - outside


def _copies(crystal: Atoms, n_sites: int, topology: Topology | None) -> tuple[int, int, int]:
    """How often the crystal must be repeated for a ball of so many sites to fit into the middle."""
    atoms_a_site = 1 if topology is None else len(crystal) / len(_pieces(crystal, topology)[1])
    volume = n_sites * atoms_a_site * crystal.get_volume() / len(crystal)
    radius = (3.0 * volume / (4.0 * np.pi)) ** (1.0 / 3.0)
    heights = crystal.get_volume() / np.linalg.norm(
        np.cross(np.roll(crystal.cell.array, -1, 0), np.roll(crystal.cell.array, -2, 0)), axis=1
    )
    a, b, c = (int(np.ceil((2.6 * radius + 6.0) / height)) for height in heights)
    return a, b, c


def _nearest(vectors: Vectors, cell: Vectors) -> Vectors:
    """Nearest images, right for vectors that are short beside the cell."""
    scaled = vectors @ np.linalg.inv(cell)
    nearest: Vectors = (scaled - np.round(scaled)) @ cell
    return nearest


def _touching(pieces: list[Atoms], ball: Vectors, cell: Vectors, contact: float) -> NDArray[np.bool_]:
    """Which sites have an atom closer than ``contact`` to an atom of the ball."""
    middle = ball.mean(axis=0)
    positions = np.concatenate([piece.positions for piece in pieces])
    near = cKDTree(ball - middle).query(_nearest(positions - middle, cell))[0] < contact
    first = np.cumsum([0, *(len(piece) for piece in pieces[:-1])])
    touching: NDArray[np.bool_] = np.logical_or.reduceat(near, first)
    return touching
