"""Scores of edges by angle: between two bonds of a center, or between an edge and an axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation
from gnncv.explain.grouping.assignment import Assignment
from gnncv.explain.grouping.bonds import bond_counts
from gnncv.explain.grouping.shells import found_boundaries
from gnncv.explain.nodes import edge_vectors, need_edges

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


def bond_angles(explanation: Explanation, within: float | None, width: float) -> Assignment:
    """Every edge's score in equal parts to the angles it makes with the other edges into its receiver.

    The angle of edges j -> c and k -> c is that at the center c. An edge belongs to its receiver, the center
    that collects it, and its reverse to the other end. An edge with m - 1 others at its center takes part in
    m - 1 angles and gives each of them 1/(m - 1) of its score, so that nothing is counted twice: an angle's
    score is the sum of what its two bonds give it.

    Parameters
    ----------
    explanation
        Over edges, with vectors.
    within
        Only edges shorter than this (angstrom) are bonds; default the end of the first shell, see
        `found_boundaries`. Longer ones, and bonds that are alone at their center, are groups of their own.
    width
        Of the bins, degrees.
    """
    ends = need_edges(explanation, "angle")
    vectors = edge_vectors(explanation)
    lengths = np.linalg.norm(vectors, axis=1)
    reach = within if within is not None else _first_shell(explanation, lengths)
    if not reach > 0.0:
        raise InvalidArgument(f"within is {reach}; it must be a positive distance")
    n_bins = _bins(180.0, width)
    is_bond = (lengths < reach) & (lengths > 0.0)
    n_bonds = np.bincount(ends[1][is_bond], minlength=len(explanation.node_labels))
    alone = np.flatnonzero(is_bond & (n_bonds[ends[1]] == 1))
    beyond = np.flatnonzero(~is_bond)
    first, second, angles = _angles_at_centers(ends[1], vectors, is_bond)
    bins = np.minimum((angles / width).astype(np.int64), n_bins - 1)
    others = (n_bonds[ends[1]] - 1).astype(np.float64)
    counts = np.concatenate([np.bincount(bins, minlength=n_bins), [len(alone), len(beyond)]])
    whole = Assignment(
        np.concatenate([first, second, alone, beyond]),
        np.concatenate([bins, bins, np.full(len(alone), n_bins), np.full(len(beyond), n_bins + 1)]),
        np.concatenate([1.0 / others[first], 1.0 / others[second], np.ones(len(alone) + len(beyond))]),
        [*_bin_names(n_bins, width, 180.0), "one bond only", f"beyond {reach:.2f} Å"],
        counts,
        "angles",
        np.concatenate([_limits(n_bins, width, 180.0), np.full((2, 2), np.nan)]),
    )
    return _without_empty(whole)


def axis_angles(explanation: Explanation, axis: Sequence[float] | Array, width: float) -> Assignment:
    """Every edge to its angle with an axis, 0 to 90 degrees: an edge and its reverse lie alike."""
    direction = np.asarray(axis, dtype=np.float64)
    if direction.shape != (3,) or not np.linalg.norm(direction) > 0.0:
        raise InvalidArgument(f"axis is {axis}; give three numbers, not all zero")
    vectors = edge_vectors(explanation)
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(direction)
    cosines = np.divide(np.abs(vectors @ direction), norms, out=np.ones(len(norms)), where=norms > 0.0)
    n_bins = _bins(90.0, width)
    bins = np.minimum(
        (np.degrees(np.arccos(np.clip(cosines, 0.0, 1.0))) / width).astype(np.int64), n_bins - 1
    )
    every = np.arange(len(vectors))
    names, counts = _bin_names(n_bins, width, 90.0), bond_counts(explanation, bins, n_bins)
    limits = _limits(n_bins, width, 90.0)
    return _without_empty(Assignment(every, bins, np.ones(len(every)), names, counts, "pairs", limits))


def _first_shell(explanation: Explanation, lengths: Array) -> float:
    minima = found_boundaries(explanation)
    return float(minima[0]) if len(minima) else float(lengths.max(initial=1.0)) * (1.0 + 1e-9)


def _angles_at_centers(
    receivers: Integers, vectors: Array, is_bond: NDArray[np.bool_]
) -> tuple[Integers, Integers, Array]:
    """All pairs of bonds into the same center, and their angles (degrees)."""
    bonds = np.flatnonzero(is_bond)
    bonds = bonds[np.argsort(receivers[bonds], kind="stable")]
    units = vectors[bonds] / np.linalg.norm(vectors[bonds], axis=1, keepdims=True)
    sizes = np.unique(receivers[bonds], return_counts=True)[1]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    firsts, seconds, angles = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
    for m in np.unique(sizes[sizes > 1]):
        # centers with equally many bonds at once
        rows = starts[:-1][sizes == m][:, None] + np.arange(m)
        i, j = np.triu_indices(m, 1)
        a, b = rows[:, i].reshape(-1), rows[:, j].reshape(-1)
        cosines = np.einsum("ij,ij->i", units[a], units[b])
        firsts.append(bonds[a])
        seconds.append(bonds[b])
        angles.append(np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0))))
    return np.concatenate(firsts), np.concatenate(seconds), np.concatenate(angles)


def _bins(largest: float, width: float) -> int:
    if not 0.0 < width <= largest:
        raise InvalidArgument(f"width is {width} degrees; it must be between 0 and {largest:g}")
    return int(np.ceil(largest / width - 1e-9))


def _limits(n_bins: int, width: float, largest: float) -> Array:
    edges = np.minimum(width * np.arange(n_bins + 1), largest)
    return np.stack([edges[:-1], edges[1:]], axis=1)


def _bin_names(n_bins: int, width: float, largest: float) -> list[str]:
    return [f"{low:g}-{high:g}°" for low, high in _limits(n_bins, width, largest).tolist()]


def _without_empty(whole: Assignment) -> Assignment:
    kept = np.flatnonzero(whole.count > 0)
    place = np.full(len(whole.names), -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    names = [whole.names[i] for i in kept.tolist()]
    bounds = None if whole.bounds is None else whole.bounds[kept]
    return Assignment(
        whole.entry, place[whole.group], whole.weight, names, whole.count[kept], whole.counted, bounds
    )
