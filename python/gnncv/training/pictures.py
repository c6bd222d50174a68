"""Pictures of a training run: the losses, and the latent space colored by phase."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gnncv.files.atomic import write_atomic

matplotlib.use("Agg")

COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
UNLABELED_COLOR = "#888888"
TERMS = ("loss", "reconstruction", "adjacency", "divergence", "phase", "accuracy")


def draw_losses(rows: list[dict[str, float]], path: Path) -> None:
    """One panel a term, training and validation against the epoch."""
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    epochs = [row["epoch"] for row in rows]
    for axes, term in zip(figure.subplots(2, 3).flat, TERMS, strict=True):
        for stage, color in (("train", COLORS[0]), ("validation", COLORS[1])):
            values = [row.get(f"{stage}_{term}", np.nan) for row in rows]
            axes.plot(epochs, values, color=color, label=stage)
        axes.set_title(term)
        axes.set_xlabel("epoch")
        positive = [v for row in rows for k, v in row.items() if k.endswith(term) and np.isfinite(v)]
        if positive and min(positive) > 0 and term != "accuracy":
            axes.set_yscale("log")
    figure.axes[0].legend(frameon=False)
    _save(figure, path)


def draw_latent_space(
    latents: NDArray[np.float64], phases: NDArray[np.int64], names: list[str], path: Path
) -> None:
    """Configuration latents ``(B, L)`` of training and validation frames on their two main axes.

    The axes are the first two principal components, computed here from the latents given.
    """
    centered = latents - latents.mean(axis=0)
    _, spread, axes_rows = np.linalg.svd(centered, full_matrices=False)
    projected = centered @ axes_rows[:2].T
    if projected.shape[1] == 1:
        projected = np.column_stack([projected, np.zeros(len(projected))])
    share = spread**2 / max(float((spread**2).sum()), np.finfo(float).tiny)
    figure = Figure(figsize=(5.5, 4.5), layout="constrained")
    axes = figure.subplots()
    for phase in np.unique(phases):
        chosen = phases == phase
        label, color = ("unlabeled", UNLABELED_COLOR)
        if phase >= 0:
            label, color = names[phase], COLORS[phase % len(COLORS)]
        axes.scatter(
            projected[chosen, 0],
            projected[chosen, 1],
            s=14,
            alpha=0.7,
            color=color,
            label=label,
            edgecolors="none",
        )
    axes.set_xlabel(f"first principal component of the latent ({share[0]:.0%} of the variance)")
    axes.set_ylabel("second principal component" + (f" ({share[1]:.0%})" if len(share) > 1 else ""))
    axes.legend(frameon=False)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    with write_atomic(path, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=150, format="png")
