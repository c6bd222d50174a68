"""What analytic descriptors have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import torch

from gnncv._native import load_operators
from gnncv.errors import InvalidArgument
from gnncv.jacobian.lattice import CellLike, Lattice
from gnncv.jacobian.pattern import SparsityPattern

Indices = Sequence[int] | torch.Tensor


class Descriptor:
    """A function of the positions of N atoms whose derivatives are known in closed form.

    Calling it gives the values (n_frames, D), differentiable by autograd as well; `evaluate` gives values and
    the non-zero blocks of the Jacobian. Where positions require gradients, the blocks are differentiable
    themselves.

    Parameters
    ----------
    n_atoms
        Number of atoms N in a frame.
    cell
        Periodic cell in the unit of the positions: a length (cubic), three lengths, three lattice vectors as
        rows (3, 3), or those of every frame (n_frames, 3, 3). None: no periodic images.
    pbc
        Along which lattice vectors the structure repeats; all where a cell is given.
    """

    def __init__(self, n_atoms: int, cell: CellLike = None, pbc: bool | Sequence[bool] | None = None) -> None:
        self.n_atoms = n_atoms
        self.lattice = Lattice.of(cell, pbc)

    @cached_property
    def pattern(self) -> SparsityPattern:
        """Atoms that each descriptor depends on, whatever the positions."""
        return self._make_pattern()

    @property
    def out_features(self) -> int:
        """Number of descriptors D."""
        return self.pattern.n_rows

    def __call__(self, positions: torch.Tensor) -> torch.Tensor:
        """Values (n_frames, D) for positions (n_frames, N, 3)."""
        return self._compute(self._checked(positions), self.lattice, False)[0]

    def evaluate(
        self, positions: torch.Tensor, frames: slice = slice(None)
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Values (n_frames, D) and the blocks of the Jacobian (n_frames, E, 3), in the order of `pattern`.

        `frames` selects some of the frames, each with its own cell where there is one a frame.
        """
        lattice = self.lattice if self.lattice is None else self.lattice.of_frames(frames)
        values, blocks = self._compute(self._checked(positions)[frames], lattice, True)
        assert blocks is not None
        return values, blocks

    def _checked(self, positions: torch.Tensor) -> torch.Tensor:
        if positions.ndim != 3 or positions.shape[1:] != (self.n_atoms, 3):
            raise InvalidArgument(
                f"positions: shape {tuple(positions.shape)}, expected (n_frames, {self.n_atoms}, 3)"
            )
        return positions

    def _make_pattern(self) -> SparsityPattern:
        raise TypeError(f"{type(self).__name__} has no pattern")

    def _compute(
        self, positions: torch.Tensor, lattice: Lattice | None, derivatives: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        raise TypeError(f"{type(self).__name__} computes nothing")


def atom_lists(name: str, lists: object, length: int, n_atoms: int) -> torch.Tensor:
    """(n, length) int64 from lists of atoms, each of `length` different ones."""
    indices = torch.as_tensor(lists, dtype=torch.int64).reshape(-1, length)
    if len(indices) and not (int(indices.min()) >= 0 and int(indices.max()) < n_atoms):
        raise InvalidArgument(
            f"{name}: atoms {int(indices.min())} to {int(indices.max())}, of {n_atoms} atoms numbered from 0"
        )
    ordered = indices.sort(1).values
    same = (ordered[:, 1:] == ordered[:, :-1]).any(1).nonzero()
    if len(same):
        row = int(same[0])
        raise InvalidArgument(f"{name}: number {row}, {indices[row].tolist()}, names an atom twice")
    return indices


def switched(
    switching: Callable[[torch.Tensor], torch.Tensor], distances: torch.Tensor, derivatives: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Values and slopes of a switching function, which acts on each of the distances (n,) alone.

    The slopes come from autograd through the function, and are differentiable where the distances are.
    """
    if not derivatives:
        return switching(distances), None
    higher = torch.is_grad_enabled() and distances.requires_grad
    with torch.enable_grad():
        argument = distances if higher else distances.detach().requires_grad_()
        values = switching(argument)
        if values.shape != argument.shape:
            raise InvalidArgument(
                f"switching: it returned shape {tuple(values.shape)} for {tuple(argument.shape)} distances"
            )
        if not values.requires_grad:  # steps, whose slope is zero where there is one
            return values, torch.zeros_like(values)
        (slopes,) = torch.autograd.grad(values.sum(), argument, create_graph=higher)
    return (values, slopes) if higher else (values.detach(), slopes)


def direction(vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Lengths (..., ) and unit vectors (..., 3); a vector of no length has no direction, and gets zeros."""
    if vectors.device.type == "cpu" and not (torch.is_grad_enabled() and vectors.requires_grad):
        load_operators()
        lengths, units = torch.ops.gnncv.pair_geometry(vectors.detach().reshape(-1, 3).contiguous())
        return lengths.reshape(vectors.shape[:-1]), units.reshape(vectors.shape)
    lengths = torch.linalg.vector_norm(vectors, dim=-1)
    return lengths, vectors / torch.where(lengths > 0, lengths, 1.0)[..., None]
