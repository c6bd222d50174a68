"""Periodic cells and the shortest vectors between atoms in them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from ase.geometry import complete_cell, minkowski_reduce

from gnncv.errors import InvalidArgument

CellLike = float | Sequence[float] | Sequence[Sequence[float]] | np.ndarray | torch.Tensor | None


def _cell_array(cell: CellLike) -> np.ndarray:
    array = np.asarray(cell.detach().cpu() if isinstance(cell, torch.Tensor) else cell, dtype=float)
    if array.shape in ((), (1,)):
        return np.eye(3) * array.reshape(())
    if array.shape == (3,):
        return np.diag(array)
    if array.shape[-2:] == (3, 3) and array.ndim in (2, 3):
        return array
    raise InvalidArgument(
        f"cell: shape {array.shape} cannot be used; give a length, three lengths, three lattice vectors "
        "(3, 3), or those of every frame (n_frames, 3, 3)"
    )


@dataclass(frozen=True)
class Lattice:
    """Lattice vectors, for one cell or one per frame, ready for shortest vectors.

    Made by `Lattice.of`. A vector `r` between two atoms is wrapped into the cell of the Minkowski-reduced
    lattice; in a cell that is not rectangular, the neighboring images of what is longer than half the
    shortest lattice vector are compared too. That gives the shortest image in any cell, which rounding
    fractional coordinates does not.

    Attributes
    ----------
    vectors
        (C, 3, 3) float64, rows are reduced lattice vectors; C is 1 or the number of frames.
    periodic
        (3,) bool: along which of them the structure repeats.
    inverse
        (C, 3, 3) their inverses.
    safe
        (C,) vectors shorter than this are certainly the shortest.
    rectangular
        Whether the reduced lattice vectors are orthogonal.
    aligned
        Whether they also lie along the axes, in order.
    """

    vectors: torch.Tensor
    inverse: torch.Tensor
    periodic: torch.Tensor
    safe: torch.Tensor
    rectangular: bool
    aligned: bool

    @classmethod
    def of(cls, cell: CellLike, pbc: bool | Sequence[bool] | None = None) -> Lattice | None:
        """Lattice of a cell: a length, (3,) lengths, (3, 3) lattice vectors as rows or (n_frames, 3, 3).

        None without periodic directions. `pbc` is true along all vectors where it is not given.
        """
        if cell is None:
            if pbc is not None and np.any(pbc):
                raise InvalidArgument(f"pbc={pbc} needs a cell, and none is given")
            return None
        periodic = np.broadcast_to(np.asarray(True if pbc is None else pbc, dtype=bool), (3,))
        if not periodic.any():
            return None
        cells = _cell_array(cell).reshape(-1, 3, 3)
        reduced = np.array([cls._reduce(one, periodic) for one in cells])
        lengths = np.linalg.norm(reduced, axis=-1)
        gram = np.abs(reduced @ reduced.transpose(0, 2, 1)) / (lengths[:, :, None] * lengths[:, None, :])
        return cls(
            vectors=torch.from_numpy(reduced),
            inverse=torch.from_numpy(np.linalg.inv(reduced)),
            periodic=torch.from_numpy(periodic.copy()),
            safe=torch.from_numpy(lengths[:, periodic].min(axis=1) / 2),
            rectangular=bool((np.triu(gram, 1) < 1e-12).all()),
            aligned=bool((reduced == reduced * np.eye(3)).all()),
        )

    @staticmethod
    def _reduce(cell: np.ndarray, periodic: np.ndarray) -> np.ndarray:
        if not np.linalg.norm(cell[periodic], axis=1).all():
            raise InvalidArgument(f"cell: a periodic lattice vector has no length in {cell.tolist()}")
        full = complete_cell(np.where(periodic[:, None], cell, 0.0))
        if abs(np.linalg.det(full)) < 1e-10 * np.prod(np.linalg.norm(full, axis=1)):
            raise InvalidArgument(f"cell: the lattice vectors {cell.tolist()} span no volume")
        if np.allclose(full, np.diag(np.diag(full)), rtol=0, atol=1e-14 * np.abs(full).max()):
            return full
        return np.asarray(minkowski_reduce(full, periodic)[0])

    def of_frames(self, frames: slice) -> Lattice:
        """The lattice of some of the frames."""
        if len(self.vectors) == 1:
            return self
        own = {name: getattr(self, name)[frames] for name in ("vectors", "inverse", "safe")}
        return replace(self, **own)

    def shortest(self, vectors: torch.Tensor) -> torch.Tensor:
        """Shortest image of each vector, (n_frames, n, 3) to the same; differentiable, the images are
        constants.
        """
        if len(self.vectors) not in (1, len(vectors)):
            raise InvalidArgument(f"cell: {len(self.vectors)} cells for {len(vectors)} frames")
        with torch.no_grad():
            periodic = self.periodic.to(vectors)
            if self.aligned:
                lengths, inverse = (x.diagonal(dim1=1, dim2=2)[:, None].to(vectors) for x in self._both())
                shift = (vectors * (inverse * periodic)).round_().mul_(-lengths)
            else:
                lattice, inverse = (x.to(vectors) for x in self._both())
                shift = -(torch.round(vectors @ inverse) * periodic) @ lattice
                if not self.rectangular:
                    shift = self._compare_images(vectors, shift, lattice)
        return vectors + shift

    def _both(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.vectors, self.inverse

    def _compare_images(
        self, vectors: torch.Tensor, shift: torch.Tensor, lattice: torch.Tensor
    ) -> torch.Tensor:
        wrapped = vectors + shift
        far = (wrapped.square().sum(-1) > self.safe.to(vectors).square()[:, None]).nonzero()
        frame = far[:, 0] if len(lattice) > 1 else torch.zeros_like(far[:, 0])
        steps = [(-1, 0, 1) if periodic else (0,) for periodic in self.periodic.tolist()]
        around = torch.tensor(list(itertools.product(*steps))).to(vectors) @ lattice  # (C, 27, 3)
        candidates = wrapped[far[:, 0], far[:, 1]][:, None] + around[frame]
        best = candidates.square().sum(-1).argmin(1)
        corrected = shift.clone()
        corrected[far[:, 0], far[:, 1]] += around[frame, best]
        return corrected


def vectors_between(
    positions: torch.Tensor, first: torch.Tensor, second: torch.Tensor, lattice: Lattice | None
) -> torch.Tensor:
    """Shortest vectors from atoms `first` to atoms `second`, (n_frames, n, 3)."""
    vectors = positions.index_select(1, second) - positions.index_select(1, first)
    return vectors if lattice is None else lattice.shortest(vectors)
