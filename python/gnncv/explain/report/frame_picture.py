"""Three views of one frame: two cuts through the crystallite, and its face in three dimensions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase.data import chemical_symbols, covalent_radii
from ase.geometry import wrap_positions
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import EllipseCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gnncv.explain.report.frame_view import CRYSTAL, CRYSTAL_SIDE, Array, FrameView
from gnncv.explain.report.motions import atoms_around
from gnncv.explain.report.pictures import Scale

ORDER_COLORS = LinearSegmentedColormap.from_list("order", ["#D55E00", "#f3e3d3", "#d5e4ea", "#0072B2"])
CUT = 2.2
"""Thickness of a cut over the distance of close neighbors."""


@dataclass(frozen=True)
class Balls:
    """Atoms to draw, in coordinates of the picture: z towards the eye; diameters in angstrom."""

    positions: Array
    diameters: Array
    site: NDArray[np.int64]


def draw_frame(view: FrameView) -> Figure:
    """Cuts colored by crystallinity and by score, and crystallite and face from outside, by score."""
    figure = Figure(figsize=(12.6, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    cut_order, cut_score, outside = figure.subplots(1, 3)
    balls = centered(view)
    top = float(np.quantile(view.scores, 0.995)) or 1.0
    scale = Scale(top)
    norm, order_norm = Normalize(0.0, top * scale.factor, clip=True), Normalize(0.0, 1.0, clip=True)
    heat = colormaps["magma_r"]
    near = (np.abs(site_heights(balls)) < 0.5 * CUT * _spacing(view))[balls.site]
    score_colors = heat(norm(view.scores * scale.factor))
    if view.crystallinity is not None:
        order = ORDER_COLORS(order_norm(view.crystallinity))
        draw_balls(cut_order, balls, near, order)
        cut_order.set_title("a cut: crystallinity", fontsize=10)
        _bar(figure, cut_order, ScalarMappable(order_norm, ORDER_COLORS), "crystallinity")
    else:
        cut_order.axis("off")
    draw_balls(cut_score, balls, near, score_colors)
    cut_score.set_title("the same cut: score", fontsize=10)
    _bar(figure, cut_score, ScalarMappable(norm, heat), f"score, |ds/dr| ({scale.label})")
    crystal = np.isin(view.layer, (CRYSTAL_SIDE, CRYSTAL))
    shown = crystal if crystal.any() else np.ones(len(crystal), dtype=bool)
    draw_balls(outside, turned(balls), shown[balls.site], score_colors)
    outside.set_title("the crystal's side of the face, from outside", fontsize=10)
    _bar(figure, outside, ScalarMappable(norm, heat), f"score, |ds/dr| ({scale.label})")
    return figure


def centered(view: FrameView) -> Balls:
    """The frame's atoms, its crystalline part in the middle of the box, molecules in one piece."""
    atoms = view.atoms
    inside = np.flatnonzero(view.layer == CRYSTAL)
    inside = inside if len(inside) else np.flatnonzero(view.face)
    middle = 0.5 * atoms.cell.array.sum(axis=0)
    centers = view.centers - (_periodic_mean(view, inside) if len(inside) else middle)
    cell, periodic = np.asarray(atoms.cell.array), np.asarray(atoms.pbc)
    if atoms.cell.rank == 3:
        centers = wrap_positions(centers, cell, periodic, center=(0.0, 0.0, 0.0))
    arms = atoms_around(atoms, view.site_of_atom, view.centers) - view.centers[view.site_of_atom]
    positions = centers[view.site_of_atom] + arms
    if len(view.centers) == len(atoms):
        diameters = np.full(len(atoms), 0.92 * _spacing(view))
    else:
        diameters = 2.0 * 0.85 * covalent_radii[atoms.numbers]
    return Balls(positions, diameters, view.site_of_atom)


def site_heights(balls: Balls) -> Array:
    """Mean height of the atoms of each site, (M,)."""
    heights: Array = np.bincount(balls.site, weights=balls.positions[:, 2]) / np.bincount(balls.site)
    return heights


def _periodic_mean(view: FrameView, sites: NDArray[np.int64]) -> Array:
    """Middle of some sites in a periodic box: the phases of their fractional coordinates are averaged."""
    if view.atoms.cell.rank < 3:
        return np.asarray(view.centers[sites].mean(axis=0))
    fractions = view.centers[sites] @ np.linalg.inv(view.atoms.cell.array)
    phase = np.angle(np.exp(2j * np.pi * fractions).mean(axis=0)) / (2.0 * np.pi)
    middle: Array = phase @ view.atoms.cell.array
    return middle


def _spacing(view: FrameView) -> float:
    """The distance of close neighbors, angstrom."""
    if len(view.pairs.distance) == 0:
        return 2.0 * float(covalent_radii[chemical_symbols.index("Ar")])
    return float(np.quantile(view.pairs.distance, 0.1))


def turned(balls: Balls, about_z: float = 32.0, tilt: float = 62.0) -> Balls:
    """Seen from above and from the side (degrees)."""
    a, b = np.radians([about_z, tilt])
    first = np.array([[np.cos(a), -np.sin(a), 0.0], [np.sin(a), np.cos(a), 0.0], [0.0, 0.0, 1.0]])
    second = np.array([[1.0, 0.0, 0.0], [0.0, np.cos(b), np.sin(b)], [0.0, -np.sin(b), np.cos(b)]])
    return Balls(balls.positions @ (second @ first).T, balls.diameters, balls.site)


def draw_balls(axes: Axes, balls: Balls, shown: NDArray[np.bool_], site_colors: Array) -> None:
    """Draw atoms as discs, the near ones over the far ones, the far ones paler."""
    chosen = np.flatnonzero(shown)
    chosen = chosen[np.argsort(balls.positions[chosen, 2], kind="stable")]
    axes.set_aspect("equal")
    axes.axis("off")
    if len(chosen) == 0:
        return
    at = balls.positions[chosen]
    depth = at[:, 2]
    near = 0.45 + 0.55 * (depth - depth.min()) / max(float(np.ptp(depth)), 1e-9)
    face = np.array(site_colors)[balls.site[chosen]]
    face[:, :3] = face[:, :3] * near[:, None] + 0.97 * (1.0 - near[:, None])
    edge = face.copy()
    edge[:, :3] *= 0.55
    diameters = balls.diameters[chosen]
    axes.add_collection(
        EllipseCollection(
            diameters, diameters, np.zeros(len(chosen)), units="x", offsets=at[:, :2],
            offset_transform=axes.transData, facecolors=face, edgecolors=edge, linewidths=0.4,
        )
    )  # fmt: skip
    margin = 0.7 * float(balls.diameters.max())
    axes.set_xlim(at[:, 0].min() - margin, at[:, 0].max() + margin)
    axes.set_ylim(at[:, 1].min() - margin, at[:, 1].max() + margin)


def _bar(figure: Figure, axes: Axes, colors: ScalarMappable, label: str) -> None:
    bar = figure.colorbar(colors, ax=axes, location="bottom", shrink=0.7, aspect=30, pad=0.02)
    bar.set_label(label, fontsize=9)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
