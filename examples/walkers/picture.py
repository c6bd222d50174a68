"""The table and the picture of several fillings: ``python picture.py grids-1-1 grids-4-1 ...``.

Folders are outputs of walkers.py --until-filled, named WAY-WALKERS-SEED.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import matplotlib.pyplot as plt

CORES = {1: 1, 4: 2}
COLORS = {1: "tab:orange", 4: "tab:blue"}

figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True)
with open("fillings.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(
        [
            "way",
            "walkers",
            "seed",
            "hills",
            "processor_seconds",
            "before_first_hill",
            "wall_seconds",
            "least_Q6",
        ]
    )
    for name in sys.argv[1:]:
        way, walkers, seed = Path(name).name.split("-")
        with open(Path(name, "filling.csv"), newline="") as table:
            rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(table)]
        last, cores = rows[-1], CORES[int(walkers)]
        first = next(row["cpu_seconds"] for row in rows if row["hills"] > 0)
        numbers = [int(last["hills"]), last["cpu_seconds"], first, last["seconds"]]
        writer.writerow([way, walkers, seed, *numbers, last["least_Q6"]])
        axis = axes[int(way == "plumed")]
        label = (
            f"{walkers} walker{'s' * (walkers != '1')}, {cores} core{'s' * (cores > 1)}"
            if seed == "1"
            else None
        )
        time = [row["cpu_seconds"] / cores for row in rows]
        axis.plot(time, [row["least_bias"] for row in rows], color=COLORS[int(walkers)], label=label)
for axis, title in zip(axes, ("shared grids (OpenMM)", "WALKERS_DIR (PLUMED)"), strict=True):
    axis.set(title=title, xlabel="processor time per core / s")
    axis.axhline(10.0, color="gray", lw=0.5)
axes[0].set_ylabel("least bias in the range / kJ/mol")
axes[0].legend(frameon=False)
figure.tight_layout()
figure.savefig("validation_walkers.png", dpi=110)
