"""The table and the picture of several fillings: ``python picture.py grids-1-1 grids-4-1 ...``.

Folders are outputs of walkers.py --until-filled, named WAY-WALKERS-SEED. Seconds are of the wall, from the
start of the first process on.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import matplotlib.pyplot as plt

COLORS = {"1": "tab:orange", "4": "tab:blue"}
COLUMNS = (
    "way", "walkers", "seed", "hills", "first_hill_seconds", "filled_seconds", "processor_seconds",
    "least_bias", "least_Q6",
)  # fmt: skip

figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True)
with open("fillings.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for name in sys.argv[1:]:
        way, walkers, seed = Path(name).name.split("-")
        with open(Path(name, "filling.csv"), newline="") as table:
            rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(table)]
        last = rows[-1]
        first = next(row["seconds"] for row in rows if row["hills"] > 0)
        seconds = [first, last["seconds"], last["cpu_seconds"]]
        writer.writerow(
            [way, walkers, seed, int(last["hills"]), *seconds, last["least_bias"], last["least_Q6"]]
        )
        axis = axes[int(way == "plumed")]
        label = f"{walkers} walker{'s' * (walkers != '1')}" if seed == "1" else None
        time, bias = ([row[key] for row in rows] for key in ("seconds", "least_bias"))
        axis.plot(time, bias, color=COLORS[walkers], lw=1.0, label=label)
for axis, title in zip(axes, ("shared grids (OpenMM)", "WALKERS_DIR (PLUMED)"), strict=True):
    axis.set(title=title, xlabel="wall time / s")
axes[0].set_ylabel("least bias in the range / kJ/mol")
axes[0].legend(frameon=False)
figure.tight_layout()
figure.savefig("validation_walkers.png", dpi=110)
