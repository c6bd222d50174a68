"""The picture of a long run: ``python picture.py`` in the folder of its results."""

from __future__ import annotations

import csv
from pathlib import Path

import matplotlib.pyplot as plt

from gnncv.files import read_colvar

with open("processes.csv", newline="") as file:
    rows = list(csv.DictReader(file))
table = read_colvar(Path("whole", "COLVAR"))
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.0))
for run, color in (("whole", "tab:blue"), ("killed", "tab:orange")):
    of_run = [row for row in rows if row["run"] == run]
    steps = [int(row["step"]) / 1e6 for row in of_run]
    left.plot(steps, [int(row["memory"]) / 2**20 for row in of_run], ".", ms=2, color=color, label=run)
left.set(xlabel="million steps", ylabel="memory / MiB", ylim=(0, 450))
left.legend(frameon=False, loc="lower right")
steps = table["time"] / 4000.0  # a step is 4 fs
right.plot(steps, table["progress"], lw=0.5, label="progress")
right.plot(steps, table["Q6"], lw=0.5, label="$Q_6$")
right.plot(steps, table["novelty"], lw=0.3, color="gray", label="novelty")
right.set(xlabel="million steps")
right.legend(frameon=False, fontsize=8)
figure.tight_layout()
figure.savefig("validation_long_run.png", dpi=100)
