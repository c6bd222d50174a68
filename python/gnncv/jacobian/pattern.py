"""Which descriptor depends on which atoms: compressed rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from gnncv.errors import InvalidArgument


@dataclass(frozen=True)
class SparsityPattern:
    """Compressed rows of blocks: row d depends on `atoms[row_ptr[d]:row_ptr[d + 1]]`, an entry is a block of
    three.

    Attributes
    ----------
    row_ptr
        (D + 1,) int64.
    atoms
        (E,) int64, each atom at most once in a row, in any order.
    n_atoms
        Number of atoms N.
    """

    row_ptr: torch.Tensor
    atoms: torch.Tensor
    n_atoms: int

    @classmethod
    def from_rows(cls, rows: Iterable[Sequence[int]], n_atoms: int) -> SparsityPattern:
        """Pattern from the atoms of each row."""
        lists = [np.asarray(row, dtype=np.int64).reshape(-1) for row in rows]
        row_ptr = np.concatenate([[0], np.cumsum([len(row) for row in lists])]).astype(np.int64)
        atoms = np.concatenate([*lists, np.empty(0, dtype=np.int64)])
        pattern = cls(torch.from_numpy(row_ptr), torch.from_numpy(atoms), n_atoms)
        pattern.check()
        return pattern

    @classmethod
    def from_mask(cls, mask: torch.Tensor | np.ndarray) -> SparsityPattern:
        """Pattern from a boolean matrix (D, N)."""
        mask = torch.as_tensor(mask).bool()
        counts = torch.cat([torch.zeros(1, dtype=torch.int64), mask.sum(1).cumsum(0)])
        return cls(counts, mask.nonzero()[:, 1], mask.shape[1])

    @classmethod
    def dense(cls, n_rows: int, n_atoms: int) -> SparsityPattern:
        """Every row depends on every atom."""
        return cls(torch.arange(n_rows + 1) * n_atoms, torch.arange(n_atoms).repeat(n_rows), n_atoms)

    @classmethod
    def stacked(cls, patterns: Sequence[SparsityPattern]) -> SparsityPattern:
        """Rows of several patterns of the same atoms, one after the other."""
        offsets = np.cumsum([0, *(len(pattern.atoms) for pattern in patterns)])
        starts = [p.row_ptr[:-1] + int(offset) for p, offset in zip(patterns, offsets[:-1], strict=True)]
        end = torch.tensor([int(offsets[-1])])
        return cls(torch.cat([*starts, end]), torch.cat([p.atoms for p in patterns]), patterns[0].n_atoms)

    def check(self) -> None:
        """Raise InvalidArgument where an atom does not exist or is twice in a row."""
        if len(self.atoms) and not (int(self.atoms.min()) >= 0 and int(self.atoms.max()) < self.n_atoms):
            raise InvalidArgument(
                f"pattern: atoms {int(self.atoms.min())} to {int(self.atoms.max())}, of {self.n_atoms} atoms "
                f"numbered from 0 to {self.n_atoms - 1}"
            )
        keys = self.rows * self.n_atoms + self.atoms
        unique, counts = keys.unique(return_counts=True)
        if len(unique) < len(keys):
            twice = int(unique[counts > 1][0])
            raise InvalidArgument(
                f"pattern: atom {twice % self.n_atoms} is in row {twice // self.n_atoms} more than once"
            )

    @property
    def n_rows(self) -> int:
        """Number of descriptors D."""
        return len(self.row_ptr) - 1

    @property
    def n_entries(self) -> int:
        """Number of blocks E."""
        return len(self.atoms)

    @cached_property
    def rows(self) -> torch.Tensor:
        """(E,) row of each entry."""
        counts = self.row_ptr.diff()
        return torch.arange(self.n_rows, device=counts.device).repeat_interleave(counts)

    @cached_property
    def by_atom(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Entries by atom (E,), where each atom begins among them (N + 1,), and their rows (E,)."""
        order = torch.argsort(self.atoms, stable=True)
        counts = torch.bincount(self.atoms, minlength=self.n_atoms)
        return order, torch.cat([counts.new_zeros(1), counts.cumsum(0)]), self.rows[order]

    @cached_property
    def parts(self) -> list[torch.Tensor]:
        """What the operators take for a pattern."""
        order, atom_ptr, _ = self.by_atom
        return [self.row_ptr.contiguous(), self.atoms.contiguous(), self.rows, order, atom_ptr]

    def to_mask(self) -> torch.Tensor:
        """Boolean matrix (D, N)."""
        mask = torch.zeros(self.n_rows, self.n_atoms, dtype=torch.bool, device=self.atoms.device)
        mask[self.rows, self.atoms] = True
        return mask

    def to(self, device: torch.device | str) -> SparsityPattern:
        """The same on a device."""
        if self.atoms.device == torch.device(device):
            return self
        return SparsityPattern(self.row_ptr.to(device), self.atoms.to(device), self.n_atoms)
