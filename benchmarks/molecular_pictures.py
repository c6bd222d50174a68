"""Pictures of molecular_phases.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

COLORS = {"melt": "tab:orange", "crystal": "tab:blue"}
TITLES = {
    "gnncv": ("log-odds of crystallinity", "progress"),
    "number of neighbors, volume": ("number of neighbors", "volume of a molecule / Å³"),
    "averaged q6 of the centers": ("averaged q6", "mean averaged q6"),
    "mlcolvar": ("", "mlcolvar's DeepTDA"),
    "mlcolvar, rescaled frames too": ("", "DeepTDA, rescaled frames too"),
}


def draw_values(shown: dict[str, Any], path: Path) -> None:
    """Histograms of sites (above) and of configurations (below); filled: as they are, lines: one density."""
    names = [name for name in TITLES if name in shown]
    figure, axes = plt.subplots(2, len(names), figsize=(2.6 * len(names), 4.6), layout="constrained")
    for column, name in zip(axes.T, names, strict=True):
        for axis, title, attribute in zip(column, TITLES[name], ("sites", "configurations"), strict=True):
            values = {
                (kind, phase): getattr(found, attribute)
                for kind, by in shown[name].items()
                for phase, found in by.items()
            }
            if any(part is None for part in values.values()):
                axis.axis("off")
                continue
            together = np.concatenate([part.ravel() for part in values.values()])
            edges = np.linspace(together.min(), together.max(), 60)
            for (kind, phase), part in values.items():
                style = (
                    {"histtype": "stepfilled", "alpha": 0.4}
                    if kind == "as they are"
                    else {"histtype": "step"}
                )
                axis.hist(part.ravel(), edges, color=COLORS[phase], label=f"{phase}, {kind}", **style)
            axis.set_xlabel(title, fontsize=8)
            axis.set_yticks([])
            axis.tick_params(labelsize=7)
    axes[0, 0].set_ylabel("sites", fontsize=8)
    axes[1, 0].set_ylabel("configurations", fontsize=8)
    axes[0, 0].legend(fontsize=5.5, frameon=False)
    figure.savefig(path, dpi=110)


def draw_crystallites(growth: dict[str, Any], shifts: dict[str, Any], path: Path) -> None:
    """Left what a model counts against what was planted, right how far the pooled latent moves."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained")
    planted = growth["planted"]
    for name, label, color in (
        ("ncrystal", "ncrystal", "tab:blue"),
        ("cluster", "largest cluster", "tab:green"),
    ):
        slope, offset = np.polyfit(planted, growth[name], 1)
        left.plot(planted, growth[name], ".", color=color, markersize=4)
        ends = np.array([planted.min(), planted.max()])
        left.plot(
            ends, slope * ends + offset, color=color, lw=1, label=f"{label}: {slope:.2f} n {offset:+.1f}"
        )
    left.plot([0, planted.max()], [0, planted.max()], ":", color="0.6", lw=1)
    left.set_xlabel("molecules planted, n")
    left.set_ylabel("molecules seen as crystal")
    left.legend(frameon=False, fontsize=8)
    for name, (shares, moved) in shifts.items():
        right.plot(100 * shares, moved, "o-", markersize=4, label=f"pooling {name}")
    right.axhline(1.0, color="0.6", lw=1, ls=":")
    right.set_yscale("symlog", linthresh=1.0)
    right.set_xlabel("share of the molecules planted / %")
    right.set_ylabel("shift of the pooled latent / σ of the melt")
    right.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)
