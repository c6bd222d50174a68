"""What the biased run did, by the averaged q6 of its frames, beside progress and novelty.

    python judge_run.py --element copper

Thresholds of q6 are learned from the training frames of the two phases. A transition counts when q6 has gone
from beyond one threshold to beyond the other. Writes ELEMENT_biased.csv and ELEMENT_biased.png.
"""

import argparse
import csv

import numpy as np
from ase.io import read
from matplotlib.figure import Figure

from gnncv.analysis import order_parameter_table, phase_visits
from gnncv.files import read_colvar
from gnncv.rounds.thresholds import OrderThresholds

NEIGHBORS = {"copper": 3.45, "silicon": 3.0}  # angstrom, the first minimum of g(r)
PICOSECONDS = 1.0  # from frame to frame, as in in.biased


def draw(table: dict[str, np.ndarray], thresholds: OrderThresholds, element: str) -> None:
    """Progress, q6, novelty and volume against time."""
    figure = Figure(figsize=(8.0, 5.0), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True)
    top.plot(table["time"], table["progress"], linewidth=0.8, label="progress (biased)")
    scale = thresholds.melt_below, thresholds.crystal_above
    middle.plot(table["time"], table["q6"], linewidth=0.8, color="C1", label="averaged q6 (independent)")
    for value in scale:
        middle.axhline(value, color="0.5", linewidth=0.7, linestyle="--")
    bottom.plot(table["time"], table["novelty"], linewidth=0.6, color="C3", label="novelty")
    bottom.axhline(1.0, color="0.5", linewidth=0.7, linestyle="--")
    bottom.set_xlabel("time / ps")
    for ax in (top, middle, bottom):
        ax.legend(loc="upper right", fontsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(f"{element}_biased.png", dpi=110)


def main() -> None:
    """Judge, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--element", default="copper", choices=sorted(NEIGHBORS))
    element = parser.parse_args().element
    cutoff = NEIGHBORS[element]
    known = [
        order_parameter_table(read(f"{element}_{phase}.extxyz", "::10"), cutoff)["averaged_q6"]
        for phase in ("melt", "crystal")
    ]
    thresholds = OrderThresholds.learn(*known)
    order = order_parameter_table(read(f"{element}_biased.extxyz", ":"), cutoff)
    colvar = read_colvar(f"{element}.COLVAR")
    times = PICOSECONDS * np.arange(len(order["averaged_q6"]))
    rows = np.clip(np.searchsorted(colvar["time"], times), 0, len(colvar["time"]) - 1)
    table = {"time": times, "q6": order["averaged_q6"], "Q6": order["global_q6"]}
    table["volume_per_atom"] = order["volume_per_atom"]
    for name, column in (("progress", "cv.progress"), ("novelty", "cv.novelty"), ("bias", "metad.bias")):
        table[name] = colvar[column][rows]
    print(f"{times[-1]:.0f} ps; q6 of the melt below {thresholds.melt_below:.3f}, ", end="")
    print(f"of the crystal above {thresholds.crystal_above:.3f}")
    visits = phase_visits(table["q6"], thresholds.melt_below, thresholds.crystal_above)
    for k, ordered in zip(visits.rows[1:], visits.ordered[1:], strict=True):
        row = "  ".join(f"{name} {table[name][k]:.2f}" for name in ("q6", "progress", "novelty"))
        highest = table["bias"][: k + 1].max()
        print(
            f"{times[k]:6.0f} ps: {'crystal' if ordered else 'melt':8} {row}  bias up to {highest:.0f} kJ/mol"
        )
    phases = thresholds.phases(table["q6"])
    for phase in ("crystal", "melt"):
        own = np.array([found == phase for found in phases])
        wrong = table["progress"][own] < 0.5 if phase == "crystal" else table["progress"][own] > 0.5
        if own.any():
            print(f"{phase}: {own.sum()} frames, the variable says otherwise in {100 * wrong.mean():.1f} %")
    print(f"correlation of progress and q6: {np.corrcoef(table['progress'], table['q6'])[0, 1]:.3f}")
    print(f"frames of novelty above 1: {100 * np.mean(table['novelty'] > 1.0):.1f} %")
    with open(f"{element}_biased.csv", "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(table)
        writer.writerows([f"{value:.4f}" for value in line] for line in zip(*table.values(), strict=True))
    draw(table, thresholds, element)


if __name__ == "__main__":
    main()
