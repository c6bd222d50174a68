"""The plane of latents through the centroids: frames, centroids, ellipses, and the line of `progress`."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from numpy.typing import NDArray

from gnncv.files.atomic import write_atomic

from .mixture import Mixture
from .pictures import COLORS, UNLABELED_COLOR

Array = NDArray[np.float64]
DEVIATIONS = (1.0, 2.0)


def draw_mixture(latents: Array, labels: NDArray[np.int64], mixture: Mixture, path: Path) -> None:
    """Draw the latents ``(B, L)`` of frames with the components of a mixture, one and two deviations.

    The horizontal axis runs from the reference's centroid (0) to that of the next (1), the vertical one is
    the direction beside it in which a third centroid lies, or else the frames vary most, in the same unit.
    """
    origin, axes_rows = _plane(latents, mixture.means)
    points, centers = (latents - origin) @ axes_rows.T, (mixture.means - origin) @ axes_rows.T
    figure = Figure(figsize=(6.0, 4.5), layout="constrained")
    axes = figure.subplots()
    for k in np.unique(labels):
        chosen, color = labels == k, UNLABELED_COLOR if k < 0 else COLORS[k % len(COLORS)]
        name = "unlabeled" if k < 0 else mixture.names[k]
        axes.scatter(
            points[chosen, 0], points[chosen, 1], s=12, alpha=0.6, color=color, edgecolors="none", label=name
        )
    for k, center in enumerate(centers):
        color = COLORS[k % len(COLORS)]
        values, vectors = np.linalg.eigh(axes_rows @ mixture.covariances[k] @ axes_rows.T)
        tilt = float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))
        for times in DEVIATIONS:
            width, height = 2.0 * times * np.sqrt(np.maximum(values[::-1], 0.0))
            axes.add_patch(
                Ellipse((center[0], center[1]), width, height, angle=tilt, fill=False, color=color)
            )
        if k:
            axes.plot(*np.stack([centers[0], center]).T, color="0.3", linewidth=1.2, zorder=1)
        axes.plot(*center, marker="X", color=color, markeredgecolor="white", markersize=10)
    axes.set_xlabel(f"along the line from {mixture.names[0]} to {mixture.names[1]}")
    axes.set_ylabel("beside it, in units of the gap")
    axes.set_title(f"separation {mixture.separation:.1f}; from {mixture.facts['source']}", fontsize=9)
    axes.legend(frameon=False)
    with write_atomic(path, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=150, format="png")


def _plane(latents: Array, means: Array) -> tuple[Array, Array]:
    """Origin and two rows (2, L) whose products with offsets are the coordinates of the picture."""
    origin, along = means[0], means[1] - means[0]
    gap = float(np.linalg.norm(along))
    first = along / gap
    beside = (means[2:3] if len(means) > 2 else latents) - origin
    beside = beside - np.outer(beside @ first, first)
    if len(means) == 2:
        beside = beside - beside.mean(axis=0)
    second = np.linalg.svd(beside, full_matrices=False)[2][0]
    if len(first) == 1:
        second = np.zeros(1)  # one latent: a line
    return origin, np.stack([first, second]) / gap
