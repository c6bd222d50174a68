"""A molecule in two dimensions, its bonds and atoms colored and widened by what an explanation gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from gnncv.explain.foreign.molecule import to_molecule
from gnncv.explain.foreign.mutagenicity import ATOM_MAP
from gnncv.explain.pictures.molecule_layout import BOND_LENGTH, Layout, molecule_layout
from gnncv.explain.pictures.molecule_scores import Scores, largest, scores_of

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure

_TEXT = {"H": "#7a7a7a", "N": "#1f4fbf", "O": "#c0181f", "S": "#8a6d00", "P": "#b35900"}
_HALOGENS = dict.fromkeys(("F", "Cl", "Br", "I"), "#1a7a2e")
_INCHES_PER_BOND = 0.42
_MARGIN = 0.8  # bond lengths around the molecule
_PLAIN_BOND = "#444444"


@dataclass(frozen=True)
class _Colors:
    """Scores to colors: sequential for scores of one sign, diverging around zero for both."""

    norm: Normalize
    map: Colormap
    label: str

    def __call__(self, score: float) -> tuple[float, ...]:
        return tuple(self.map(self.norm(score)))


def draw_molecule(
    graph: Any,
    scores: Scores | None = None,
    ax: Axes | None = None,
    *,
    elements: Sequence[str] = ATOM_MAP,
    top: int | None = None,
    magnitudes: bool = False,
    edge_labels: bool = False,
    title: str | None = None,
) -> Figure | SubFigure:
    """Draw a molecule, its bonds (or atoms) colored and widened by scores.

    Parameters
    ----------
    graph : torch_geometric.data.Data or networkx.Graph
        The molecule, see :func:`gnncv.explain.to_molecule`; also the Data or the graph that
        ``explanation.subgraph(k)`` gives.
    scores : Explanation, dict or array_like, optional
        An explanation of this graph over edges, nodes or node features (summed to their node). Or
        ``{(u, v): score}`` for bonds, ``{u: score}`` for atoms; or an array for each edge (E,), or each node
        (n,), of a Data. Scores of both directions of a bond are added up.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a figure of its own by default, large enough for the molecule.
    elements : sequence of str
        Element of each column of one-hot ``x``, where the graph has no ``z``.
    top : int, optional
        Color only so many bonds or atoms, those with the largest magnitude.
    magnitudes : bool
        Draw absolute scores, added up over both directions, as captum's example does.
    edge_labels : bool
        Write the colored bonds' scores beside them.
    title : str, optional
        Above the molecule.

    Returns
    -------
    matplotlib.figure.Figure
        Kept out of pyplot's global state; ``savefig`` writes it.

    Raises
    ------
    InvalidArgument
        If elements are unknown, or scores do not belong to this molecule's bonds or atoms.
    """
    molecule = to_molecule(graph, elements)
    bonds, atoms, label = scores_of(molecule, graph, scores, magnitudes)
    if top is not None:
        bonds, atoms = largest(bonds, top), largest(atoms, top)
    layout = molecule_layout(molecule)
    figure, axes, unit = _canvas(layout, ax, with_bar=bool(bonds or atoms))
    colors = _colors_of(list(bonds.values()) + list(atoms.values()), label)
    if colors is not None:
        _halos(axes, layout, bonds, colors, unit)
        # an inset keeps the bar at the molecule's side, in step with its height
        inset = axes.inset_axes((1.02, 0.15, 0.025, 0.7))
        bar = axes.figure.colorbar(ScalarMappable(colors.norm, colors.map), cax=inset)
        bar.set_label(colors.label, fontsize=9)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_visible(False)
    _bond_lines(axes, molecule, layout, unit)
    _atom_labels(axes, molecule, layout, unit, {u: colors(s) for u, s in atoms.items()} if colors else {})
    if edge_labels:
        _bond_labels(axes, layout, bonds, unit)
    if title:
        axes.set_title(title, fontsize=11)
    return figure


def _colors_of(values: list[float], label: str) -> _Colors | None:
    if not values:
        return None
    largest = max(abs(value) for value in values) or 1.0
    if min(values) < 0:
        return _Colors(Normalize(-largest, largest), colormaps["RdBu_r"], label)
    # from almost white: what is not important looks like it
    shades = ListedColormap(colormaps["YlOrRd"](np.linspace(0.04, 0.85, 256)))
    return _Colors(Normalize(0, largest), shades, label)


def _canvas(layout: Layout, ax: Axes | None, with_bar: bool) -> tuple[Figure | SubFigure, Axes, float]:
    """The figure, its axes and the points (1/72 inch) that a bond is long."""
    places = np.array(list(layout.values())).reshape(-1, 2)
    low, high = (places.min(0), places.max(0)) if len(places) else (np.zeros(2), np.zeros(2))
    margin = _MARGIN * BOND_LENGTH
    low, high = low - margin, high + margin
    width, height = (high - low) / BOND_LENGTH * _INCHES_PER_BOND
    if ax is None:
        bar = 1.0 if with_bar else 0.0
        figure = Figure(figsize=(width + bar, height + 0.4))
        ax = figure.add_axes((0, 0, width / (width + bar), height / (height + 0.4)))
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    ax.set_aspect("equal")
    ax.axis("off")
    box = ax.get_window_extent()
    points_per_pixel = 72 / ax.figure.dpi
    scale = min(box.width / (high[0] - low[0]), box.height / (high[1] - low[1]))
    return ax.figure, ax, float(scale * points_per_pixel * BOND_LENGTH)


def _halos(ax: Axes, layout: Layout, bonds: dict[Any, float], colors: _Colors, unit: float) -> None:
    """Bonds, colored and wide behind their lines; the largest on top."""
    ordered = sorted(bonds, key=lambda bond: abs(bonds[bond]))
    share = np.array([abs(bonds[bond]) for bond in ordered]) / float(colors.norm.vmax or 1.0)
    ax.add_collection(
        LineCollection(
            [np.array([layout[u], layout[v]]) for u, v in ordered],
            colors=[colors(bonds[bond]) for bond in ordered],
            linewidths=unit * (0.12 + 0.45 * share),
            capstyle="round",
            zorder=1,
        )
    )


def _bond_lines(ax: Axes, molecule: nx.Graph, layout: Layout, unit: float) -> None:
    lines = []
    for u, v, order in molecule.edges(data="order"):
        start, end = layout[u], layout[v]
        along = (end - start) / (np.linalg.norm(end - start) or 1.0)
        across = np.array([-along[1], along[0]]) * BOND_LENGTH * 0.11
        lines += [
            np.array([start + shift * across, end + shift * across])
            for shift in np.linspace(-1, 1, order) * (order - 1) / 2
        ]
    ax.add_collection(LineCollection(lines, colors=_PLAIN_BOND, linewidths=0.045 * unit, zorder=2))


def _atom_labels(
    ax: Axes, molecule: nx.Graph, layout: Layout, unit: float, fills: Mapping[Any, tuple[float, ...]]
) -> None:
    for node, name in molecule.nodes(data="name"):
        small = name == "H"
        fill = fills.get(node, "white")
        text = {**_TEXT, **_HALOGENS}.get(name, "black")
        if node in fills:
            text = "white" if _luminance(fills[node]) < 0.45 else "black"
        ax.add_patch(
            Circle(
                (float(layout[node][0]), float(layout[node][1])),
                radius=BOND_LENGTH * (0.16 if small else 0.23),
                facecolor=fill,
                edgecolor=_PLAIN_BOND if node in fills else "none",
                linewidth=0.02 * unit,
                zorder=3,
            )
        )
        ax.text(
            float(layout[node][0]),
            float(layout[node][1]),
            name,
            ha="center",
            va="center_baseline",
            fontsize=unit * (0.24 if small else 0.33),
            color=text,
            zorder=4,
        )


def _bond_labels(ax: Axes, layout: Layout, bonds: Mapping[Any, float], unit: float) -> None:
    box = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    for (u, v), score in bonds.items():
        x, y = (layout[u] + layout[v]) / 2
        ax.text(x, y, f"{score:.2f}", ha="center", va="center", fontsize=unit * 0.2, bbox=box, zorder=5)


def _luminance(color: tuple[float, ...]) -> float:
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
