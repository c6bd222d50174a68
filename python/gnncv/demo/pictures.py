"""The pictures of the report, each a matplotlib figure, none of them kept in pyplot's global state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter
from numpy.typing import NDArray

from gnncv.rounds.thresholds import OrderThresholds

Array = NDArray[np.float64]

INK, MUTED, GRID = "#1f2933", "#66727f", "#e4e8ec"
CRYSTAL, MELT, CV, WARN = "#1f6f8b", "#e07a3f", "#4b3f92", "#c0392b"
PHASE_COLORS = {"crystal": CRYSTAL, "melt": MELT}
SIZE = 9.0


@dataclass(frozen=True)
class RunSeries:
    """What a run looked like in time; the order parameters may have fewer samples than the outputs.

    Attributes
    ----------
    time_ps : (n,)
        Times of the collective variable's samples.
    progress, novelty : (n,)
        Two outputs of the collective variable.
    crystallinity : (n,) or None
        Mean per-site crystal probability, where the model has it.
    order_time_ps : (m,)
        Times of the independent order parameters.
    averaged_q6, global_q6, volume_per_atom : (m,)
        Mean neighbor-averaged q6, global Q6, and volume per atom in A^3.
    """

    time_ps: Array
    progress: Array
    novelty: Array
    crystallinity: Array | None
    order_time_ps: Array
    averaged_q6: Array
    global_q6: Array
    volume_per_atom: Array


def _style(axes: Axes, ylabel: str = "", xlabel: str = "") -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)
    axes.tick_params(which="both", colors=MUTED, labelsize=SIZE - 1)
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_ylabel(ylabel, color=INK, fontsize=SIZE)
    axes.set_xlabel(xlabel, color=INK, fontsize=SIZE)


def _legend(axes: Axes, **options: Any) -> None:
    axes.legend(frameon=False, fontsize=SIZE - 1, labelcolor=INK, **options)


def draw_training(curves: Mapping[str, tuple[Array, Array]]) -> Figure:
    """Draw each curve (epoch, value) on a logarithmic axis where every value is positive."""
    figure = Figure(figsize=(5.0, 3.1), layout="constrained")
    axes = figure.subplots()
    colors = [CV, MELT, CRYSTAL, MUTED, "#8e6c1f", "#2e7d4f"]
    positive = True
    for k, (name, (epoch, value)) in enumerate(curves.items()):
        positive = positive and bool(np.all(value[np.isfinite(value)] > 0))
        axes.plot(epoch, value, color=colors[k % len(colors)], linewidth=1.5, label=name)
    if positive and curves:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FormatStrFormatter("%.2g"))
        axes.yaxis.set_minor_formatter(FormatStrFormatter("%.2g"))
    _style(axes, "loss", "epoch")
    _legend(axes)
    return figure


def draw_latent(latents: Mapping[str, Array], path: Array | None = None) -> Figure:
    """Draw frames in latent space by phase, with the run's path beside them.

    Parameters
    ----------
    latents : mapping of str to (n, k) arrays
        Latent vectors of the labeled frames of each phase. Of more than two dimensions, the two principal
        axes of all labeled frames are drawn.
    path : (m, k) or None
        Latent vectors along the run.
    """
    figure = Figure(figsize=(5.0, 3.1), layout="constrained")
    axes = figure.subplots()
    everything = np.concatenate(list(latents.values()))
    center = everything.mean(axis=0)
    if everything.shape[1] > 2:
        _, _, rows = np.linalg.svd(everything - center, full_matrices=False)
        basis, labels = rows[:2].T, ("first principal axis of the latent", "second principal axis")
    else:
        basis, labels = np.eye(everything.shape[1], 2), ("latent 1", "latent 2")
    if path is not None and len(path):
        shown = (path - center) @ basis
        axes.plot(shown[:, 0], shown[:, 1], color=GRID, linewidth=0.8, zorder=1)
        axes.scatter(
            shown[:, 0], shown[:, 1], s=5, color=MUTED, alpha=0.6, linewidths=0, zorder=2, label="biased run"
        )
    for k, (phase, values) in enumerate(latents.items()):
        color = PHASE_COLORS.get(phase, ("#4b3f92", "#2e7d4f", "#8e6c1f")[k % 3])
        shown = (values - center) @ basis
        axes.scatter(
            shown[:, 0], shown[:, 1], s=10, color=color, linewidths=0, alpha=0.8, zorder=3, label=phase
        )
    _style(axes, labels[1], labels[0])
    _legend(axes)
    return figure


def _shade(axes: Axes, time: Array, mask: NDArray[np.bool_], color: str) -> None:
    low, high = axes.get_ylim()
    axes.fill_between(time, low, high, where=mask, step="mid", color=color, alpha=0.10, linewidth=0)
    axes.set_ylim(low, high)


def draw_run(
    series: RunSeries,
    averaged: OrderThresholds,
    overall: OrderThresholds,
    reference_volumes: Mapping[str, float],
) -> Figure:
    """Draw CV, order parameters, novelty and density of a run on one time axis.

    Time that the order parameters give to the melt is shaded orange; a novelty above 1 is shaded red.
    """
    figure = Figure(figsize=(10.0, 7.2), layout="constrained")
    panels: Sequence[Axes] = figure.subplots(4, 1, sharex=True, height_ratios=(1.25, 1.25, 0.8, 0.8))
    time, slow = series.time_ps, series.order_time_ps
    molten = (series.averaged_q6 < averaged.melt_below) & (series.global_q6 < overall.melt_below)
    panels[0].plot(time, series.progress, color=CV, linewidth=1.0, label="progress (the biased CV)")
    if series.crystallinity is not None:
        panels[0].plot(time, series.crystallinity, color="#6fa8bd", linewidth=0.9, label="crystallinity")
    _style(panels[0], "learned CV")
    panels[1].plot(slow, series.averaged_q6, color=INK, linewidth=1.3, label="averaged q6")
    panels[1].plot(slow, series.global_q6, color=MUTED, linewidth=1.0, label="global Q6")
    panels[1].axhline(averaged.crystal_above, color=CRYSTAL, linestyle="--", linewidth=0.9)
    panels[1].axhline(averaged.melt_below, color=MELT, linestyle="--", linewidth=0.9)
    panels[1].set_ylim(bottom=0.0)
    _style(panels[1], "independent order")
    panels[2].plot(time, series.novelty, color=WARN, linewidth=0.9, label="novelty")
    panels[2].axhline(1.0, color=WARN, linestyle="--", linewidth=0.9)
    panels[2].set_ylim(bottom=0.0)
    _style(panels[2], "novelty")
    panels[3].plot(slow, series.volume_per_atom, color=INK, linewidth=1.0, label="volume per atom")
    for phase, volume in reference_volumes.items():
        panels[3].axhline(
            volume,
            color=PHASE_COLORS.get(phase, MUTED),
            linestyle="--",
            linewidth=0.9,
            label=f"unbiased {phase}",
        )
    _style(panels[3], "volume (Å$^3$/atom)", "time (ps)")
    for panel in panels:
        if len(slow):
            _shade(panel, slow, molten, MELT)
        _legend(panel, ncols=3, loc="lower right", bbox_to_anchor=(1.0, 0.98), borderpad=0.1)
        panel.set_xlim(0.0, max(float(time[-1]) if len(time) else 1.0, 1e-9))
    _shade(panels[2], time, series.novelty > 1.0, WARN)
    return figure


def draw_free_energy(grid: Array, free_energy: Array, error: Array | None, label: str = "progress") -> Figure:
    """Draw F(s) in kJ/mol with a band of one standard error; the minimum is at zero."""
    figure = Figure(figsize=(5.0, 3.1), layout="constrained")
    axes = figure.subplots()
    known = np.isfinite(free_energy)
    lowest = float(np.min(free_energy[known])) if known.any() else 0.0
    if error is not None:
        band = known & np.isfinite(error)
        axes.fill_between(
            grid,
            free_energy - lowest - error,
            free_energy - lowest + error,
            where=band,
            color=CV,
            alpha=0.2,
            linewidth=0,
            label="± one standard error",
        )
    axes.plot(grid[known], free_energy[known] - lowest, color=CV, linewidth=1.6)
    for place, phase in ((0.0, "melt"), (1.0, "crystal")):
        axes.axvline(place, color=PHASE_COLORS[phase], linestyle="--", linewidth=0.9)
    _style(axes, "free energy (kJ/mol)", f"{label}   (0 = melt, 1 = crystal)")
    if error is not None:
        _legend(axes)
    return figure


def draw_sensitivity(scores: Mapping[str, Array]) -> Figure:
    """Draw how the per-atom sensitivity |dCV/dr| is spread over the atoms of each named frame."""
    figure = Figure(figsize=(5.0, 3.1), layout="constrained")
    axes = figure.subplots()
    colors = [CRYSTAL, CV, MELT, MUTED]
    top = max((float(values.max()) for values in scores.values() if values.size), default=1.0) or 1.0
    bins = np.linspace(0.0, top, 40).tolist()
    for k, (name, values) in enumerate(scores.items()):
        axes.hist(values, bins=bins, histtype="stepfilled", color=colors[k % 4], alpha=0.30, label=name)
        axes.hist(values, bins=bins, histtype="step", color=colors[k % 4], linewidth=1.3)
    _style(axes, "atoms", r"sensitivity $|\partial$progress$/\partial\mathbf{r}_i|$ (1/Å)")
    _legend(axes)
    return figure
