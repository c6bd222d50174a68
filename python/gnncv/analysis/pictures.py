"""Pictures of free energies and time series, in colors that color-blind readers can tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gnncv.analysis.curve import FreeEnergy
from gnncv.errors import InvalidArgument
from gnncv.files.atomic import PathLike, write_atomic

Array = NDArray[np.float64]

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette without yellow, which is too light on white."""


def new_figure(width: float = 6.4, height: float = 4.0, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure (inches) with panels above each other on one horizontal axis, drawn without a display."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(rows, 1, 1)]
    axes += [figure.add_subplot(rows, 1, row, sharex=axes[0]) for row in range(2, rows + 1)]
    for ax in axes[:-1]:
        ax.tick_params(labelbottom=False)
    return figure, _plain_style(axes)


def side_by_side(columns: int, width: float = 4.2, height: float = 3.4) -> tuple[Figure, list[Axes]]:
    """A figure with panels beside each other; width and height (inches) of each."""
    figure = Figure(figsize=(width * columns, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, _plain_style([figure.add_subplot(1, columns, k + 1) for k in range(columns)])


def _plain_style(axes: list[Axes]) -> list[Axes]:
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(True, color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
    return axes


def save_figure(figure: Figure, path: PathLike, overwrite: bool = False, dpi: int = 150) -> Path:
    """Save a figure whole or not at all; the suffix of the name chooses the format."""
    known = set(figure.canvas.get_supported_filetypes())
    suffix = Path(path).suffix.removeprefix(".").lower()
    if suffix not in known:
        raise InvalidArgument(
            f"{path} is no name for a picture; known formats are {', '.join(sorted(known))}"
        )
    with write_atomic(path, overwrite) as temporary:
        figure.savefig(temporary, dpi=dpi)
    return Path(path)


def free_energy_picture(
    curve: FreeEnergy | Sequence[FreeEnergy],
    path: PathLike,
    overwrite: bool = False,
    labels: Sequence[str] | None = None,
) -> Path:
    """Draw one or more free energies of the same variable with bands of one standard error.

    Parameters
    ----------
    curve : FreeEnergy or sequence of FreeEnergy
        What to draw.
    path : path-like
        Picture file; its suffix chooses the format.
    overwrite : bool
        Whether it may replace an existing file.
    labels : sequence of str, optional
        Names in the legend, when there are several; default their methods.

    Returns
    -------
    Path
        The picture.
    """
    curves = [curve] if isinstance(curve, FreeEnergy) else list(curve)
    names = list(labels) if labels is not None else [one.method for one in curves]
    if not curves or len(names) != len(curves):
        raise InvalidArgument(f"{len(curves)} curves and {len(names)} labels were given")
    figure, (ax,) = new_figure()
    for k, (one, name) in enumerate(zip(curves, names, strict=True)):
        color = COLORS[k % len(COLORS)]
        values = np.where(np.isfinite(one.values), one.values, np.nan)
        ax.plot(one.grid, values, color=color, linewidth=1.8, label=name)
        if one.errors is not None:
            ax.fill_between(
                one.grid, values - one.errors, values + one.errors, color=color, alpha=0.25, linewidth=0
            )
    ax.set_xlabel(curves[0].cv)
    ax.set_ylabel("free energy (kJ/mol)")
    if len(curves) > 1:
        ax.legend(frameon=False, fontsize=8)
    else:
        ax.set_title(
            f"{curves[0].method}\nband: {curves[0].error_method}", fontsize=8, loc="left", color="0.3"
        )
    return save_figure(figure, path, overwrite)


@dataclass
class Panel:
    """One panel of a time series.

    Attributes
    ----------
    label : str
        Axis label, with the unit.
    series : mapping of str to (T,) float64
        Curves by name.
    lines : mapping of str to float
        Named horizontal lines (a threshold, the mean of a phase).
    """

    label: str
    series: Mapping[str, Array]
    lines: Mapping[str, float] = field(default_factory=dict)


def time_series_picture(
    time_ps: Array, panels: Sequence[Panel], path: PathLike, overwrite: bool = False
) -> Path:
    """Draw quantities along a run, in panels above each other.

    Parameters
    ----------
    time_ps : (T,) float64
        Times, ps.
    panels : sequence of Panel
        From top to bottom, for example the variable and q6, then novelty.
    path : path-like
        Picture file.
    overwrite : bool
        Whether it may replace an existing file.

    Returns
    -------
    Path
        The picture.
    """
    if not panels:
        raise InvalidArgument("a time series needs at least one panel")
    times = np.asarray(time_ps, dtype=np.float64)
    for panel in panels:
        for name, values in panel.series.items():
            if np.shape(values) != times.shape:
                raise InvalidArgument(
                    f"series {name!r} has shape {np.shape(values)} and the times {times.shape}"
                )
    figure, axes = new_figure(height=1.2 + 1.8 * len(panels), rows=len(panels))
    for ax, panel in zip(axes, panels, strict=True):
        for k, (name, values) in enumerate(panel.series.items()):
            ax.plot(times, values, color=COLORS[k % len(COLORS)], linewidth=1.0, label=name)
        for k, (name, value) in enumerate(panel.lines.items()):
            style = ("--", ":", "-.")[k % 3]
            ax.axhline(value, color="0.4", linewidth=1.0, linestyle=style, label=name)
        ax.set_ylabel(panel.label)
        if len(panel.series) + len(panel.lines) > 1:
            ax.legend(frameon=False, fontsize=8, ncols=4, loc="lower left", bbox_to_anchor=(0.0, 0.98))
    axes[-1].set_xlabel("time (ps)")
    return save_figure(figure, path, overwrite)
