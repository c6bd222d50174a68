"""The curves and maps of the report, each a matplotlib figure."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gnncv.analysis.pictures import side_by_side
from gnncv.explain.measured_trust.curves import FidelityCurves
from gnncv.explain.measured_trust.picture import draw_curves
from gnncv.explain.report.along_run import FEWEST_SITES, N_ORDERS, AlongRun
from gnncv.explain.report.displacements import AMPLITUDES, Check
from gnncv.explain.report.frame_view import LAYERS, Array
from gnncv.explain.report.shells import Shell

LAYER_COLORS = ("#D55E00", "#E69F00", "#56B4E9", "#0072B2")
SPECIES_COLORS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#0072B2", "#D55E00")


class Scale:
    """A power of a thousand that makes scores readable: ``label`` is the unit to print."""

    def __init__(self, largest: float) -> None:
        power = 0 if not largest > 0.0 else int(np.floor(np.log10(largest) / 3.0)) * 3
        self.factor = 10.0**-power
        sign = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        self.label = "1/Å" if power == 0 else f"10{sign}/Å"

    def text(self, value: float, error: float = float("nan")) -> str:
        """A score with its standard error, without the unit."""
        number = f"{value * self.factor:.3g}"
        return f"{number} ± {error * self.factor:.2g}" if np.isfinite(error) else number


def progress_bins(run: AlongRun, largest: int = 12) -> tuple[Array, Array]:
    """Edges of bins of progress over what the run visited, and the bin of each frame."""
    progress = run.column("progress")
    low, high = float(progress.min()), float(progress.max())
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, max(1, min(largest, len(run) // 2)) + 1)
    return edges, np.clip(np.digitize(progress, edges) - 1, 0, len(edges) - 2)


def binned(run: AlongRun, sums: Array, counts: Array, fewest: int) -> tuple[Array, Array, Array]:
    """Means ``(B, K)`` in bins of progress, their errors, and the bins' centers.

    Of ``(T, K)`` sums over counts; a bin with fewer counts is NaN. The error is the standard error of the
    mean over the frames of a bin.
    """
    edges, place = progress_bins(run)
    n_bins = len(edges) - 1
    means, errors = np.full((n_bins, sums.shape[1]), np.nan), np.full((n_bins, sums.shape[1]), np.nan)
    for b in range(n_bins):
        for k in range(sums.shape[1]):
            own = (place == b) & (counts[:, k] > 0)
            if own.any() and counts[own, k].sum() >= fewest:
                each = sums[own, k] / counts[own, k]
                means[b, k] = sums[own, k].sum() / counts[own, k].sum()
                errors[b, k] = each.std(ddof=1) / np.sqrt(own.sum()) if own.sum() > 1 else np.nan
    return means, errors, 0.5 * (edges[:-1] + edges[1:])


def draw_map(run: AlongRun, shells: list[Shell]) -> Figure:
    """Pair slopes by progress and distance, beside their profile by layer."""
    figure, (heat, profile, push) = side_by_side(3, 3.5, 3.4)
    edges, place = progress_bins(run)
    sites = run.column("layer_sites").sum(axis=1)
    strength = run.column("strength").sum(axis=1) / sites[:, None] / np.diff(run.distance_edges)
    rows = [
        strength[place == b].mean(axis=0) if (place == b).any() else np.full(strength.shape[1], np.nan)
        for b in range(len(edges) - 1)
    ]
    table = np.ma.masked_invalid(np.array(rows))
    scale = Scale(float(table.max()))
    low = shells[0].start
    colored = heat.pcolormesh(run.distance_edges, edges, table * scale.factor, cmap="magma_r", vmin=0.0)
    heat.set_xlim(max(0.0, low - 0.3), run.cutoff)
    bar = figure.colorbar(colored, ax=heat, pad=0.02)
    bar.set_label(f"slope by pairs at d ({scale.label} per Å)", fontsize=8)
    heat.set(xlabel="distance d to the neighbor (Å)", ylabel=run.progress_name, title="along the run")
    _profile(profile, run, run.column("strength").sum(axis=0), "size of the slope by one pair")
    profile.set_ylim(bottom=0.0)
    _profile(push, run, run.column("outward").sum(axis=0), "outward: > 0 if moving away raises it")
    push.axhline(0.0, color="0.4", linewidth=0.8)
    for ax in (heat, profile, push):
        ax.grid(False)
        ax.set_title(ax.get_title(), fontsize=9.5)
        for shell in shells[:-1]:
            ax.axvline(shell.end, color="0.45", linestyle=":", linewidth=1.0)
    _legend(profile)
    return figure


def _profile(ax: Axes, run: AlongRun, sums: Array, title: str) -> None:
    """Mean per pair against distance, a line for each layer with enough pairs."""
    pairs = run.column("pairs").sum(axis=0)
    centers = 0.5 * (run.distance_edges[:-1] + run.distance_edges[1:])
    means = np.where(pairs >= FEWEST_SITES, sums / np.maximum(pairs, 1.0), np.nan)
    scale = Scale(float(np.nanmax(np.abs(means), initial=0.0)))
    for layer in _present(run):
        ax.plot(
            centers, means[layer] * scale.factor, color=LAYER_COLORS[layer], label=_layer_name(run, layer)
        )
    lowest = centers[np.flatnonzero(pairs.sum(axis=0))[0]] if pairs.any() else 0.0
    ax.set(
        xlim=(max(0.0, lowest - 0.3), run.cutoff), xlabel="distance d (Å)", ylabel=scale.label, title=title
    )


def _present(run: AlongRun) -> list[int]:
    return [k for k in range(len(LAYERS)) if run.column("layer_sites")[:, k].sum() >= FEWEST_SITES]


def _layer_name(run: AlongRun, layer: int) -> str:
    return LAYERS[layer] if run.ordered else "all sites"


def draw_layers(run: AlongRun) -> Figure:
    """Mean score of melt, face and crystal with error bars, and scores against crystallinity."""
    figure, (bars, curve) = side_by_side(2, 4.3, 3.4)
    means, errors = run.layers()
    scale = Scale(float(np.nanmax(means, initial=0.0)))
    there = [k for k in range(len(LAYERS)) if np.isfinite(means[k])]
    for k in there:
        error = errors[k] * scale.factor if np.isfinite(errors[k]) else 0.0
        bars.bar(k, means[k] * scale.factor, color=LAYER_COLORS[k], alpha=0.85, width=0.62)
        bars.errorbar(k, means[k] * scale.factor, yerr=error, color="0.25", capsize=4, linewidth=1.4)
    bars.set_xticks(there, [_layer_name(run, k).replace(", ", ",\n") for k in there])
    bars.set(ylabel=f"mean score of a site ({scale.label})", title="mean over all frames")
    means, errors = run.averaged(run.column("order_scores"), run.column("order_sites"))
    few = run.column("order_sites").sum(axis=0) < FEWEST_SITES
    means[few] = np.nan
    centers = (np.arange(N_ORDERS) + 0.5) / N_ORDERS
    scale = Scale(float(np.nanmax(means, initial=0.0)))
    curve.errorbar(
        centers, means * scale.factor, yerr=np.nan_to_num(errors) * scale.factor, color="#4b3f92",
        marker="o", markersize=4, capsize=3, linewidth=1.2,
    )  # fmt: skip
    curve.set(
        xlabel="crystallinity of the site", ylabel=f"mean score ({scale.label})", xlim=(0.0, 1.0),
        title="against the site's own crystallinity",
    )  # fmt: skip
    curve.set_ylim(bottom=0.0)
    for ax in (bars, curve):
        ax.title.set_fontsize(9.5)
    return figure


def draw_along_progress(run: AlongRun) -> Figure:
    """Mean scores by layer and by species, in bins of progress."""
    several = len(run.species) > 1
    figure, axes = side_by_side(2, 4.3, 3.4)
    means, errors, centers = binned(run, run.column("layer_scores"), run.column("layer_sites"), FEWEST_SITES)
    scale = Scale(float(np.nanmax(means, initial=0.0)))
    for layer in _present(run):
        _with_band(axes[0], centers, means[:, layer], errors[:, layer], scale, LAYER_COLORS[layer])
        axes[0].lines[-1].set_label(_layer_name(run, layer))
    axes[0].set(ylabel=f"mean score of a site ({scale.label})", title="by layer")
    if several:
        means, errors, centers = binned(run, run.column("species_scores"), run.column("species_atoms"), 1)
        scale = Scale(float(np.nanmax(means, initial=0.0)))
        for k, symbol in enumerate(run.species):
            color = SPECIES_COLORS[k % len(SPECIES_COLORS)]
            _with_band(axes[1], centers, means[:, k], errors[:, k], scale, color)
            axes[1].lines[-1].set_label(symbol)
        axes[1].set(ylabel=f"mean score of an atom ({scale.label})", title="by species")
    else:
        scores = run.column("layer_scores")
        shares = binned(run, scores, np.tile(scores.sum(axis=1)[:, None], len(LAYERS)), 0)[0]
        for layer in _present(run):
            axes[1].plot(centers, shares[:, layer], color=LAYER_COLORS[layer], marker="o", markersize=3)
            axes[1].lines[-1].set_label(_layer_name(run, layer))
        axes[1].set(ylabel="share of all scores", title="what each layer adds to the whole")
    for ax in axes:
        ax.set(xlabel=run.progress_name)
        ax.set_ylim(bottom=0.0)
        ax.title.set_fontsize(9.5)
        _legend(ax)
    return figure


def _with_band(ax: Axes, x: Array, y: Array, error: Array, scale: Scale, color: str) -> None:
    width = np.nan_to_num(error) * scale.factor
    y = y * scale.factor
    ax.fill_between(x, y - width, y + width, color=color, alpha=0.2, linewidth=0)
    ax.plot(x, y, color=color, marker="o", markersize=3, linewidth=1.3)


def draw_time_line(run: AlongRun) -> Figure:
    """The output, the sites of each layer and their mean scores, in the order of the frames."""
    figure = Figure(figsize=(8.8, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    panels: list[Axes] = list(figure.subplots(3, 1, sharex=True))
    time = run.column("time")
    steady = bool(np.all(np.diff(time) > 0.0))
    x = time if steady else run.column("number")
    panels[0].plot(x, run.column("value"), color="#4b3f92", linewidth=1.3)
    panels[0].set_ylabel(run.output, fontsize=9)
    sites = run.column("layer_sites")
    share = sites / sites.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        means = np.where(sites >= 5, run.column("layer_scores") / np.maximum(sites, 1.0), np.nan)
    scale = Scale(float(np.nanmax(means, initial=0.0)))
    for layer in _present(run):
        name = _layer_name(run, layer)
        panels[1].plot(x, share[:, layer], color=LAYER_COLORS[layer], linewidth=1.3, label=name)
        panels[2].plot(x, means[:, layer] * scale.factor, color=LAYER_COLORS[layer], linewidth=1.1)
    panels[1].set_ylabel("share of sites", fontsize=9)
    panels[2].set_ylabel(f"mean score ({scale.label})", fontsize=9)
    panels[2].set_ylim(bottom=0.0)
    panels[2].set_xlabel(_time_label(run) if steady else "frame")
    if _present(run):
        panels[1].legend(frameon=False, fontsize=8, ncols=4, loc="lower left", bbox_to_anchor=(0.0, 0.96))
    for ax in panels:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(True, color="0.9", linewidth=0.6)
        if run.ordered:
            ax.axvline(x[run.shown_row], color="0.5", linestyle="--", linewidth=0.9)
        ax.set_xlim(float(x[0]), max(float(x[-1]), float(x[0]) + 1e-9))
    return figure


def _time_label(run: AlongRun) -> str:
    return "time (ps)" if "time" in run.shown.atoms.info else "frame"


def draw_trust(check: Check | None, curves: FidelityCurves | None, output: str) -> Figure:
    """Displaced sites, and the output while sites are taken out and put in, as far as there are any."""
    figure, panels = side_by_side(2, 4.3, 3.4)
    for ax, there in zip(panels, (check, curves), strict=True):
        ax.set_visible(there is not None)
    if check is not None:
        _draw_displaced(panels[0], check)
    if curves is not None:
        draw_curves(panels[1], curves, "by the highest scores first")
        panels[1].set(ylabel=f"{output}: 1 with all sites, 0 without")
        panels[1].title.set_fontsize(9.5)
    return figure


def _draw_displaced(ax: Axes, check: Check) -> None:
    """Measured slopes of displaced sites against their scores."""
    scale = Scale(float(check.predicted.max()))
    top = float(max(check.predicted.max(), check.measured.max())) * scale.factor * 1.06
    ax.plot([0.0, top], [0.0, top], color="0.5", linewidth=1.0)
    for k, amplitude in enumerate(AMPLITUDES):
        ax.plot(
            check.predicted[k] * scale.factor, check.measured[k] * scale.factor,
            color=("#0072B2", "#E69F00")[k], marker="o^"[k], linestyle="", markersize=5,
            label=f"moved by ±{amplitude:g} Å",
        )  # fmt: skip
    ax.set(
        xlim=(0.0, top), xlabel=f"score, |ds/dr| ({scale.label})", ylabel=f"measured slope ({scale.label})",
        title="sites moved to and fro",
    )  # fmt: skip
    ax.title.set_fontsize(9.5)
    _legend(ax)


def _legend(ax: Axes) -> None:
    """A legend where there is something to name."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize=8)
