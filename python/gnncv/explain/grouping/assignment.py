"""Which part of each score goes to which group: all that grouping is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation
from gnncv.explain.grouping.table import ScoreTable

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Assignment:
    """Parts of scores and the groups they are added to.

    Attributes
    ----------
    entry, group
        (P,) int64: score (index into the flattened scores) and group of each part.
    weight
        (P,) float64: the parts of each score add up to 1, so the sums of the groups add up to that of the
        scores.
    names
        Of the G groups.
    count
        (G,) int64.
    counted
        What is counted.
    bounds, members
        See `ScoreTable`.
    """

    entry: Integers
    group: Integers
    weight: Array
    names: Sequence[str]
    count: Integers
    counted: str
    bounds: Array | None = None
    members: Integers | None = None

    def regroup(
        self,
        new_group: Integers,
        names: Sequence[str],
        counted: str | None = None,
        bounds: Array | None = None,
    ) -> Assignment:
        """Groups of groups: `new_group` (G,) is the new group of each of the present ones, counted as one."""
        count = np.bincount(new_group, minlength=len(names))
        return Assignment(
            self.entry, new_group[self.group], self.weight, names, count, counted or self.counted, bounds
        )

    def split(self, owner: Integers, names: Sequence[str], counted: str) -> Assignment:
        """Every group shared out in equal parts to its members; `owner` (N,) is the group of each of them."""
        sizes = np.bincount(owner, minlength=len(self.names))
        if len(empty := np.flatnonzero(sizes == 0)):
            raise InvalidArgument(f"{self.names[empty[0]]} has no atoms to share its score out to")
        order = np.argsort(owner, kind="stable")
        starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
        repeats = sizes[self.group]
        part = np.repeat(np.arange(len(self.entry)), repeats)
        within = np.arange(len(part)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        return Assignment(
            self.entry[part],
            order[starts[self.group[part]] + within],
            self.weight[part] / sizes[self.group[part]],
            names,
            np.ones(len(names), dtype=np.int64),
            counted,
            members=np.arange(len(names)),
        )

    def table(self, explanation: Explanation, by: str) -> ScoreTable:
        """Sums, counts and shares of an explanation's scores."""
        n = len(self.names)
        sums = self._sums(explanation.scores)
        parts = self._sums(explanation.magnitudes)
        total = float(explanation.magnitudes.sum())
        single = len(self.entry) == n and bool((self.weight == 1.0).all()) and len(set(self.group)) == n
        spread = self._sums(explanation.spread) if single and explanation.spread is not None else None
        return ScoreTable(
            by=by,
            names=tuple(self.names),
            sum=sums,
            count=self.count,
            share=parts / total if total > 0.0 else np.zeros(n),
            counted=self.counted,
            units=explanation.units,
            output=explanation.output,
            method=explanation.method,
            model_hash=explanation.model_hash,
            bounds=self.bounds,
            members=self.members,
            spread=spread,
        )

    def _sums(self, scores: Array) -> Array:
        parts = self.weight * scores.reshape(-1)[self.entry]
        return np.asarray(np.bincount(self.group, parts, minlength=len(self.names)), dtype=np.float64)


def to_nodes(explanation: Explanation) -> Assignment:
    """Scores to the n nodes: features to their node, half of each directed edge to each of its ends."""
    n, size = len(explanation.node_labels), explanation.scores.size
    entry, weight = np.arange(size), np.ones(size)
    if explanation.over == "edges":
        assert explanation.edge_index is not None
        group = explanation.edge_index.reshape(-1)
        entry, weight = np.concatenate([entry, entry]), np.full(2 * size, 0.5)
    else:
        group = np.repeat(np.arange(n), size // n if n else 0)
    labels, ones = list(explanation.node_labels), np.ones(n, dtype=np.int64)
    return Assignment(entry, group, weight, labels, ones, "nodes", members=np.arange(n))


def first_come(values: Sequence[str]) -> tuple[Integers, list[str]]:
    """Number of each value among the distinct ones in the order in which they first come, and these."""
    numbers: dict[str, int] = {}
    group = np.array([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)
    return group, list(numbers)
