"""Slabs of atoms drawn as shaded discs, colored by a per-atom value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import EllipseCollection
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .pictures import CRYSTAL, INK, MELT, SIZE

ORDER_COLORS = LinearSegmentedColormap.from_list("order", [MELT, "#f3e3d3", "#d5e4ea", CRYSTAL])
DIAMETER = 3.4
"""Of a drawn atom, in A: about sigma of argon."""


@dataclass(frozen=True)
class ColoredFrame:
    """One frame to draw: atoms, a value per atom (n_atoms,), and a title."""

    atoms: Atoms
    values: NDArray[np.float64]
    title: str


def slab_order(atoms: Atoms, part: float) -> NDArray[np.int64]:
    """Return the atoms of the slab in the cell's middle along its third axis, farthest first.

    Parameters
    ----------
    atoms
        Wrapped into the cell in the process; the input is left as it is.
    part
        Thickness of the slab over the length of the third axis, in (0, 1].
    """
    height = atoms.get_scaled_positions(wrap=True)[:, 2]
    inside = np.flatnonzero(np.abs(height - 0.5) <= 0.5 * part)
    return inside[np.argsort(height[inside], kind="stable")]


def _draw(axes: Axes, frame: ColoredFrame, colors: Colormap, norm: Normalize, part: float) -> None:
    atoms = frame.atoms.copy()
    atoms.wrap()
    chosen = slab_order(atoms, part)
    positions = atoms.get_positions()[chosen]
    depth = np.linspace(0.35, 1.0, len(chosen)) if len(chosen) else np.ones(0)
    face = colors(norm(frame.values[chosen]))
    face[:, :3] = face[:, :3] * depth[:, None] + (1.0 - depth[:, None])
    diameters = np.full(len(chosen), DIAMETER)
    axes.add_collection(
        EllipseCollection(
            diameters,
            diameters,
            np.zeros(len(chosen)),
            units="x",
            offsets=positions[:, :2],
            offset_transform=axes.transData,
            facecolors=face,
            edgecolors="white",
            linewidths=0.5,
        )
    )
    a, b = atoms.cell[0, :2], atoms.cell[1, :2]
    corners = np.array([0 * a, a, a + b, b, 0 * a])
    axes.plot(*corners.T, color=INK, linewidth=0.8)
    low, high = corners.min(axis=0) - 0.6 * DIAMETER, corners.max(axis=0) + 0.6 * DIAMETER
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    axes.set_aspect("equal")
    axes.axis("off")
    axes.set_title(frame.title, color=INK, fontsize=SIZE + 1)


def draw_slabs(
    frames: Sequence[ColoredFrame],
    label: str,
    colors: Colormap = ORDER_COLORS,
    limits: tuple[float, float] = (0.0, 1.0),
    part: float = 0.4,
) -> Figure:
    """Draw a slab of each frame side by side with one color bar.

    Parameters
    ----------
    frames
        At least one; viewed along the third cell vector.
    label
        Of the color bar.
    colors, limits
        Color map and the values at its ends.
    part
        Thickness of the slab over the cell's third length.
    """
    figure = Figure(figsize=(3.3 * len(frames) + 0.9, 3.7), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(frames)))
    norm = Normalize(*limits, clip=True)
    for axes, frame in zip(panels, frames, strict=True):
        _draw(axes, frame, colors, norm, part)
    bar = figure.colorbar(ScalarMappable(norm, colors), ax=list(panels), shrink=0.8, aspect=28)
    bar.set_label(label, color=INK, fontsize=SIZE)
    bar.ax.tick_params(labelsize=SIZE - 1)
    bar.outline.set_visible(False)
    return figure
