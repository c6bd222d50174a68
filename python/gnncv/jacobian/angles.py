"""Angles between bonds and torsions about them, and their derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch

from gnncv.errors import InvalidArgument
from gnncv.jacobian.descriptor import Descriptor, atom_lists, direction
from gnncv.jacobian.lattice import CellLike, Lattice, vectors_between
from gnncv.jacobian.pattern import SparsityPattern

MODES = ("angle", "sin", "cos")


class _AngleLike(Descriptor):
    """An angle of every list of atoms, as itself, its sine and its cosine."""

    name: str
    length: int

    def __init__(
        self,
        n_atoms: int,
        atoms: Sequence[Sequence[int]] | torch.Tensor,
        modes: str | Sequence[str] = "angle",
        cell: CellLike = None,
        pbc: bool | Sequence[bool] | None = None,
    ) -> None:
        super().__init__(n_atoms, cell, pbc)
        self.lists = atom_lists(self.name, atoms, self.length, n_atoms)
        asked = [modes] if isinstance(modes, str) else list(modes)
        unknown = [mode for mode in asked if mode not in MODES]
        if unknown or not asked:
            raise InvalidArgument(f"modes: {asked} is not allowed; allowed: {', '.join(MODES)}")
        self.modes = [mode for mode in MODES if mode in asked]

    def _make_pattern(self) -> SparsityPattern:
        rows = self.lists.repeat_interleave(len(self.modes), 0)
        return SparsityPattern(self.length * torch.arange(len(rows) + 1), rows.reshape(-1), self.n_atoms)

    def _compute(
        self, positions: torch.Tensor, lattice: Lattice | None, derivatives: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        atoms = self.lists.to(positions.device).unbind(1)
        vectors = [vectors_between(positions, i, j, lattice) for i, j in pairwise(atoms)]
        angle, blocks = self._angle(vectors, derivatives)
        functions = {"angle": angle, "sin": angle.sin(), "cos": angle.cos()}
        values = torch.stack([functions[mode] for mode in self.modes], 2).flatten(1)
        if blocks is None:
            return values, None
        slopes = {"angle": torch.ones_like(angle), "sin": functions["cos"], "cos": -functions["sin"]}
        factors = torch.stack([slopes[mode] for mode in self.modes], 2)  # (F, A, modes)
        return values, (factors[..., None, None] * blocks[:, :, None]).flatten(1, 3)

    def _angle(
        self, vectors: list[torch.Tensor], derivatives: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        raise TypeError(f"{type(self).__name__} has no angle")


class Angles(_AngleLike):
    """Angle at atom j between the directions to i and to k, for each triple i, j, k; in radians, 0 to pi.

    With a = r_i - r_j, b = r_k - r_j and n the unit vector of a x b, the derivatives are a x n / |a|^2 with
    respect to r_i and n x b / |b|^2 with respect to r_k, and minus their sum for r_j. At 0 and pi the angle
    has no derivative; zeros are given, and the mode "cos", which is smooth there, has the right one, zero.

    Parameters
    ----------
    n_atoms
        Number of atoms in a frame.
    atoms
        (A, 3) atoms i, j, k of each angle.
    modes
        One or several of "angle", "sin", "cos"; the descriptors of an angle follow each other in this order.
    cell, pbc
        Periodic cell, see `Descriptor`.
    """

    name = "angles"
    length = 3

    def _angle(
        self, vectors: list[torch.Tensor], derivatives: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        a, b = -vectors[0], vectors[1]
        sine, normal = direction(torch.linalg.cross(a, b))
        angle = torch.atan2(sine, (a * b).sum(-1))
        if not derivatives:
            return angle, None
        first = torch.linalg.cross(a, normal) / _squared(a)
        last = torch.linalg.cross(normal, b) / _squared(b)
        return angle, torch.stack([first, -first - last, last], 2)


class Torsions(_AngleLike):
    """Dihedral angle i-j-k-l for each quadruple, in radians from -pi to pi, zero where i and l eclipse
    (IUPAC).

    Derivatives after Blondel and Karplus, J. Comput. Chem. 17, 1132 (1996),
    doi:10.1002/(SICI)1096-987X(19960715)17:9<1132::AID-JCC5>3.0.CO;2-T, which are finite unless three atoms
    lie on a line; zeros are given there. The modes "sin" and "cos" have no jump at pi.

    Parameters
    ----------
    n_atoms
        Number of atoms in a frame.
    atoms
        (A, 4) atoms i, j, k, l of each torsion.
    modes
        One or several of "angle", "sin", "cos"; the descriptors of a torsion follow each other in this order.
    cell, pbc
        Periodic cell, see `Descriptor`.
    """

    name = "torsions"
    length = 4

    def _angle(
        self, vectors: list[torch.Tensor], derivatives: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        ij, jk, kl = vectors
        left, right = torch.linalg.cross(ij, jk), torch.linalg.cross(jk, kl)
        axis, unit = direction(jk)
        angle = torch.atan2((torch.linalg.cross(left, right) * unit).sum(-1), (left * right).sum(-1))
        if not derivatives:
            return angle, None
        axis = axis[..., None]
        safe_axis = torch.where(axis > 0, axis, 1.0)
        left_unit, right_unit = left / _squared(left), right / _squared(right)
        first, last = -axis * left_unit, axis * right_unit
        along_left = (ij * jk).sum(-1, keepdim=True) / safe_axis * left_unit
        along_right = (kl * jk).sum(-1, keepdim=True) / safe_axis * right_unit
        return angle, torch.stack(
            [first, -first + along_left + along_right, -last - along_left - along_right, last], 2
        )


def _squared(vectors: torch.Tensor) -> torch.Tensor:
    """Squared lengths (..., 1), one for no length."""
    squares = vectors.square().sum(-1, keepdim=True)
    return torch.where(squares > 0, squares, 1.0)
