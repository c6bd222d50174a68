"""The highest scores as bars."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from gnncv.analysis.pictures import side_by_side
from gnncv.explain.explanation import Explanation
from gnncv.explain.pictures.coloring import LOWERS, RAISES, axis_label, caption, one_node

_WHAT = {"edges": "a pair", "node_features": "a feature", "frames": "a training frame", "groups": "a group"}


def top_picture(explanation: Explanation, k: int = 15, signed: bool = False) -> Figure:
    """The k highest nodes, features, pairs, training frames or groups, the highest on top.

    Parameters
    ----------
    explanation
        Of any kind. Pairs have both directions of their edge added up. Where scores are averages over frames,
        thin lines show their standard deviation.
    k
        How many, at most.
    signed
        Rank by score instead of by its magnitude.
    """
    table = explanation.top(k, signed)
    size = max(len(table), 1)
    figure, (ax,) = side_by_side(1, width=4.6, height=1.3 + 0.24 * size)
    places = np.arange(len(table))[::-1]
    colors = [RAISES if score >= 0.0 else LOWERS for score in table.sum]
    ax.barh(places, table.sum, height=0.72, color=colors, xerr=table.spread, ecolor="0.25", capsize=2.0)
    ax.set_yticks(places, table.names, fontsize=8)
    ax.tick_params(axis="y", length=0.0)
    ax.set_ylim(-0.7, size - 0.3)
    ax.grid(False, axis="y")
    ax.spines["left"].set_visible(False)
    ax.axvline(0.0, color="0.25", linewidth=0.8)
    ax.set_xlabel(axis_label(explanation, of=_WHAT.get(explanation.over) or one_node(explanation)))
    share = f"{table.share.sum():.0%} of all absolute scores"
    spread = "; lines: deviation over frames" if table.spread is not None else ""
    ax.set_title(f"{caption(explanation)}\n{share}{spread}", fontsize=8, loc="left", color="0.3")
    if (table.sum < 0.0).any() and (table.sum > 0.0).any():
        kinds = [Patch(color=RAISES, label="raises"), Patch(color=LOWERS, label="lowers")]
        figure.legend(handles=kinds, frameon=False, fontsize=8, loc="outside lower center", ncols=2)
    return figure
