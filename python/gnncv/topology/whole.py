"""Molecules in one piece across periodic boundaries."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from ase.geometry import complete_cell, minkowski_reduce

from gnncv.errors import InvalidArgument
from gnncv.topology.layout import SiteLayout, Topology
from gnncv.topology.molecule import Molecule

# A bond longer than STRETCH times its typical length plus SLACK (angstrom) is none. Heat and strain stay
# below: at 1000 K C-H spreads by 0.05 A (0.08 A with its zero-point motion) and has 0.5 A of room, C-C has
# 0.65 A. Another order of atoms goes beyond: unless it is a symmetry of the molecule, it puts two atoms that
# are not bonded in place of two that are, and next neighbors but one are 2.4 A and more apart where C-C ends
# at 2.0 (aromatic) to 2.2 A, 2.1 A and more where C-H ends at 1.6 A. Only across rings of four atoms (2.15 A)
# and bridges of one atom (1.9 A) do the two ranges meet.
STRETCH = 1.3
SLACK = 0.2


def longest_bonds(molecule: Molecule) -> np.ndarray:
    """(n_bonds,) angstrom: the length up to which each bond of a molecule is believed.

    1.3 times its typical length and 0.2 A: more than heat and strain make of it, and less than the distance
    of two atoms that are not bonded, except across rings of four atoms, where a single molecule whose atoms
    are in another order can go unnoticed.
    """
    return STRETCH * np.array(molecule.bond_lengths) + SLACK


def make_whole(
    positions: np.ndarray,
    cell: np.ndarray | Sequence[Sequence[float]],
    pbc: np.ndarray | Sequence[bool] | bool,
    topology: Topology,
    layout: SiteLayout,
) -> np.ndarray:
    """Move atoms by lattice vectors so that every molecule is in one piece.

    From the first atom of a molecule on, which stays where it is, every atom is put at that image which is
    closest to the atom it is bonded to; exact in any cell whose molecules are not bonded to their own images.

    Parameters
    ----------
    positions
        (N, 3), angstrom.
    cell
        (3, 3), rows are lattice vectors; those of directions that are not periodic are ignored.
    pbc
        Along which lattice vectors the structure repeats.
    topology, layout
        The molecules and where they are.

    Returns
    -------
    (N, 3) float64. Every atom is moved by a whole number of lattice vectors.

    Raises
    ------
    InvalidArgument
        If the number of positions is another, if one is not finite, if the cell cannot be used, or if a bond
        is longer than `longest_bonds`: the atoms are in another order than the template's.
    """
    whole = np.array(positions, dtype=np.float64)
    if whole.shape != (layout.n_atoms, 3):
        raise InvalidArgument(f"positions: expected shape ({layout.n_atoms}, 3), got {whole.shape}")
    if not np.isfinite(whole).all():
        atom = int(np.flatnonzero(~np.isfinite(whole).all(axis=1))[0])
        raise InvalidArgument(f"position of atom {atom} is {whole[atom].tolist()}: not finite")
    images = _Images(cell, pbc)
    for kind, molecule in enumerate(topology.molecules):
        atoms = layout.atoms_of_kind(kind, molecule.n_atoms)
        if len(atoms) and molecule.bonds:
            whole[atoms] = _unwrap(whole[atoms], molecule, images)
            _check_bonds(whole, atoms, molecule, layout.sites_of_kind(kind))
    return whole


def _unwrap(positions: np.ndarray, molecule: Molecule, images: _Images) -> np.ndarray:
    """Molecules (M, n, 3) of one kind, each in one piece."""
    children, parents = np.array(molecule.spanning_tree).T
    steps, lattice = images.shortest(positions[:, children] - positions[:, parents])
    if lattice is None:
        return positions
    # Whole numbers are summed along the bonds, so that an atom that stays keeps its very coordinates.
    totals = np.zeros_like(positions)
    for number, (child, parent) in enumerate(molecule.spanning_tree):
        totals[:, child] = totals[:, parent] + steps[:, number]
    return positions + totals @ lattice


def _check_bonds(whole: np.ndarray, atoms: np.ndarray, molecule: Molecule, sites: np.ndarray) -> None:
    i, j = np.array(molecule.bonds).T
    lengths = np.linalg.norm(whole[atoms[:, j]] - whole[atoms[:, i]], axis=2)
    too_long = lengths > longest_bonds(molecule)
    if not too_long.any():
        return
    row, bond = (int(found[0]) for found in np.nonzero(too_long))
    first, a, b = int(atoms[row, 0]), int(i[bond]), int(j[bond])
    raise InvalidArgument(
        f"molecule {int(sites[row])} ({molecule.name}, atoms {first} to {first + molecule.n_atoms - 1}): the "
        f"bond between its atoms {a} ({molecule.symbols[a]}) and {b} ({molecule.symbols[b]}) is "
        f"{lengths[row, bond]:.2f} angstrom long, typically {molecule.bond_lengths[bond]:.2f}: the atoms are "
        "in another order than in the template, or belong to another molecule"
    )


class _Images:
    """Shortest images of vectors in one cell."""

    def __init__(self, cell: np.ndarray | Sequence[Sequence[float]], pbc: object) -> None:
        self.periodic = np.broadcast_to(np.asarray(pbc, dtype=bool), (3,))
        if not self.periodic.any():
            return
        given = np.where(self.periodic[:, None], np.asarray(cell, dtype=np.float64), 0.0)
        lengths = np.linalg.norm(given[self.periodic], axis=1)
        if not (np.isfinite(lengths).all() and lengths.all()):
            raise InvalidArgument(f"cell {given.tolist()}: a periodic lattice vector has no finite length")
        self.lattice = complete_cell(given)
        if abs(np.linalg.det(self.lattice)) < 1e-10 * np.prod(np.linalg.norm(self.lattice, axis=1)):
            raise InvalidArgument(f"cell {given.tolist()}: the lattice vectors span no volume")

    def shortest(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Whole numbers n (..., 3) and a lattice (3, 3) for which vectors + n @ lattice are shortest.

        A vector shorter than half the distance between lattice planes has no fractional coordinate of 1/2 or
        more: rounding finds it. Else the lattice is reduced, and the images around are compared too.
        """
        if not self.periodic.any():
            return np.zeros_like(vectors), None
        inverse = np.linalg.inv(self.lattice)
        steps = -np.round(vectors @ inverse) * self.periodic
        planes = 1 / np.linalg.norm(inverse, axis=0)[self.periodic]
        reach = np.linalg.norm(vectors + steps @ self.lattice, axis=-1).max(initial=0.0)
        if reach < planes.min() / 2:
            return steps, self.lattice
        reduced = np.asarray(minkowski_reduce(self.lattice, self.periodic)[0])
        steps = -np.round(vectors @ np.linalg.inv(reduced)) * self.periodic
        around = np.array(list(itertools.product(*[(-1, 0, 1) if p else (0,) for p in self.periodic])))
        wrapped = vectors + steps @ reduced
        far = np.linalg.norm(wrapped, axis=-1) > np.linalg.norm(reduced[self.periodic], axis=1).min() / 2
        candidates = wrapped[far][:, None] + around @ reduced
        steps[far] += around[(candidates**2).sum(axis=-1).argmin(axis=1)]
        return steps, reduced
