"""Coordination numbers with any switching function, and their derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from gnncv.errors import InvalidArgument
from gnncv.jacobian.descriptor import Descriptor, Indices, direction, switched
from gnncv.jacobian.lattice import CellLike, Lattice, vectors_between
from gnncv.jacobian.pattern import SparsityPattern


class CoordinationNumbers(Descriptor):
    """For each atom a of one group, the sum over the atoms b of another of s(d_ab).

    The derivative of a term is s'(d) (r_b - r_a) / d with respect to r_b, and minus that with respect to r_a.
    An atom that is in both groups does not count itself.

    Parameters
    ----------
    n_atoms
        Number of atoms in a frame.
    group_a, group_b
        Atoms whose coordination is counted, and those that count; by default all atoms.
    switching
        Function of distances (n,), which acts on each alone, made of differentiable torch operations: a
        `RationalSwitching`, a `gnncv.nn.QuinticSwitching`, a function of your own.
    cell, pbc
        Periodic cell, see `Descriptor`. The nearest image of each atom counts.
    """

    def __init__(
        self,
        n_atoms: int,
        group_a: Indices | None = None,
        group_b: Indices | None = None,
        *,
        switching: Callable[[torch.Tensor], torch.Tensor],
        cell: CellLike = None,
        pbc: bool | Sequence[bool] | None = None,
    ) -> None:
        super().__init__(n_atoms, cell, pbc)
        self.switching = switching
        groups = []
        for name, group in (("group_a", group_a), ("group_b", group_b)):
            atoms = torch.arange(n_atoms) if group is None else torch.as_tensor(group, dtype=torch.int64)
            if len(atoms.unique()) < len(atoms):
                raise InvalidArgument(f"{name}: {atoms.tolist()} names an atom twice")
            if len(atoms) and not (int(atoms.min()) >= 0 and int(atoms.max()) < n_atoms):
                raise InvalidArgument(f"{name}: {atoms.tolist()}, of {n_atoms} atoms numbered from 0")
            groups.append(atoms)
        group_a_atoms, group_b_atoms = groups
        different = group_a_atoms[:, None] != group_b_atoms[None, :]
        self._row, column = different.nonzero().unbind(1)
        self._n_rows = len(group_a_atoms)
        self._center, self._other = group_a_atoms[self._row], group_b_atoms[column]
        self._center_atoms, self._counts = group_a_atoms, different.sum(1)
        even = len(self._row) > 0 and bool((self._counts == self._counts[0]).all())
        self._same_count = int(self._counts[0]) if even else None

    def _make_pattern(self) -> SparsityPattern:
        """Each row has its own atom first, then the others."""
        row_ptr = torch.cat([torch.zeros(1, dtype=torch.int64), (self._counts + 1).cumsum(0)])
        atoms = torch.empty(int(row_ptr[-1]), dtype=torch.int64)
        atoms[row_ptr[:-1]] = self._center_atoms
        atoms[self._entries()] = self._other
        return SparsityPattern(row_ptr, atoms, self.n_atoms)

    def _entries(self) -> torch.Tensor:
        """Entry of the other atom of each pair."""
        return torch.arange(len(self._row)) + self._row + 1

    def _compute(
        self, positions: torch.Tensor, lattice: Lattice | None, derivatives: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        device = positions.device
        center, other, row = (x.to(device) for x in (self._center, self._other, self._row))
        distances, unit = direction(vectors_between(positions, center, other, lattice))
        terms, slopes = switched(self.switching, distances.flatten(), derivatives)
        values = self._summed(terms.reshape(distances.shape), row)
        if slopes is None:
            return values, None
        outward = slopes.reshape(distances.shape)[..., None] * unit
        inward = -self._summed(outward, row)
        blocks = outward.new_empty(len(positions), self.pattern.n_entries, 3)
        if self._same_count is not None:
            by_row = blocks.unflatten(1, (self._n_rows, self._same_count + 1))
            by_row[:, :, 0] = inward
            by_row[:, :, 1:] = outward.unflatten(1, (self._n_rows, self._same_count))
            return values, blocks
        blocks.index_copy_(1, self.pattern.row_ptr[:-1].to(device), inward)
        return values, blocks.index_copy_(1, self._entries().to(device), outward)

    def _summed(self, terms: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
        """Sum over the pairs of each row: (F, P, ...) to (F, rows, ...)."""
        if self._same_count is not None:
            return terms.unflatten(1, (self._n_rows, self._same_count)).sum(2)
        zeros = terms.new_zeros(len(terms), self._n_rows, *terms.shape[2:])
        return zeros.index_add(1, row, terms)
