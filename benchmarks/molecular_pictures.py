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
