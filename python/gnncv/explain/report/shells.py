"""Neighbor shells of a run: between the minima of its own pair distances."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gnncv.explain.grouping.shells import shell_boundaries
from gnncv.explain.report.frame_view import LAYERS, Array

PROMINENCE = 0.02
"""Of a minimum, over the height of the first maximum: low, for over all frames there is little noise and two
phases fill each other's minima."""


@dataclass(frozen=True)
class Shell:
    """Neighbors between two distances (angstrom): ``first`` and ``last`` bound the bins of distance."""

    name: str
    start: float
    end: float
    first: int
    last: int

    @property
    def label(self) -> str:
        """Name and bounds."""
        return f"{self.name} ({self.start:.1f} to {self.end:.1f} Å)"


def find_shells(edges: Array, pairs: Array) -> list[Shell]:
    """Shells from the numbers of pairs, ``(D,)``, in bins of distance; the cutoff ends the last one.

    Where the distances show none (:func:`gnncv.explain.shell_boundaries`), all neighbors are one shell.
    """
    if not pairs.any():
        return [Shell("all neighbors", 0.0, float(edges[-1]), 0, len(pairs))]
    found = shell_boundaries(0.5 * (edges[:-1] + edges[1:]), pairs, PROMINENCE)
    first = int(np.flatnonzero(pairs)[0])
    inner = [int(np.argmin(np.abs(edges - one))) for one in found]
    bounds = [first, *(k for k in inner if first < k < len(pairs) - 1), len(pairs)]
    names = ["all neighbors"] if len(bounds) == 2 else [f"shell {k}" for k in range(1, len(bounds))]
    return [
        Shell(name, float(edges[a]), float(edges[b]), a, b)
        for name, (a, b) in zip(names, pairwise(bounds), strict=True)
    ]


def shell_shares(shells: list[Shell], strength: Array) -> Array:
    """Share of each shell in the pair slopes of each layer and of all sites: ``(shells, 5)``.

    `strength` is ``(4, D)``: sums over the frames.
    """
    everything = np.vstack([strength, strength.sum(axis=0)])
    sums = np.array([everything[:, shell.first : shell.last].sum(axis=1) for shell in shells])
    with np.errstate(invalid="ignore"):
        shares: Array = sums / everything.sum(axis=1)
    assert shares.shape == (len(shells), len(LAYERS) + 1)
    return shares
