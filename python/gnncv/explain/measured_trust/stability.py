"""Whether scores survive a change of the graph that is too small to mean anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from tqdm import tqdm

from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation
from gnncv.explain.measured_trust.calling import Explain, in_one_shape
from gnncv.explain.measured_trust.ranking import default_size, spearman, top_overlap

Array = NDArray[np.float64]
Move = Callable[[Any, np.random.Generator], Any]


@dataclass(frozen=True, eq=False)
class Stability:
    """Scores before and after small random changes of the graph, by absolute value.

    Attributes
    ----------
    spearman
        ``(C,)`` rank correlation with each changed copy.
    overlap
        ``(C,)`` Jaccard index of the `size` highest.
    size
        How many are the highest.
    jitter
        Standard deviation of the displacements along each axis, angstrom.
    """

    spearman: Array
    overlap: Array
    size: int
    jitter: float


def jittered(graph: Any, jitter: float, random: np.random.Generator) -> Any:
    """A copy of a graph (`ase.Atoms`, or an object with ``clone()`` and ``pos``) with moved atoms."""
    if isinstance(graph, Atoms):
        moved = graph.copy()
        moved.positions += random.normal(0.0, jitter, moved.positions.shape)
        return moved
    if getattr(graph, "pos", None) is not None:
        moved = graph.clone()
        moved.pos = moved.pos + moved.pos.new_tensor(random.normal(0.0, jitter, tuple(moved.pos.shape)))
        return moved
    raise InvalidArgument(
        f"a {type(graph).__name__} without positions cannot be jittered; give a function move(graph, random)"
    )


def _edge_scores(explanation: Explanation) -> dict[tuple[int, int], list[tuple[Array, float]]]:
    """Scores and vectors of the edges between each two nodes; several are images of each other."""
    assert explanation.edge_index is not None
    vectors = explanation.edge_vectors
    found: dict[tuple[int, int], list[tuple[Array, float]]] = {}
    for edge, (sender, receiver) in enumerate(explanation.edge_index.T.tolist()):
        vector = np.zeros(3) if vectors is None else vectors[edge]
        found.setdefault((sender, receiver), []).append((vector, float(explanation.magnitudes[edge])))
    return found


def _matched_edges(one: Explanation, other: Explanation) -> tuple[Array, Array]:
    """Scores of the edges of either; an edge that passed the cutoff has zero where it is not."""
    before, after = _edge_scores(one), _edge_scores(other)
    pairs: list[tuple[float, float]] = []
    for nodes in dict.fromkeys([*before, *after]):
        left = list(after.get(nodes, []))
        for vector, score in before.get(nodes, []):
            if not left:
                pairs.append((score, 0.0))
                continue
            nearest = min(range(len(left)), key=lambda k: float(np.sum((left[k][0] - vector) ** 2)))
            pairs.append((score, left.pop(nearest)[1]))
        pairs += [(0.0, score) for _, score in left]
    matched = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return matched[:, 0], matched[:, 1]


def matched_scores(one: Explanation, other: Explanation) -> tuple[Array, Array]:
    """Absolute scores of two explanations of nearly the same graph, part by part.

    Edges are matched by their nodes, and between images by the nearest vector; an edge that only one of them
    has counts as zero in the other.
    """
    if one.over != other.over:
        raise InvalidArgument(f"scores over {one.over} cannot be compared with scores over {other.over}")
    if one.over == "edges":
        return _matched_edges(one, other)
    if one.scores.shape != other.scores.shape:
        raise InvalidArgument(
            f"scores over {one.over} have shapes {one.scores.shape} and {other.scores.shape}"
        )
    return one.magnitudes.ravel(), other.magnitudes.ravel()


def stability(
    explain: Explain,
    model: Any,
    graph: Any,
    over: str = "edges",
    output: int | str = 0,
    *,
    jitter: float = 0.01,
    copies: int = 5,
    size: int | None = None,
    move: Move | None = None,
    explanation: Explanation | None = None,
    seed: int = 0,
    show_progress: bool = True,
) -> Stability:
    """Explain slightly moved copies of a graph and compare the scores.

    Parameters
    ----------
    explain : callable
        Any method of this package, or a function called as ``explain(model, graph, over=..., output=...)``
        that returns an :class:`Explanation`.
    model, graph, over, output
        What it is called with. The model must make its own function of every graph: a trained or exported
        model, or a torch module.
    jitter : float
        Standard deviation of the displacement of each atom along each axis, angstrom.
    copies : int
        How many moved copies.
    size : int, optional
        How many scores count as the highest; a tenth if not given.
    move : callable, optional
        ``move(graph, random)`` returns a changed copy of the graph, in place of the jitter.
    explanation : Explanation, optional
        Of the graph itself, where it is known already.
    seed : int
        Of the displacements.
    show_progress : bool
        Whether to show a progress bar on standard error.

    Returns
    -------
    Stability
        Rank correlations and overlaps. captum's ``sensitivity_max`` gives the largest relative change of
        attributions as tensors of fixed shape; edges come and go with positions, and ranks are what is read.

    Raises
    ------
    InvalidArgument
        If the jitter or the number of copies is not positive, or the graph has no positions and no `move`.
    """
    if not jitter > 0.0 or copies < 1:
        raise InvalidArgument(f"jitter is {jitter} and copies {copies}; both must be positive")
    random, explain = np.random.default_rng(seed), in_one_shape(explain)
    before = explain(model, graph, over=over, output=output) if explanation is None else explanation
    size = default_size(before.scores.size) if size is None else size
    correlations, overlaps = [], []
    for _ in tqdm(range(copies), desc="stability", unit="copy", disable=not show_progress, leave=False):
        moved = jittered(graph, jitter, random) if move is None else move(graph, random)
        one, other = matched_scores(before, explain(model, moved, over=over, output=output))
        correlations.append(spearman(one, other))
        overlaps.append(top_overlap(one, other, size))
    return Stability(np.array(correlations), np.array(overlaps), size, jitter)
