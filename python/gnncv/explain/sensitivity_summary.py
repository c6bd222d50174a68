"""What table and picture of sensitivities show, gathered along a stream of frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms
from ase.geometry import get_distances
from numpy.typing import NDArray

from gnncv.explain.moments import RunningMoments
from gnncv.explain.scored_frames import ScoredFrame
from gnncv.explain.selection import ENVIRONMENT

Array = NDArray[np.float64]


class GrowingHistogram:
    """Counts and sums in bins from 0 upward; their width doubles whenever a value lies beyond the last.

    Attributes
    ----------
    counts, sums
        Of each bin: how many values, and the sum of what came with them.
    width
        Of a bin; 0 until a value above 0 came.
    """

    def __init__(self, bins: int = 80) -> None:
        self.counts, self.sums = np.zeros(bins), np.zeros(bins)
        self.width = 0.0

    def add(self, values: Array, weights: Array | None = None) -> None:
        """Count values (0 or more), each with a weight."""
        highest = float(values.max(initial=0.0))
        bins = len(self.counts)
        if self.width == 0.0 and highest > 0.0:
            self.width = highest * (1.0 + 1e-9) / bins
        while highest >= self.width * bins and highest > 0.0:
            for column in (self.counts, self.sums):
                column[: bins // 2], column[bins // 2 :] = column.reshape(-1, 2).sum(axis=1), 0.0
            self.width *= 2.0
        places = np.zeros(len(values), dtype=int)
        if self.width > 0.0:
            places = np.minimum((values / self.width).astype(int), bins - 1)
        self.counts += np.bincount(places, minlength=bins)
        self.sums += np.bincount(places, weights=weights, minlength=bins)

    @property
    def middles(self) -> Array:
        """Middles of the bins."""
        return np.asarray((np.arange(len(self.counts)) + 0.5) * self.width, dtype=np.float64)


class SensitivitySummary:
    """Moments of each row, distribution of the scores by species, and their fall-off in space.

    Hand :meth:`add` to `graph_node_sensitivity` or `node_sensitivity` as ``on_frame``.

    Attributes
    ----------
    labels, species
        Of the rows: names, and chemical symbols (of the environment's mean and sum none).
    scores
        Moments of the rows over frames.
    crystallinity
        Average of each row, where the frames have it and are scored whole; else ``None``.
    groups
        Distribution of all scores: by species, by crystallinity where that is known, and the environment.
    profile
        Scores by the distance (angstrom) to the highest atom of their frame.
    n_scores
        How many scores there were.
    """

    def __init__(self) -> None:
        self.labels: list[str] = []
        self.species: list[str] = []
        self.scores = RunningMoments()
        self.groups: dict[str, GrowingHistogram] = {}
        self.profile = GrowingHistogram(48)
        self.n_scores = 0
        self._crystallinity = RunningMoments()

    @property
    def crystallinity(self) -> Array | None:
        """Average of each row over the frames."""
        return self._crystallinity.mean if self._crystallinity.count else None

    @property
    def highest(self) -> float:
        """The highest score of all, to the width of a bin."""
        ends = [np.flatnonzero(group.counts)[-1] + 1 for group in self.groups.values()]
        widths = [group.width for group in self.groups.values()]
        return float(max((end * width for end, width in zip(ends, widths, strict=True)), default=0.0))

    def add(self, scored: ScoredFrame) -> None:
        """Take one frame into account."""
        if not self.labels:
            self.labels = list(scored.labels)
            self.species = _species(scored)
        self.scores.add(scored.averaged)
        crystallinity = scored.per_site.get("crystallinity")
        if crystallinity is not None and scored.rows is None:
            self._crystallinity.add(crystallinity)
        self._distribute(scored, crystallinity)
        self._fall_off(scored.atoms, scored.scores)

    def _distribute(self, scored: ScoredFrame, crystallinity: Array | None) -> None:
        rows = np.zeros(len(scored.scores), dtype=int) if scored.rows is None else scored.rows
        symbols = np.where(rows == ENVIRONMENT, "environment", np.array(scored.atoms.get_chemical_symbols()))
        scored_atoms = rows >= ENVIRONMENT
        self.n_scores += int(scored_atoms.sum())
        for symbol in dict.fromkeys(symbols[scored_atoms].tolist()):
            chosen = scored_atoms & (symbols == symbol)
            parts = {symbol: chosen}
            if crystallinity is not None:
                crystalline = crystallinity > 0.5
                parts = {
                    f"{symbol}, crystalline": chosen & crystalline,
                    f"{symbol}, not crystalline": chosen & ~crystalline,
                }
            for name, part in parts.items():
                if part.any():
                    self.groups.setdefault(name, GrowingHistogram()).add(scored.scores[part])

    def _fall_off(self, atoms: Atoms, scores: Array) -> None:
        top = int(np.argmax(scores))
        others = np.arange(len(atoms)) != top
        _, distances = get_distances(atoms.positions[top], atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        self.profile.add(distances[0][others], scores[others])


def _species(scored: ScoredFrame) -> list[str]:
    """Species of each row; none of an environment's, and of an atom that is not in the frame."""
    symbols = scored.atoms.get_chemical_symbols()
    if scored.rows is None:
        return symbols
    species = [""] * len(scored.labels)
    for atom in np.flatnonzero(scored.rows >= 0):
        species[scored.rows[atom]] = symbols[atom]
    return species


def summary_of(result: dict[str, Any]) -> SensitivitySummary:
    """The summary of what `graph_node_sensitivity` returned with its frames."""
    summary = SensitivitySummary()
    scores, values, labels = result["raw_sensitivities"], result["values"], result["node_labels"]
    for number, atoms in enumerate(result["frames"]):
        sites = {"crystallinity": result["crystallinity"][number]} if "crystallinity" in result else {}
        rows = result["rows"][number] if "rows" in result else None
        summary.add(ScoredFrame(number, atoms, values[number], scores[number], labels, rows, sites))
    return summary
