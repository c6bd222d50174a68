"""Distance shells, given or found."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation
from gnncv.explain.grouping.assignment import Assignment, to_nodes
from gnncv.explain.grouping.bonds import bond_counts
from gnncv.explain.nodes import center_distances, edge_vectors, node_positions

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

BIN = 0.05
"""Width of the bins of the distance histogram, angstrom."""
SMOOTHING = 0.15
"""Standard deviation of the Gaussian it is smoothed with, angstrom: below the width of thermal peaks."""
PROMINENCE = 0.1
"""How far below both neighboring peaks a minimum must lie, in parts of the highest peak."""


def shell_boundaries(distances: Array, counts: Array | None = None, prominence: float = PROMINENCE) -> Array:
    """Minima of the pair distance histogram: where one shell of neighbors ends and the next begins.

    The histogram is divided by r², as in a radial distribution function, and smoothed.

    Parameters
    ----------
    distances
        (E,) angstrom, of pairs.
    counts
        (E,) how many pairs each distance stands for, such as the middle of a bin; by default 1.
    prominence
        How far below both neighboring peaks a minimum must lie, in parts of the highest peak.

    Returns
    -------
    (S,) float64 ascending, angstrom; none where there is one shell only.
    """
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    lengths = np.ravel(np.asarray(distances, dtype=np.float64))
    pairs = np.ones(len(lengths)) if counts is None else np.asarray(counts, dtype=np.float64)
    there = (lengths > 0.0) & (pairs > 0.0)
    lengths, pairs = lengths[there], pairs[there]
    if len(lengths) == 0:
        return np.zeros(0)
    margin = 4.0 * SMOOTHING
    edges = np.arange(lengths.min() - margin, lengths.max() + margin + BIN, BIN)
    density, _ = np.histogram(lengths, edges, weights=pairs * lengths**-2)
    smooth = gaussian_filter1d(density, SMOOTHING / BIN, mode="constant")
    minima, _ = find_peaks(-smooth, prominence=prominence * float(smooth.max()))
    return np.asarray(0.5 * (edges[:-1] + edges[1:])[minima])


def checked_boundaries(
    explanation: Explanation, boundaries: Sequence[float] | Array | None
) -> tuple[Array, bool]:
    """Ascending positive boundaries, and whether they were given (the last shell is open then)."""
    if boundaries is None:
        return found_boundaries(explanation), False
    given = np.asarray(boundaries, dtype=np.float64)
    if given.ndim == 1 and len(given) and given[0] == 0.0:
        given = given[1:]
    if given.ndim != 1 or not np.isfinite(given).all() or (np.diff(given, prepend=0.0) <= 0.0).any():
        raise InvalidArgument(f"boundaries of shells are {boundaries}; give ascending positive distances")
    return given, True


def shell_numbers(distances: Array, inner: Array, is_open: bool) -> tuple[Integers, list[str], Array]:
    """Shell of each distance, the names of shells and their limits (S, 2), angstrom."""
    number = np.digitize(distances, inner)
    outer = np.inf if is_open else max(float(distances.max(initial=0.0)), float(inner.max(initial=0.0)))
    limits = np.concatenate([[0.0], inner, [outer]])
    names = [f"{low:.2f}-{high:.2f} Å" for low, high in pairwise(limits.tolist())]
    if is_open:
        names[-1] = f"beyond {limits[-2]:.2f} Å"
    return number, names, np.stack([limits[:-1], limits[1:]], axis=1)


def edge_shells(explanation: Explanation, boundaries: Sequence[float] | Array | None) -> Assignment:
    """Every edge to the shell of its length."""
    lengths = np.linalg.norm(edge_vectors(explanation), axis=1)
    inner, given = checked_boundaries(explanation, boundaries)
    inner = inner if given else inner[inner < lengths.max(initial=0.0)]
    number, names, limits = shell_numbers(lengths, inner, given)
    every = np.arange(len(lengths))
    counts = bond_counts(explanation, number, len(names))
    return Assignment(every, number, np.ones(len(every)), names, counts, "pairs", limits)


def shells_of_nodes(
    explanation: Explanation, center: int | Array, boundaries: Sequence[float] | Array | None
) -> tuple[Integers, list[str], Array]:
    """Shell of each node by its distance from a node or a point, names and limits (S, 2) of shells."""
    distances = center_distances(explanation, center)
    # the minima around one node alone would be those of a few numbers
    inner, given = checked_boundaries(explanation, boundaries)
    if not given:
        farthest = float(distances.max(initial=0.0))
        width = float(inner[0]) if len(inner) else 0.25 * farthest
        steps = np.arange(1, 1 + int(farthest / width)) if width > 0.0 else np.zeros(0)
        inner = np.concatenate([inner, inner.max(initial=0.0) + width * steps])
        inner = inner[inner < farthest * (1.0 - 1e-9)]
    return shell_numbers(distances, inner, given)


def node_shells(
    explanation: Explanation, center: int | Array, boundaries: Sequence[float] | Array | None
) -> Assignment:
    """Every node to the shell of its distance from a node or a point; that node itself is in the first."""
    number, names, limits = shells_of_nodes(explanation, center, boundaries)
    return to_nodes(explanation).regroup(number, names, bounds=limits)


def found_boundaries(explanation: Explanation) -> Array:
    """Where shells end, by the distances of all nodes of the frame; without one, by the lengths of edges.

    Edges alone end at the model's cutoff, often before the distribution rises to its second peak.
    """
    if explanation.atoms is None:
        return shell_boundaries(np.linalg.norm(edge_vectors(explanation), axis=1))
    return shell_boundaries(_pairs(explanation))


def _pairs(explanation: Explanation, reach: float = 12.0) -> Array:
    """Distances of nodes closer than 12 angstrom, and half of the smallest height of the cell."""
    from vesin import ase_neighbor_list

    atoms = explanation.atoms
    assert atoms is not None
    if atoms.pbc.any():
        heights = 1.0 / np.linalg.norm(np.linalg.inv(atoms.cell.complete().array), axis=0)
        reach = min(reach, 0.5 * float(heights[atoms.pbc].min()))
    places = node_positions(explanation)
    nodes = Atoms(np.zeros(len(places)), places, cell=atoms.cell, pbc=atoms.pbc)
    return np.asarray(ase_neighbor_list("d", nodes, reach))
