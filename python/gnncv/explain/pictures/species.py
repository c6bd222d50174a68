"""Scores by species and shell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gnncv.analysis.pictures import COLORS, side_by_side
from gnncv.explain.explanation import Explanation
from gnncv.explain.grouping.assignment import first_come
from gnncv.explain.grouping.bonds import bond_counts, species_pairs
from gnncv.explain.grouping.shells import edge_shells, shells_of_nodes
from gnncv.explain.nodes import need_nodes, node_scores, node_species
from gnncv.explain.pictures.coloring import axis_label, caption, center_name, one_node

Array = NDArray[np.float64]
MOST_DOTS = 400


def species_picture(
    explanation: Explanation,
    boundaries: Sequence[float] | Array | None = None,
    center: int | Array | None = None,
) -> Figure:
    """Scores of nodes by species, and the sums and means by shell.

    Parameters
    ----------
    explanation
        Over nodes, their features or edges.
    boundaries
        Ends of shells, angstrom; default the minima of the histogram of pair distances.
    center
        Shells are those around a node (its number, from 0) or a point; default the lengths of edges, and of
        other scores the distances from the highest node. Without a frame and without edges there are none.
    """
    need_nodes(explanation, "scores by species")
    by_length = explanation.over == "edges" and center is None
    has_shells = explanation.atoms is not None or (by_length and explanation.edge_vectors is not None)
    figure, axes = side_by_side(3 if has_shells else 1, width=3.8, height=3.3)
    scores = node_scores(explanation)
    number, names = first_come(node_species(explanation))
    _dots(axes[0], scores, number, names)
    axes[0].set_ylabel(axis_label(explanation, of=one_node(explanation), line="\n"))
    axes[0].set_title(caption(explanation), fontsize=8, loc="left", color="0.3")
    if not has_shells:
        return figure
    if by_length:
        parts, where, one = _by_length(explanation, boundaries), "pair distance (Å)", "a pair"
    else:
        chosen = center if center is not None else int(np.argmax(np.abs(scores)))
        parts, one = _around(explanation, chosen, boundaries), one_node(explanation)
        where = f"distance from {center_name(explanation, chosen, center is None)} (Å)"
    means = parts.sums / np.maximum(parts.counts, 1)
    for ax, table, what in ((axes[1], parts.sums, "sum of scores"), (axes[2], means, "mean score")):
        _grouped_bars(ax, table, parts.shells, parts.species)
        of = one if table is means else ""
        ax.set(xlabel=where, ylabel=axis_label(explanation, what, of, line="\n"))
    if len(parts.species) > 1:
        axes[1].legend(frameon=False, fontsize=8)
    return figure


@dataclass(frozen=True, eq=False)
class _Parts:
    """Sums and counts (S, K) of K species, or pairs of them, in S shells, and the names of both."""

    sums: Array
    counts: NDArray[np.int64]
    shells: list[str]
    species: list[str]


def _by_length(explanation: Explanation, boundaries: Sequence[float] | Array | None) -> _Parts:
    shells, kinds = edge_shells(explanation, boundaries), species_pairs(explanation)
    shape = (len(shells.names), len(kinds.names))
    cell = shells.group * shape[1] + kinds.group
    sums: Array = np.bincount(cell, explanation.scores, minlength=shape[0] * shape[1]).astype(float)
    counts = bond_counts(explanation, cell, len(sums))
    assert shells.bounds is not None
    return _Parts(
        sums.reshape(shape),
        counts.reshape(shape),
        _short(shells.bounds),
        list(kinds.names),
    )


def _around(
    explanation: Explanation, center: int | Array, boundaries: Sequence[float] | Array | None
) -> _Parts:
    shell, _, limits = shells_of_nodes(explanation, center, boundaries)
    number, names = first_come(node_species(explanation))
    shape = (len(limits), len(names))
    cell = shell * shape[1] + number
    scores = node_scores(explanation)
    sums: Array = np.bincount(cell, scores, minlength=shape[0] * shape[1]).astype(float)
    counts = np.bincount(cell, minlength=len(sums))
    return _Parts(sums.reshape(shape), counts.reshape(shape), _short(limits), names)


def _short(limits: Array) -> list[str]:
    return [f"{low:.1f}-{high:.1f}" if high < np.inf else f"> {low:.1f}" for low, high in limits.tolist()]


def _dots(ax: Axes, scores: Array, number: NDArray[np.int64], names: list[str]) -> None:
    """Scores of each species as dots beside each other, their mean as a line, their number below."""
    spread = np.random.default_rng(0)  # the same picture every time
    for k in range(len(names)):
        own = scores[number == k]
        shown = own if len(own) <= MOST_DOTS else spread.choice(own, MOST_DOTS, replace=False)
        places = k + 0.5 * (spread.random(len(shown)) - 0.5)
        color = COLORS[k % len(COLORS)]
        ax.scatter(places, shown, s=9, color=color, alpha=0.35, linewidth=0)
        ax.plot([k - 0.33, k + 0.33], [own.mean()] * 2, color=color, linewidth=2.5, solid_capstyle="butt")
    labels = [f"{name}\n({np.sum(number == k)})" for k, name in enumerate(names)]
    ax.set_xticks(range(len(names)), labels, fontsize=8)
    ax.set_xlim(-0.7, len(names) - 0.3)
    ax.axhline(0.0, color="0.25", linewidth=0.8)
    ax.set_xlabel("species (line: mean)")
    ax.grid(False, axis="x")


def _grouped_bars(ax: Axes, table: Array, groups: list[str], names: list[str]) -> None:
    """One group of bars for each row (a shell), one bar for each column (a species)."""
    width = 0.8 / max(len(names), 1)
    for k, name in enumerate(names):
        places = np.arange(len(groups)) + (k - 0.5 * (len(names) - 1)) * width
        ax.bar(places, table[:, k], 0.92 * width, color=COLORS[k % len(COLORS)], label=name)
    ax.set_xticks(range(len(groups)), groups)
    if len(groups) > 4:
        for label in ax.get_xticklabels():
            label.set(rotation=30.0, ha="right", rotation_mode="anchor")
    ax.axhline(0.0, color="0.25", linewidth=0.8)
    ax.grid(False, axis="x")
