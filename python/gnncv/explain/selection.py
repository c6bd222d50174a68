"""System and environment: whose scores stand alone, and whose are gathered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from numpy.typing import ArrayLike, NDArray

from gnncv.errors import InvalidArgument

Rows = NDArray[np.int64]
Selected: TypeAlias = str | Sequence[str] | ArrayLike
"""Atoms: species (``"C"``, ``["C", "O"]``), indices from 0, or a boolean mask (N,)."""

ENVIRONMENT, OUTSIDE = -1, -2
ENVIRONMENT_LABELS = ["environment_atoms_mean", "environment_atoms_sum"]


class Selection:
    """Which row of the averages each atom of a frame belongs to.

    Parameters
    ----------
    system
        Atoms with rows of their own. They are the same in every frame: species are looked up in the first.
    environment
        Atoms whose scores are gathered; ``None`` is all others. Species are looked up in every frame, among
        the others.
    within : float, optional
        Only atoms of the environment at most this far (angstrom, nearest image) from an atom of the system,
        frame by frame, as in mlcolvar's truncated graphs, where the length is cutoff + buffer.

    Raises
    ------
    InvalidArgument
        If `environment` or `within` come without `system`, or `within` is not positive.
    """

    def __init__(
        self, system: Selected, environment: Selected | None = None, within: float | None = None
    ) -> None:
        if within is not None and not within > 0.0:
            raise InvalidArgument(f"environment_within is {within}; it is a length in angstrom, above 0")
        self._system = system
        self._environment = environment
        self._within = within
        self._indices: Rows | None = None
        self._numbers = np.zeros(0, dtype=np.int64)
        self.labels: list[str] = []

    def rows(self, atoms: Atoms, number: int) -> Rows:
        """(N,) row of each atom in the order of `system`, `ENVIRONMENT` or `OUTSIDE`."""
        if self._indices is None:
            self._indices = chosen_atoms(self._system, atoms, "system")
            self._numbers = atoms.numbers[self._indices]
            self.labels = [f"{chemical_symbols[atoms.numbers[i]]}{i + 1}" for i in self._indices]
        system = self._indices
        if system.max() >= len(atoms) or not np.array_equal(atoms.numbers[system], self._numbers):
            raise InvalidArgument(
                f"the system's atoms are of other species in frame {number} than in frame 0; give indices of "
                "atoms that stay the same"
            )
        rows = np.full(len(atoms), ENVIRONMENT if self._environment is None else OUTSIDE, dtype=np.int64)
        if self._environment is not None:
            rows[chosen_atoms(self._environment, atoms, "environment", allow_none=True)] = ENVIRONMENT
            both = system[rows[system] == ENVIRONMENT]
            by_species = np.asarray(self._environment).dtype.kind == "U"
            if len(both) and not by_species:
                raise InvalidArgument(f"atom {both[0]} is in the system and in the environment; choose one")
        rows[system] = np.arange(len(system))
        if self._within is not None:
            rows[(rows == ENVIRONMENT) & ~near_atoms(atoms, rows >= 0, self._within)] = OUTSIDE
        return rows


def selection(
    system: Selected | None, environment: Selected | None, within: float | None
) -> Selection | None:
    """The selection of these keywords; ``None`` where nothing is selected."""
    if system is not None:
        return Selection(system, environment, within)
    if environment is not None or within is not None:
        raise InvalidArgument("an environment is one of a system: give system too")
    return None


def chosen_atoms(selected: Selected, atoms: Atoms, what: str, allow_none: bool = False) -> Rows:
    """Indices of selected atoms; see `chosen`."""
    return chosen(selected, atoms.get_chemical_symbols(), what, allow_none)


def chosen(selected: Selected, species: Sequence[str], what: str, allow_none: bool = False) -> Rows:
    """Indices of what is selected, in the order given; by species or mask in the order there is.

    Raises `InvalidArgument` for none, for indices that are not there or named twice, a mask of another
    length.
    """
    array, n_atoms = np.asarray(selected), len(species)
    if array.dtype.kind == "U":
        indices = np.flatnonzero(np.isin(np.array(species), array.reshape(-1)))
    elif array.dtype == bool:
        if array.shape != (n_atoms,):
            raise InvalidArgument(f"the mask {what} has shape {array.shape} for {n_atoms} atoms")
        indices = np.flatnonzero(array)
    elif array.dtype.kind in "iu" or array.size == 0:
        indices = array.reshape(-1).astype(np.int64)
    else:
        raise InvalidArgument(
            f"{what} holds {array.dtype} values; give species, indices from 0, or a mask of booleans"
        )
    bad = indices[(indices < 0) | (indices >= n_atoms)]
    if len(bad):
        raise InvalidArgument(f"{what} names atom {bad[0]}; there are {n_atoms}, from 0")
    if len(np.unique(indices)) < len(indices):
        raise InvalidArgument(f"{what} names an atom twice")
    if not len(indices) and not allow_none:
        raise InvalidArgument(f"{what}={selected!r} selects none of the {n_atoms} atoms")
    return indices.astype(np.int64)


def near_atoms(atoms: Atoms, centers: NDArray[np.bool_], distance: float) -> NDArray[np.bool_]:
    """(N,) whether each atom is at most that far from a center other than itself, over all images."""
    from vesin import NeighborList

    search = NeighborList(cutoff=distance, full_list=True, n_threads=1)
    first, second = search.compute(atoms.positions, atoms.cell.array, atoms.pbc.tolist(), "ij")
    near = np.zeros(len(atoms), dtype=bool)
    near[second[centers[first]].astype(np.int64)] = True
    return near
