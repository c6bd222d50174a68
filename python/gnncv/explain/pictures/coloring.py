"""Colors of scores, and what stands on axes."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from numpy.typing import NDArray

from gnncv.analysis.pictures import COLORS
from gnncv.explain.explanation import Explanation

Array = NDArray[np.float64]

RAISES, LOWERS = COLORS[1], COLORS[0]
"""Of scores above and below zero."""

SIGNED: Colormap = LinearSegmentedColormap.from_list(
    "gnncv signed", ["#003a5d", LOWERS, "#9dc3dd", "#eeeeee", "#f0b48c", RAISES, "#7a2e00"]
)
POSITIVE: Colormap = LinearSegmentedColormap.from_list(
    "gnncv positive", ["#eeeeee", "#f0b48c", RAISES, "#7a2e00"]
)


def color_scale(scores: Array, limit: float | None = None) -> tuple[Colormap, Normalize]:
    """Colors for scores: light gray at zero, so that what counts for little recedes.

    Signed scores get two colors around zero, the others one. `limit` is the largest magnitude told apart.
    """
    largest = limit if limit is not None else float(np.abs(scores).max(initial=0.0))
    largest = largest or 1.0
    if (scores < 0.0).any():
        return SIGNED, Normalize(-largest, largest)
    return POSITIVE, Normalize(0.0, largest)


def axis_label(explanation: Explanation, what: str = "score", of: str = "", line: str = " ") -> str:
    """``score of an atom for progress (1/Å)``: quantity, output and unit; `line` may break it."""
    unit = f" ({explanation.units})" if explanation.units not in ("1", "") else ""
    return f"{what}{f' of {of}' if of else ''}{line}for {explanation.output}{unit}"


def one_node(explanation: Explanation) -> str:
    """``an atom``, ``a site`` or, in a graph without a frame, ``a node``."""
    if explanation.node_of_atom is not None:
        return "a site"
    return "an atom" if explanation.atoms is not None else "a node"


def center_name(explanation: Explanation, center: int | Array, is_highest: bool) -> str:
    """A node's label, or the coordinates of a point."""
    if np.ndim(center) > 0:
        return f"({', '.join(f'{x:.1f}' for x in np.asarray(center).tolist())}) Å"
    return f"{explanation.node_labels[int(np.asarray(center))]}{' (highest)' if is_highest else ''}"


_NAMES = {"gnn_explainer": "GNNExplainer", "tracin": "TracIn"}


def method_name(explanation: Explanation) -> str:
    """The method's name as its authors write it."""
    return _NAMES.get(explanation.method, explanation.method.replace("_", " "))


def caption(explanation: Explanation) -> str:
    """What a picture's title says: the method, and over how many frames."""
    frames = f", {explanation.n_frames} frames" if explanation.n_frames > 1 else ""
    return f"{method_name(explanation)}{frames}"
