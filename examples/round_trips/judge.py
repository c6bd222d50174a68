"""What a biased run did, by order parameters that are not its variable: round trips, cost, free energies."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from gnncv.analysis import bias_weights, phase_free_energy, phase_visits, read_colvar
from gnncv.demo.frames import shipped_order
from gnncv.rounds import OrderThresholds

TEMPERATURE = 82.0  # K
SKIPPED = 0.25  # of each run, before weights are used
CROSSED = (0.3, 0.7)  # of progress, as many would count its crossings
COLUMNS = ("progress", "Q6", "novelty", "bias_kj_mol")


def judge(folders: list[Path], output: Path) -> None:
    """Write OUTPUT.csv and OUTPUT.png, and print the table."""
    limits = OrderThresholds.learn(shipped_order("melt")["global_q6"], shipped_order("crystal")["global_q6"])
    print(f"melt: Q6 below {limits.melt_below:.3f}; crystal: Q6 above {limits.crystal_above:.3f}")
    done = [folder for folder in folders if (folder / "run.json").exists()]
    rows = [describe(folder, limits) for folder in done]
    with output.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    first = [folder for folder in done if folder.name.endswith("-1")]
    draw(first or done, limits, output.with_suffix(".png"))


def describe(folder: Path, limits: OrderThresholds) -> dict[str, object]:
    """One row of the table."""
    facts, values = json.loads((folder / "run.json").read_text()), read_colvar(folder / "COLVAR")
    visits = phase_visits(values["Q6"], limits.melt_below, limits.crystal_above)
    row: dict[str, object] = {
        "run": folder.name,
        "ns": round(facts["time_ps"] / 1000.0, 2),
        "round_trips": visits.round_trips,
        "round_trips_of_progress": phase_visits(values["progress"], *CROSSED).round_trips,
        "correlation_with_Q6": round(float(np.corrcoef(values["progress"], values["Q6"])[0, 1]), 3),
        "novelty_above_1": round(float(np.mean(values["novelty"] > 1.0)), 2),
    }
    difference, error = free_energy(folder, limits)
    return row | {"crystal_minus_melt_kj_mol": difference, "error_kj_mol": error}


def free_energy(folder: Path, limits: OrderThresholds) -> tuple[float | None, float | None]:
    """Crystal minus melt, kJ/mol, from PLUMED's rows and their bias less its c(t); None in one phase only."""
    order, rows = read_colvar(folder / "COLVAR"), read_colvar(folder / "plumed" / "COLVAR")
    at = np.flatnonzero(np.isin(np.round(rows["time"], 3), np.round(order["time"], 3)))
    q6 = np.interp(rows["time"][at], order["time"], order["Q6"])
    bias = sum(rows[name][at] for name in rows.fields if name.endswith("bias"))
    first = round(SKIPPED * len(at))
    divide = 0.5 * (limits.melt_below + limits.crystal_above)
    if q6[first:].min() > divide or q6[first:].max() < divide:
        return None, None
    weights = bias_weights(bias[first:], TEMPERATURE)
    difference, error = phase_free_energy(q6[first:], divide, TEMPERATURE, weights)
    return round(difference, 2), round(error, 2)


def draw(folders: list[Path], limits: OrderThresholds, path: Path) -> None:
    """Progress, Q6, novelty and bias along the runs, one column a run; of several seeds the first."""
    figure, axes = plt.subplots(
        len(COLUMNS), len(folders), sharex="col", sharey="row", squeeze=False, layout="constrained",
        figsize=(3.2 * len(folders), 6.4),
    )  # fmt: skip
    for column, folder in zip(axes.T, folders, strict=True):
        values = read_colvar(folder / "COLVAR")
        for axis, name in zip(column, COLUMNS, strict=True):
            axis.plot(values["time"][::3] / 1000.0, values[name][::3], linewidth=0.4, color="#33658a")
        for limit in (limits.melt_below, limits.crystal_above):
            column[1].axhline(limit, color="#b33951", linewidth=0.8, linestyle=":")
        column[2].axhline(1.0, color="#b33951", linewidth=0.8, linestyle=":")
        column[0].set_title(folder.name)
        column[-1].set_xlabel("time, ns")
    for axis, name in zip(axes[:, 0], COLUMNS, strict=True):
        axis.set_ylabel("bias, kJ/mol" if name == "bias_kj_mol" else name)
    axes[2, 0].set_ylim(0.0, 3.0)
    figure.savefig(path, dpi=75)
