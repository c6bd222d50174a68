"""Eigenvalues of the adjacency matrix, and their derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from gnncv.jacobian.descriptor import Descriptor, Indices, atom_lists, direction, switched
from gnncv.jacobian.lattice import CellLike, Lattice, vectors_between
from gnncv.jacobian.pattern import SparsityPattern


class AdjacencyEigenvalues(Descriptor):
    """Eigenvalues, in ascending order, of the matrix A_ij = s(d_ij), A_ii = 0.

    With the normalized eigenvector u of an eigenvalue, d lambda/dr_i = -2 u_i sum_j u_j s'(d_ij) (r_j - r_i)
    / d_ij. Where eigenvalues coincide, a sorted eigenvalue has a kink and no derivative: what is given
    depends on the basis that the solver chose among them, and only symmetric functions of all that coincide,
    such as their sum, have the right derivative. Second derivatives contain 1 / (lambda_k - lambda_l) and are
    not finite there.

    Parameters
    ----------
    n_atoms
        Number of atoms in a frame.
    atoms
        The atoms of the matrix; all by default.
    switching
        Function of distances, see `CoordinationNumbers`.
    cell, pbc
        Periodic cell, see `Descriptor`.
    """

    def __init__(
        self,
        n_atoms: int,
        atoms: Indices | None = None,
        *,
        switching: Callable[[torch.Tensor], torch.Tensor],
        cell: CellLike = None,
        pbc: bool | Sequence[bool] | None = None,
    ) -> None:
        super().__init__(n_atoms, cell, pbc)
        self.switching = switching
        chosen = torch.arange(n_atoms) if atoms is None else torch.as_tensor(atoms, dtype=torch.int64)
        self.atoms = atom_lists("atoms", chosen, len(chosen), n_atoms)[0] if len(chosen) else chosen

    def _make_pattern(self) -> SparsityPattern:
        n = len(self.atoms)
        return SparsityPattern(n * torch.arange(n + 1), self.atoms.repeat(n), self.n_atoms)

    def _compute(
        self, positions: torch.Tensor, lattice: Lattice | None, derivatives: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        n, device = len(self.atoms), positions.device
        i, j = torch.triu_indices(n, n, 1, device=device)
        atoms = self.atoms.to(device)
        distances, unit = direction(vectors_between(positions, atoms[i], atoms[j], lattice))
        terms, slopes = switched(self.switching, distances.flatten(), derivatives)
        matrix = _symmetric(terms.reshape(distances.shape), i, j, n)
        if slopes is None:
            return torch.linalg.eigvalsh(matrix), None
        values, basis = torch.linalg.eigh(matrix)
        forces = slopes.reshape(distances.shape)[..., None] * unit
        slope_matrix = forces.new_zeros(len(positions), n * n, 3)
        slope_matrix = slope_matrix.index_copy(1, i * n + j, forces).index_copy(1, j * n + i, -forces)
        pulled = torch.einsum("fijx,fjk->fkix", slope_matrix.unflatten(1, (n, n)), basis)
        return values, (-2 * basis.transpose(1, 2)[..., None] * pulled).flatten(1, 2)


def _symmetric(terms: torch.Tensor, i: torch.Tensor, j: torch.Tensor, n: int) -> torch.Tensor:
    """(F, n, n) from its upper triangle (F, P)."""
    flat = terms.new_zeros(len(terms), n * n)
    return flat.index_copy(1, i * n + j, terms).index_copy(1, j * n + i, terms).unflatten(1, (n, n))
