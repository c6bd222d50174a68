"""A learned bias and the free energy it was learned from, beside each other."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray

from gnncv.analysis.pictures import COLORS, save_figure, side_by_side
from gnncv.analysis.thermal import KJ_MOL_PER_EV
from gnncv.files.atomic import PathLike

from .fit import Fit
from .landscape import Landscape

Array = NDArray[np.float64]
POINTS = 300
MARGIN = 0.35


def draw_bias(landscape: Landscape, fit: Fit, path: PathLike, overwrite: bool = False) -> None:
    """Draw free energy and bias in kJ/mol, and where the samples are.

    Of one output curves, the sampled region shaded; of more, maps of the first two at the samples' mean of
    the others, with the line on which the confidence is one half.
    """
    figure, axes = side_by_side(2)
    (_one if len(landscape.outputs) == 1 else _two)(landscape, fit, axes)
    save_figure(figure, path, overwrite)


def _span(values: Array, points: int = POINTS) -> Array:
    low, high = float(values.min()), float(values.max())
    return np.linspace(low - MARGIN * (high - low), high + MARGIN * (high - low), points)


def _one(landscape: Landscape, fit: Fit, axes: list[Axes]) -> None:
    grid = _span(landscape.samples)
    values = torch.from_numpy(grid[:, None])
    order = np.argsort(landscape.points[:, 0])
    axes[0].plot(
        landscape.points[order, 0], KJ_MOL_PER_EV * landscape.energies[order], color=COLORS[0], marker=".",
        markersize=3, linewidth=1.0, label="free energy",
    )  # fmt: skip
    scale = 1.0 if fit.bias_factor is None else 1.0 - 1.0 / fit.bias_factor
    learned = KJ_MOL_PER_EV * (fit.zero_at - fit.bias(values).numpy() / scale)
    axes[0].plot(grid, learned, color=COLORS[1], linewidth=1.4, label="as the bias has it")
    axes[0].legend(frameon=False, fontsize=8)
    axes[1].plot(grid, KJ_MOL_PER_EV * fit.bias(values).numpy(), color=COLORS[1], linewidth=1.6)
    trusted = fit.bias.confidence(values).numpy() >= 0.5
    for ax, title in zip(axes, ("free energy (kJ/mol)", "bias (kJ/mol)"), strict=True):
        ax.fill_between(
            grid, 0, 1, where=trusted, transform=ax.get_xaxis_transform(), color="0.5", alpha=0.15,
            linewidth=0,
        )  # fmt: skip
        ax.set_xlabel(landscape.outputs[0])
        ax.set_ylabel(title)
    axes[1].set_title("shaded: where there are samples", fontsize=8, loc="left", color="0.3")


def _two(landscape: Landscape, fit: Fit, axes: list[Axes]) -> None:
    first, second = (_span(landscape.samples[:, k], 120) for k in range(2))
    plane = np.tile(landscape.samples.mean(axis=0), (len(second), len(first), 1))
    plane[..., 0], plane[..., 1] = np.meshgrid(first, second)
    values = torch.from_numpy(plane)
    energy, confidence = KJ_MOL_PER_EV * fit.bias(values).numpy(), fit.bias.confidence(values).numpy()
    shown = axes[0].scatter(
        landscape.points[:, 0], landscape.points[:, 1], c=KJ_MOL_PER_EV * landscape.energies, s=5,
        cmap="viridis", rasterized=True,
    )  # fmt: skip
    filled = axes[1].pcolormesh(first, second, energy, cmap="viridis", rasterized=True)
    figure = axes[0].figure
    figure.colorbar(shown, ax=axes[0], label="free energy (kJ/mol)")
    figure.colorbar(filled, ax=axes[1], label="bias (kJ/mol)")
    for ax in axes:
        if confidence.min() < 0.5 < confidence.max():
            ax.contour(first, second, confidence, levels=[0.5], colors="0.4", linewidths=1.0)
        ax.set_xlim(first[0], first[-1])
        ax.set_ylim(second[0], second[-1])
        ax.set_xlabel(landscape.outputs[0])
        ax.set_ylabel(landscape.outputs[1])
    axes[1].set_title("line: where samples end", fontsize=8, loc="left", color="0.3")
