"""Orders of scores, and how alike two of them are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Correlation = Literal["spearman", "kendall"]


def descending(values: Array, random: np.random.Generator) -> Integers:
    """Indices from the highest value to the lowest; equal values in random order, for want of better."""
    return np.lexsort((random.permutation(len(values)), -values)).astype(np.int64)


def _correlate(one: Array, other: Array, statistic: Callable[[Array, Array], object]) -> float:
    """A rank correlation, also of constants: two agree (1), one and anything else do not (0)."""
    if one.shape != other.shape:
        raise InvalidArgument(f"scores of shape {one.shape} cannot be compared with {other.shape}")
    constant = [bool(np.all(values == values.flat[0])) for values in (one, other) if values.size]
    if len(constant) < 2 or any(constant):
        return 1.0 if all(constant) else 0.0
    return float(statistic(one.ravel(), other.ravel()))  # type: ignore[arg-type]


def spearman(one: Array, other: Array) -> float:
    """Spearman's rank correlation of two sets of scores (flattened), with the usual average ranks of ties."""
    return _correlate(one, other, lambda a, b: spearmanr(a, b).statistic)


def kendall(one: Array, other: Array) -> float:
    """Kendall's tau-b of two sets of scores (flattened)."""
    return _correlate(one, other, lambda a, b: kendalltau(a, b).statistic)


def top_overlap(one: Array, other: Array, size: int) -> float:
    """Jaccard index of the `size` highest of one and of the other: shared over all of both.

    Scores of zero are never among the highest; two sets without any other agree (1). Where ties at the last
    place leave a choice, the lower index is taken on both sides.
    """
    if not 1 <= size <= one.size or one.shape != other.shape:
        raise InvalidArgument(
            f"the {size} highest of scores of shapes {one.shape} and {other.shape} cannot be compared"
        )
    chosen = []
    for values in (one.ravel(), other.ravel()):
        highest = np.argsort(-values, kind="stable")[:size]
        chosen.append(set(highest[values[highest] > 0.0].tolist()))
    either = chosen[0] | chosen[1]
    return len(chosen[0] & chosen[1]) / len(either) if either else 1.0


@dataclass(frozen=True, eq=False)
class Agreement:
    """How alike explanations of one output are, by absolute scores.

    Attributes
    ----------
    methods
        Their M names.
    spearman, kendall
        ``(M, M)`` rank correlations, Kendall's as tau-b.
    overlap
        ``(M, M)`` Jaccard index of the `size` highest.
    size
        How many are the highest.
    """

    methods: tuple[str, ...]
    spearman: Array
    kendall: Array
    overlap: Array
    size: int


def default_size(n_units: int) -> int:
    """A tenth of what was scored, at least one: how many count as the highest where nobody says."""
    return max(1, round(n_units / 10))


def agreement(explanations: Mapping[str, Explanation], size: int | None = None) -> Agreement:
    """Rank correlations and overlap of the highest between explanations of one output of one graph.

    Parameters
    ----------
    explanations : mapping of str to Explanation
        At least two, by name, over the same: nodes with nodes, edges with edges. One of them may be the
        measured truth, :func:`gnncv.explain.perturbation`.
    size : int, optional
        How many of each to compare as the highest; a tenth if not given.

    Returns
    -------
    Agreement
        Of absolute scores: methods differ in whether they have signs.

    Raises
    ------
    InvalidArgument
        If there are fewer than two, or they are not over the same nodes, edges or features.
    """
    if len(explanations) < 2:
        raise InvalidArgument("agreement is between at least two explanations")
    names, listed = tuple(explanations), list(explanations.values())
    for name, other in explanations.items():
        if other.over != listed[0].over or other.scores.shape != listed[0].scores.shape:
            raise InvalidArgument(
                f"{names[0]} has {listed[0].scores.shape} scores over {listed[0].over}, {name} has "
                f"{other.scores.shape} over {other.over}; only scores of the same can be compared"
            )
    magnitudes = [explanation.magnitudes for explanation in listed]
    size = default_size(magnitudes[0].size) if size is None else size

    def matrix(alike: Callable[[Array, Array], float]) -> Array:
        return np.array([[alike(one, other) for other in magnitudes] for one in magnitudes])

    return Agreement(
        names, matrix(spearman), matrix(kendall), matrix(lambda a, b: top_overlap(a, b, size)), size
    )
