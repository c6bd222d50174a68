"""Distances between pairs of atoms, and their derivatives."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gnncv.jacobian.descriptor import Descriptor, atom_lists, direction
from gnncv.jacobian.lattice import CellLike, Lattice, vectors_between
from gnncv.jacobian.pattern import SparsityPattern


class PairDistances(Descriptor):
    """Distances d = |r_j - r_i|, of the nearest images in a periodic cell.

    dd/dr_j = (r_j - r_i) / d = -dd/dr_i. At d = 0 there is no derivative; zeros are given.

    Parameters
    ----------
    n_atoms
        Number of atoms in a frame.
    pairs
        (P, 2) atoms i, j of each pair; by default all N (N - 1) / 2 pairs i < j, sorted.
    cell, pbc
        Periodic cell, see `Descriptor`.
    """

    def __init__(
        self,
        n_atoms: int,
        pairs: Sequence[Sequence[int]] | torch.Tensor | None = None,
        cell: CellLike = None,
        pbc: bool | Sequence[bool] | None = None,
    ) -> None:
        super().__init__(n_atoms, cell, pbc)
        if pairs is None:
            self.pairs = torch.triu_indices(n_atoms, n_atoms, 1).T.contiguous()
        else:
            self.pairs = atom_lists("pairs", pairs, 2, n_atoms)

    def _make_pattern(self) -> SparsityPattern:
        return SparsityPattern(
            2 * torch.arange(len(self.pairs) + 1), self.pairs.reshape(-1).clone(), self.n_atoms
        )

    def _compute(
        self, positions: torch.Tensor, lattice: Lattice | None, derivatives: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        first, second = self.pairs.to(positions.device).unbind(1)
        distances, unit = direction(vectors_between(positions, first, second, lattice))
        if not derivatives:
            return distances, None
        blocks = unit.new_empty(*unit.shape[:2], 6)  # two entries a row; stacking them is many times slower
        blocks[..., :3], blocks[..., 3:] = -unit, unit
        return distances, blocks.reshape(len(positions), 2 * len(self.pairs), 3)
