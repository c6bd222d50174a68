"""Centers of mass of groups of atoms, and their derivatives."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gnncv.errors import InvalidArgument
from gnncv.jacobian.descriptor import Descriptor, atom_lists
from gnncv.jacobian.lattice import CellLike, Lattice, vectors_between
from gnncv.jacobian.pattern import SparsityPattern


class CentersOfMass(Descriptor):
    """Centers of mass, three descriptors x, y, z a group; the derivative with respect to an atom is m_i / M.

    In a periodic cell a group is made whole first: its atoms are taken at their images nearest to its first
    atom, so it must be smaller than half the cell. The center then lies where that first atom is, not wrapped
    into the cell.

    Parameters
    ----------
    n_atoms
        Number of atoms in a frame.
    groups
        Atoms of each group.
    masses
        (n_atoms,) in any unit; by default all equal.
    cell, pbc
        Periodic cell, see `Descriptor`.
    """

    def __init__(
        self,
        n_atoms: int,
        groups: Sequence[Sequence[int]],
        masses: Sequence[float] | torch.Tensor | None = None,
        cell: CellLike = None,
        pbc: bool | Sequence[bool] | None = None,
    ) -> None:
        super().__init__(n_atoms, cell, pbc)
        mass = torch.ones(n_atoms) if masses is None else torch.as_tensor(masses)
        if mass.shape != (n_atoms,):
            raise InvalidArgument(f"masses: shape {tuple(mass.shape)}, expected ({n_atoms},)")
        lists = []
        for number, group in enumerate(groups):
            if len(group) == 0:
                raise InvalidArgument(f"groups: number {number} has no atoms")
            lists.append(atom_lists(f"groups: number {number}", group, len(group), n_atoms)[0])
        self.groups = lists
        weights = [mass[group].double() / mass[group].double().sum() for group in lists]
        if any(not bool(torch.isfinite(weight).all()) for weight in weights):
            raise InvalidArgument("masses: the masses of a group add to zero")
        self._weights = torch.cat(weights) if lists else torch.empty(0)

    def _make_pattern(self) -> SparsityPattern:
        return SparsityPattern.from_rows([g.tolist() for g in self.groups for _ in range(3)], self.n_atoms)

    def _compute(
        self, positions: torch.Tensor, lattice: Lattice | None, derivatives: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        device, n_groups = positions.device, len(self.groups)
        atoms = torch.cat(self.groups).to(device)
        sizes = torch.tensor([len(group) for group in self.groups], device=device)
        group = torch.arange(n_groups, device=device).repeat_interleave(sizes)
        first = torch.stack([one[0] for one in self.groups]).to(device)
        weights = self._weights.to(positions)
        relative = weights[:, None] * vectors_between(positions, first[group], atoms, lattice)
        zeros = positions.new_zeros(len(positions), n_groups, 3)
        values = (positions[:, first] + zeros.index_add(1, group, relative)).flatten(1)
        if not derivatives:
            return values, None
        blocks = [
            weight[None, :, None] * torch.eye(3).to(positions)[:, None, :]
            for weight in weights.split([len(one) for one in self.groups])
        ]
        flat = torch.cat([block.flatten(0, 1) for block in blocks])
        return values, flat.expand(len(positions), -1, -1)
