"""Pictures of a training run: the losses, and the latent space colored by phase."""

from collections.abc import Sequence
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


def draw_losses(rows: list[dict[str, float]], path: Path, terms: Sequence[str] = TERMS) -> None:
    """One panel a term, training and validation against the epoch."""
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    epochs = [row["epoch"] for row in rows]
    panels = figure.subplots(2, 3).flat
    for axes, term in zip(panels, terms, strict=False):
        for stage, color in (("train", COLORS[0]), ("validation", COLORS[1])):
            values = [row.get(f"{stage}_{term}", np.nan) for row in rows]
            axes.plot(epochs, values, color=color, label=stage)
        axes.set_title(term)
        axes.set_xlabel("epoch")
        positive = [v for row in rows for k, v in row.items() if k.endswith(term) and np.isfinite(v)]
        if positive and min(positive) > 0 and term != "accuracy":
            axes.set_yscale("log")
    for axes in panels[len(terms) :]:
        axes.set_visible(False)
    figure.axes[0].legend(frameon=False)
    _save(figure, path)


def draw_latent_space(
    latents: NDArray[np.float64], phases: NDArray[np.int64], names: list[str], path: Path
) -> None:
    """Configuration latents ``(B, L)`` of training and validation frames on their two main axes.

    The axes are the first two principal components, computed here from the latents given.
    """
    projected, names_of_axes = _principal_components(latents, "latent")
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
    axes.set_xlabel(names_of_axes[0])
    axes.set_ylabel(names_of_axes[1])
    axes.legend(frameon=False)
    _save(figure, path)


def draw_conformers(
    embeddings: NDArray[np.float64], colors: NDArray[np.float64], name: str, path: Path
) -> None:
    """Embeddings ``(B, E)`` of molecules on their two main axes, colored by a descriptor ``(B,)``.

    Parameters
    ----------
    name
        Of the descriptor, with its unit.
    """
    projected, names_of_axes = _principal_components(embeddings, "embedding")
    figure = Figure(figsize=(5.5, 4.5), layout="constrained")
    axes = figure.subplots()
    points = axes.scatter(
        projected[:, 0], projected[:, 1], s=8, alpha=0.6, c=colors, cmap="viridis", edgecolors="none"
    )
    figure.colorbar(points, ax=axes, label=name)
    axes.set_xlabel(names_of_axes[0])
    axes.set_ylabel(names_of_axes[1])
    _save(figure, path)


def _principal_components(
    values: NDArray[np.float64], name: str
) -> tuple[NDArray[np.float64], tuple[str, str]]:
    """The first two principal components ``(B, 2)`` of values ``(B, L)``, and what to write at the axes."""
    centered = values - values.mean(axis=0)
    _, spread, rows = np.linalg.svd(centered, full_matrices=False)
    projected = centered @ rows[:2].T
    if projected.shape[1] == 1:
        projected = np.column_stack([projected, np.zeros(len(projected))])
    share = spread**2 / max(float((spread**2).sum()), np.finfo(float).tiny)
    first = f"first principal component of the {name} ({share[0]:.0%} of the variance)"
    return projected, (first, "second principal component" + (f" ({share[1]:.0%})" if len(share) > 1 else ""))


def _save(figure: Figure, path: Path) -> None:
    with write_atomic(path, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=150, format="png")
