"""Scores over distance or angle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gnncv.analysis.pictures import COLORS, side_by_side
from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation
from gnncv.explain.grouping.shells import found_boundaries
from gnncv.explain.nodes import center_distances, edge_vectors, need_nodes, node_scores
from gnncv.explain.pictures.coloring import axis_label, caption, center_name, one_node

Array = NDArray[np.float64]
MOST_DOTS = 4000


def profile_picture(
    explanation: Explanation,
    over: Literal["distance", "angle"] = "distance",
    bins: int = 30,
    center: int | Array | None = None,
    within: float | None = None,
    width: float | None = None,
    axis: Sequence[float] | Array | None = None,
) -> Figure:
    """Every score over its distance with the mean, or mean scores over angles.

    Parameters
    ----------
    explanation
        Over edges; for distances also over nodes and their features.
    over
        ``"distance"``: lengths of edges, or distances of nodes from `center` (a node's number, a point, by
        default the highest node). ``"angle"``: between bonds, or of edges with `axis`.
    bins
        Of the mean over distance.
    within, width, axis
        Of angles, see `Explanation.by`.
    """
    figure, (ax,) = side_by_side(1, width=4.8, height=3.4)
    ax.set_title(caption(explanation), fontsize=8, loc="left", color="0.3")
    ax.axhline(0.0, color="0.25", linewidth=0.8)
    if over == "angle":
        _angles(ax, explanation, within, width, axis)
    elif over == "distance":
        _distances(ax, explanation, bins, center)
    else:
        raise InvalidArgument(f"over is {over!r}; profiles are over distance or angle")
    return figure


def _angles(
    ax: Axes,
    explanation: Explanation,
    within: float | None,
    width: float | None,
    axis: Sequence[float] | Array | None,
) -> None:
    options = {"within": within, "width": width, "axis": axis}
    table = explanation.by("angle", **{name: value for name, value in options.items() if value is not None})
    assert table.bounds is not None
    inside = np.isfinite(table.bounds[:, 0])
    low, high = table.bounds[inside].T
    bars = ax.bar(low, table.mean[inside], high - low, align="edge", color=COLORS[0])
    for bar in bars:
        bar.set(edgecolor="white", linewidth=0.6)
    largest = 180.0 if axis is None else 90.0
    ax.set_xlim(0.0, largest)
    ax.set_xticks(np.arange(0.0, largest + 1.0, largest / 6.0))
    if axis is None:
        ax.set(xlabel="angle between two bonds (°)", ylabel=axis_label(explanation, "mean score", "an angle"))
    else:
        named = ", ".join(f"{x:g}" for x in np.asarray(axis).tolist())
        ax.set(xlabel=f"angle with ({named}) (°)", ylabel=axis_label(explanation, "mean score", "an edge"))


def _distances(ax: Axes, explanation: Explanation, bins: int, center: int | Array | None) -> None:
    need_nodes(explanation, "a profile")
    if bins < 1:
        raise InvalidArgument(f"bins is {bins}; it must be positive")
    if explanation.over == "edges" and center is None:
        distances = np.linalg.norm(edge_vectors(explanation), axis=1)
        scores, one = explanation.scores, "an edge"
        for boundary in found_boundaries(explanation):
            if boundary < distances.max(initial=0.0):
                ax.axvline(boundary, color="0.5", linewidth=0.9, linestyle=":")
        ax.set_xlabel("length of the edge (Å)")
    else:
        scores = node_scores(explanation)
        chosen = center if center is not None else int(np.argmax(np.abs(scores)))
        distances = center_distances(explanation, chosen)
        one = one_node(explanation)
        ax.set_xlabel(f"distance from {center_name(explanation, chosen, center is None)} (Å)")
    ax.set_ylabel(axis_label(explanation, of=one))
    shown = np.arange(len(scores))
    if len(shown) > MOST_DOTS:
        shown = np.random.default_rng(0).choice(shown, MOST_DOTS, replace=False)
    ax.scatter(distances[shown], scores[shown], s=6, color=COLORS[5], alpha=0.4, linewidth=0, rasterized=True)
    limits = np.linspace(distances.min(initial=0.0), distances.max(initial=1.0) * (1.0 + 1e-9), bins + 1)
    count, _ = np.histogram(distances, limits)
    total, _ = np.histogram(distances, limits, weights=scores)
    square, _ = np.histogram(distances, limits, weights=scores**2)
    some = np.where(count > 0, count, np.nan)  # the line is broken where there is nothing
    mean = total / some
    deviation = np.sqrt(np.maximum(square / some - mean**2, 0.0))
    middle = 0.5 * (limits[:-1] + limits[1:])
    ax.fill_between(middle, mean - deviation, mean + deviation, color=COLORS[0], alpha=0.2, linewidth=0)
    label = "mean, band: deviation in a bin"
    ax.plot(middle, mean, "o-", color=COLORS[0], linewidth=1.6, markersize=3, label=label)
    ax.legend(frameon=False, fontsize=8)
