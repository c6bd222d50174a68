"""Tables and picture of what coexistence.py ran: ``python results.py [--picture PICTURE.png]``.

Prints and writes density.csv, counting.csv and pinning.csv. Everything is in units of epsilon and sigma.
"""

from __future__ import annotations

import argparse
import csv
import re
from pathlib import Path

import numpy as np
from ase.io import read
from coexistence import DENSITY, KAPPA, PRESSURE, dumped
from pieces import EPSILON, SIGMA, TEMPERATURE

from gnncv.analysis import (
    bias_weights,
    coexistence_pressure,
    order_parameters,
    pinned_interface,
    read_colvar,
    scan_blocks,
)
from gnncv.analysis.pictures import COLORS, save_figure, side_by_side

FIRST_SHELL = 5.1  # angstrom: the first minimum of g(r)
SMALL = 500  # atoms in a box of one phase
SAMPLE = 0.4  # ps between rows of COLVAR


def pieces(folder: Path) -> list[Path]:
    """Finished pieces of a run, in order."""
    found = [done.parent for done in folder.glob("*/done")]
    return sorted(found, key=lambda one: int(one.name))


def colvar(folder: Path, skip_ps: float = 0.0) -> dict[str, np.ndarray]:
    """COLVAR of all pieces after the first ``skip_ps``; a piece repeats the last row of the one before it."""
    tables = [read_colvar(piece / "COLVAR") for piece in pieces(folder)]
    rows = {name: np.concatenate([table[name] for table in tables]) for name in tables[0].fields}
    _, first = np.unique(rows["time"], return_index=True)
    kept = first[rows["time"][first] >= skip_ps]
    return {name: values[kept] for name, values in rows.items()}


def volumes(table: dict[str, np.ndarray], n_atoms: int = SMALL) -> np.ndarray:
    """Volumes per atom, sigma^3, from PLUMED's nm^3."""
    return table["vol"] * 1e3 / SIGMA**3 / n_atoms


def mean_and_error(values: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, float]:
    """Mean and the largest of the block errors."""
    scan = scan_blocks(values, weights)
    return scan.mean, float(scan.errors.max())


def density(volume: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, float]:
    """Density 1 / <v> and its error."""
    mean, error = mean_and_error(volume, weights)
    return 1.0 / mean, error / mean**2


def densities(runs: Path) -> list[tuple[str, float, float]]:
    """Density of the crystal without bias, under it, and what either run says of the other."""
    free, biased = colvar(runs / "unbiased", 100.0), colvar(runs / "static", 100.0)
    constant = np.polyfit(biased["cv.progress"], biased["static.bias"], 1)  # the bias is linear in progress
    at_free = np.polyval(constant, free["cv.progress"])
    rows = [
        ("GNNCV loaded, no bias", *density(volumes(free))),
        ("static bias on progress", *density(volumes(biased))),
        (
            "static bias, reweighted",
            *density(volumes(biased), bias_weights(biased["static.bias"], TEMPERATURE)),
        ),
        ("no bias, reweighted to the bias", *density(volumes(free), bias_weights(-at_free, TEMPERATURE))),
    ]
    for size in sorted(runs.glob("unbiased-*")):
        n_atoms = 4 * int(size.name.rpartition("-")[2]) ** 3
        rows.append((f"no bias, {n_atoms} atoms", *density(volumes(colvar(size, 100.0), n_atoms))))
    return rows


def threshold(runs: Path) -> float:
    """Averaged q6 halfway between its means in the training frames of crystal and melt."""
    means = []
    for phase in ("crystal", "melt"):
        frames = read(runs.absolute().parent / f"{phase}.extxyz", "::20")
        means.append(np.mean([order_parameters(frame, FIRST_SHELL).averaged_q6.mean() for frame in frames]))
    return float(np.mean(means))


def counting(runs: Path, limit: float) -> list[tuple[str, float, int, float, float]]:
    """Run, time (ps), atoms of the crystal by averaged q6 and by ``ncrystal``, novelty, along a sweep."""
    rows = []
    for name in ("grow", "shrink"):
        table = colvar(runs / name)
        for piece in pieces(runs / name):
            for k, frame in enumerate(dumped(piece)):
                order = order_parameters(frame, FIRST_SHELL).averaged_q6
                row = 10 * k  # a dump every 500 steps, a row every 50
                time = float(table["time"][row])
                values = (float(table["cv.ncrystal"][row]), float(table["cv.novelty"][row]))
                rows.append((name, time, int(np.sum(order > limit)), *values))
    return rows


def per_atom(runs: Path) -> dict[str, tuple[float, float]]:
    """Mean of ncrystal for an atom of crystal and of melt, their difference of volume, and its error."""
    tables = [colvar(runs / name, 100.0) for name in ("unbiased", "melt")]
    (solid, first), (liquid, second) = (mean_and_error(volumes(table)) for table in tables)
    return {
        "ncrystal": tuple(float(table["cv.ncrystal"].mean()) / SMALL for table in tables),
        "delta_volume": (solid - liquid, float(np.hypot(first, second))),
    }


def pinning(runs: Path, skip_ps: float) -> list[tuple[float, ...]]:
    """Pressure, anchor, length (ps), <n>, its error, linearity, inefficiency, delta mu and its error."""
    crystal, melt = per_atom(runs)["ncrystal"]
    rows = []
    for folder in sorted(runs.glob("pin-*")):
        pressure, anchor = (float(word) for word in re.match(r"pin-([\d.]+)-(\d+)", folder.name).groups())
        table = colvar(folder, skip_ps)
        samples = table["cv.ncrystal"]
        found = pinned_interface(samples, anchor, KAPPA, crystal, melt, TEMPERATURE)
        length = SAMPLE * len(samples)
        numbers = (found.mean, found.mean_error, found.linearity, SAMPLE * found.inefficiency)
        rows.append((pressure, anchor, length, *numbers, found.delta_mu / EPSILON, found.error / EPSILON))
    return rows


def write_table(path: Path, names: list[str], rows: list[tuple]) -> None:
    """A table as CSV, and on the screen if it is short."""
    lines = [[f"{value:.6g}" if isinstance(value, float) else value for value in row] for row in rows]
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([names, *lines])
    for line in [names, *lines] if len(lines) < 20 else []:
        print("  ".join(f"{value!s:>16}" for value in line))


def picture(path: Path, runs: Path, counted: list[tuple], pinned: list[tuple]) -> None:
    """Density with and without the bias; counting; delta mu against pressure."""
    figure, (left, middle, right) = side_by_side(3)
    free, biased = colvar(runs / "unbiased", 100.0), colvar(runs / "static", 100.0)
    weights = bias_weights(biased["static.bias"], TEMPERATURE)
    edges = np.linspace(0.945, 1.0, 40)
    for values, share, label in (
        (1 / volumes(free), None, "no bias"),
        (1 / volumes(biased), None, "static bias"),
        (1 / volumes(biased), weights, "reweighted"),
    ):
        heights, _ = np.histogram(values, edges, weights=share, density=True)
        color = COLORS[{"no bias": 0, "static bias": 1, "reweighted": 2}[label]]
        left.stairs(heights, edges, label=label, color=color, linestyle="--" if share is not None else "-")
    left.axvline(DENSITY, color="black", linewidth=0.8)
    left.set(xlabel=r"density of the crystal, $\sigma^{-3}$", ylabel="probability density")
    left.legend(fontsize=8, frameon=False)
    for k, name in enumerate(("grow", "shrink")):
        part = np.array([row[2:4] for row in counted if row[0] == name], dtype=float)
        middle.plot(*part.T, ".", color=COLORS[k], label={"grow": "growing", "shrink": "melting"}[name])
    middle.plot([0, 1600], [0, 1600], color="black", linewidth=0.8)
    middle.set(xlabel=r"atoms with averaged $q_6$ of a crystal", ylabel="ncrystal")
    middle.legend(fontsize=8, frameon=False)
    for pressure, *_, delta_mu, error in pinned:
        right.errorbar(pressure, delta_mu, error, fmt="o", color=COLORS[0], capsize=3)
    slope = per_atom(runs)["delta_volume"][0]
    line = np.array(sorted({row[0] for row in pinned} | {PRESSURE}))
    right.plot(line, slope * (line - PRESSURE), color="black", linewidth=0.8, label=r"$\Delta v\,(p-2.185)$")
    right.set(xlabel=r"pressure, $\varepsilon\sigma^{-3}$", ylabel=r"$\mu_s-\mu_l$, $\varepsilon$")
    right.legend(fontsize=8, frameon=False)
    save_figure(figure, path, overwrite=True, dpi=100)


def main() -> None:
    """Make all tables, and the picture if its name is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("runs"), help="folder of coexistence.py's runs")
    parser.add_argument("--tables", type=Path, default=Path("."), help="folder for the tables")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--skip", type=float, default=160.0, help="ps of equilibration of a pinned run")
    options = parser.parse_args()
    runs = options.output
    write_table(options.tables / "density.csv", ["run", "density", "error"], densities(runs))
    counted = counting(runs, threshold(runs))
    write_table(
        options.tables / "counting.csv", ["run", "time_ps", "by_order", "ncrystal", "novelty"], counted
    )
    by_order, by_model = (np.array([row[k] for row in counted], dtype=float) for k in (2, 3))
    slope, offset = np.polyfit(by_order, by_model, 1)
    scatter = np.std(by_model - slope * by_order - offset)
    print(f"ncrystal = {offset:.1f} + {slope:.4f} x atoms by order; scatter {scatter:.1f}")
    phases = per_atom(runs)
    print("ncrystal per atom of crystal and melt: {:.4f} {:.4f}".format(*phases["ncrystal"]))
    print("volume of crystal less melt: {:.5f} +- {:.5f}".format(*phases["delta_volume"]))
    names = ["pressure", "anchor", "length_ps", "mean", "mean_error", "linearity", "inefficiency_ps"]
    pinned = pinning(runs, options.skip)
    write_table(options.tables / "pinning.csv", [*names, "delta_mu", "error"], pinned)
    for pressure, *_, delta_mu, _ in pinned:
        at = coexistence_pressure(pressure, delta_mu, phases["delta_volume"][0])
        print(f"from {pressure:g}: coexistence at {at:.3f}")
    if options.picture is not None:
        picture(options.picture, runs, counted, pinned)


if __name__ == "__main__":
    main()
