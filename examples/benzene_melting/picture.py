"""Order, CV, novelty and volume along runs, and molecules of some frames, colored by their order.

python picture.py rounds/round-0 rounds/round-1 --snapshots rounds/round-1 0 60 120 200 -o benzene.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
from ase import Atoms
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from order import FRAME_PS, molecules, order_by_molecule, read_table, trajectory

from gnncv import CollectiveVariable
from gnncv.topology import Topology

matplotlib.use("Agg")
ROWS = (
    ("Q6 of centers", ((2, "C0", "Q6"), (3, "C4", "orientation"))),
    ("CV", ((6, "C1", "progress"),)),
    ("novelty", ((7, "C3", "novelty"),)),
    ("volume (Å$^3$)", ((4, "C2", "volume"),)),
)


def draw_history(figure: Figure, grid: object, folders: list[Path]) -> None:
    """One column for each run, one row for each quantity."""
    tables = [read_table(folder / "order.csv") for folder in folders]
    for column, (folder, table) in enumerate(zip(folders, tables, strict=True)):
        for row, (label, lines) in enumerate(ROWS):
            axes = figure.add_subplot(grid[row, column])  # type: ignore[index]
            for k, color, name in lines:
                axes.plot(table[:, 0], table[:, k], color=color, lw=0.8, label=name)
            lowest = min(each[:, k].min() for each in tables for k, _, _ in lines)
            highest = max(each[:, k].max() for each in tables for k, _, _ in lines)
            axes.set_ylim(lowest - 0.04 * (highest - lowest), highest + 0.04 * (highest - lowest))
            axes.tick_params(labelsize=7)
            if row == 0:
                axes.set_title(folder.name, fontsize=9)
                axes.axhline(0.40, color="0.8", lw=0.6, zorder=0)
                if column == 0:
                    axes.legend(fontsize=6, loc="lower right", ncols=2)
            if column == 0:
                axes.set_ylabel(label, fontsize=8)
            if row == len(ROWS) - 1:
                axes.set_xlabel("time (ps)", fontsize=8)


def draw_frame(axes: Axes, atoms: Atoms, topology: Topology, title: str) -> None:
    """Rings seen along z as short lines across their normals' projection, colored by averaged q6."""
    centers, normals = molecules(atoms, topology)
    q6, global_q6 = order_by_molecule(atoms, topology)
    inside = (centers @ np.linalg.inv(atoms.cell.array)) % 1.0 @ atoms.cell.array
    depth = np.argsort(inside[:, 2])
    shown = axes.scatter(
        inside[depth, 0], inside[depth, 1], c=q6[depth], vmin=0.1, vmax=0.42, cmap="viridis", s=22, lw=0
    )
    axes.quiver(
        inside[depth, 0], inside[depth, 1], normals[depth, 0], normals[depth, 1], color="0.25", pivot="mid",
        angles="xy", scale_units="xy", scale=0.35, headwidth=0, headlength=0, headaxislength=0, width=0.007,
    )  # fmt: skip
    axes.set_title(f"{title}, Q6 {global_q6:.2f}", fontsize=7)
    axes.set(xticks=[], yticks=[], xlim=(0, 25.5), ylim=(0, 22), aspect="equal")
    axes.figure.shown = shown  # type: ignore[attr-defined]


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="with order.csv, of order.py")
    parser.add_argument("--snapshots", nargs="+", default=[], metavar="FOLDER TIME", help="and times, ps")
    parser.add_argument("-o", "--output", type=Path, default=Path("benzene.png"))
    options = parser.parse_args()
    figure = Figure(figsize=(8.0, 6.6), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[2.6, 1.0])
    draw_history(upper, upper.add_gridspec(len(ROWS), len(options.folders)), options.folders)
    if options.snapshots:
        folder, times = Path(options.snapshots[0]), [float(time) for time in options.snapshots[1:]]
        frames = trajectory(folder)
        topology = Topology.from_dict(CollectiveVariable(folder / "cv.pt").metadata["topology"])
        panels = lower.subplots(1, len(times), squeeze=False)[0]
        for axes, time in zip(panels, times, strict=True):
            draw_frame(axes, frames[round(time / FRAME_PS)], topology, f"{time:.0f} ps")
        bar = lower.colorbar(lower.shown, ax=list(panels), shrink=0.8)
        bar.set_label("q6 of the molecule", fontsize=7)
        bar.ax.tick_params(labelsize=6)
    figure.savefig(options.output, dpi=85)


if __name__ == "__main__":
    main()
