"""A collective variable that is watched: each neighbor list has a reason, and none is out of date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gnncv

Array = NDArray[np.float64]


class Audit:
    """Stands for a `gnncv.CollectiveVariable`, counts the lists that it should make, and tries its values.

    The list holds all pairs within cutoff + skin when it is made. With u_i what atom i has moved since then,
    beyond the motion of all atoms and the deformation of the box, it is complete as long as
    ||F^-1|| (cutoff + 2 max |u_i|) <= cutoff + skin, F being the deformation. Here this is computed from
    the positions alone, and a few evaluations are repeated by a variable that lists all pairs anew.

    Parameters
    ----------
    path : str
        The model.
    every : int
        Every how many evaluations one is repeated.

    Attributes
    ----------
    n_expected : int
        Lists that the positions demand.
    n_repeated, largest_difference : int, float
        Evaluations repeated, and the largest difference in any output found.
    """

    def __init__(self, path: str, every: int = 100) -> None:
        self.cv = gnncv.CollectiveVariable(path, num_threads=1)
        self.fresh = gnncv.CollectiveVariable(path, num_threads=1, skin=0.0)
        self.every = every
        self.n_expected = 0
        self.n_repeated = 0
        self.largest_difference = 0.0
        self._reference: tuple[Array, Array] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cv, name)

    def bind(self, symbols: Sequence[str]) -> None:
        """As the variable's own; the repeating one is told, too."""
        self.cv.bind(symbols)
        self.fresh.bind(symbols)

    def compute(self, positions: Array, cell: Array, pbc: Any, outputs: Sequence[str] | None = None) -> Any:
        """As the variable's own."""
        if not self._complete(positions, cell):
            self._reference = positions.copy(), cell.copy()
            self.n_expected += 1
        result = self.cv.compute(positions, cell, pbc, outputs=outputs)
        if self.cv.statistics["n_evaluations"] % self.every == 0:
            again = self.fresh.compute(positions, cell, pbc, outputs=[])
            self.n_repeated += 1
            difference = float(np.abs(result.values - again.values).max())
            self.largest_difference = max(self.largest_difference, difference)
        return result

    def _complete(self, positions: Array, cell: Array) -> bool:
        """Whether the list has every pair within the cutoff, for a box periodic in all directions."""
        if self._reference is None:
            return False
        before, cell_before = self._reference
        moved = positions - before @ np.linalg.solve(cell_before, cell)
        moved = (moved - moved[0]) @ np.linalg.inv(cell)
        moved = (moved - np.round(moved)) @ cell
        moved -= moved.mean(axis=0)
        stretch = np.linalg.norm(np.linalg.solve(cell, cell_before), 2)
        largest = np.sqrt((moved**2).sum(axis=1).max())
        return bool(stretch * (self.cutoff + 2.0 * largest) <= self.cutoff + self.skin)

    def report(self) -> dict[str, float]:
        """Counts of this process."""
        statistics = self.cv.statistics
        return {
            "n_evaluations": statistics["n_evaluations"],
            "n_rebuilds": statistics["n_rebuilds"],
            "n_expected": self.n_expected,
            "n_repeated": self.n_repeated,
            "largest_difference": self.largest_difference,
        }
