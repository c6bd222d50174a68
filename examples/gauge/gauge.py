"""Free energies of one biased run along several trainings of its variable, plain and geometric.

    python gauge.py run/ --models argon.pt cv-1.pt cv-2.pt -o gauge/

The run is one of `gnncv run`: trajectory.extxyz, and HILLS if it was metadynamics. Its frames are reweighted
onto ``progress`` of every model, with and without the weight |grad progress| of the geometric free energy,
and onto a function of the first model's own progress, which is the same variable in other coordinates.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import ase.io
import matplotlib
import numpy as np
from tqdm import tqdm

import gnncv
from gnncv.analysis import FreeEnergy, bias_weights, final_bias_weights, phase_free_energy
from gnncv.analysis.blocks import weighted_histogram
from gnncv.analysis.reweight import gradient_norms
from gnncv.analysis.thermal import thermal_energy
from gnncv.files import read_hills, write_atomic

matplotlib.use("Agg")
from matplotlib import pyplot

ORDERED, MELT, MIDDLE = (0.4, 1.3), (-0.25, 0.12), 0.3  # of progress: two basins and what divides them
RANGE, BEND = (-0.3, 1.3), 2.0


@dataclass
class Variable:
    """A variable along the run: its name, values (T,), and squared gradients (T,), per square angstrom."""

    name: str
    values: np.ndarray
    squares: np.ndarray


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of gnncv run")
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="the run's own model first")
    parser.add_argument("-o", "--output", type=Path, default=Path("."), help="folder for tables and picture")
    parser.add_argument("--hills", type=Path, help="default: HILLS in the run; none: the logged bias is used")
    parser.add_argument("--temperature", type=float, default=82.0)
    parser.add_argument("--discard", type=float, default=0.3, help="share of the run left out at its start")
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--bins", type=int, default=40)
    parser.add_argument("--stride", type=int, default=1, help="take every so many frames")
    return parser.parse_args()


def bend(s):
    """Other coordinates for s, the same at 0 and 1: g(s) = (e^(b s) - 1) / (e^b - 1)."""
    return np.expm1(BEND * s) / np.expm1(BEND)


def bent(first: Variable) -> Variable:
    """The first variable in other coordinates; |grad g|^2 = g'(s)^2 |grad s|^2."""
    slope = BEND * np.exp(BEND * first.values) / np.expm1(BEND)
    return Variable(f"{first.name}, bent", bend(first.values), slope**2 * first.squares)


def evaluate(models: list[Path], frames: list) -> list[Variable]:
    """Progress of every model on every frame, with its squared gradient."""
    found = []
    for path in models:
        cv = gnncv.CollectiveVariable(path, num_threads=1)
        results = [cv.compute(atoms, outputs=["progress"]) for atoms in tqdm(frames, path.stem, unit="frame")]
        values = np.array([result["progress"] for result in results])
        squares = np.array([result.gradnorm2("progress") for result in results])
        found.append(Variable(path.stem, values, squares))
    return found


def weights_of(args: argparse.Namespace, frames: list) -> np.ndarray:
    """Weights (T,) that undo the bias: the final one of metadynamics, or the one that was felt."""
    hills = args.hills or args.run / "HILLS"
    if not hills.exists():
        return bias_weights(np.array([atoms.info["bias_kj_mol"] for atoms in frames]), args.temperature)
    found = read_hills(hills)
    biased = found.cv[0].removeprefix("cv.")
    return final_bias_weights(np.array([atoms.info[biased] for atoms in frames]), found, args.temperature)


def curve_of(
    values: np.ndarray, weights: np.ndarray, edges: np.ndarray, args: argparse.Namespace
) -> FreeEnergy:
    """-kT ln of the density between edges, which need not be evenly spaced."""
    kt = thermal_energy(args.temperature)
    histogram = weighted_histogram(values, weights, edges, args.blocks)
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = kt * histogram.errors / histogram.density
        return FreeEnergy("progress", histogram.centers, -kt * np.log(histogram.density), errors, "samples")


def heights(curve: FreeEnergy, progress: np.ndarray) -> np.ndarray:
    """Of the ordered basin's minimum over the melt's, and of the highest point between over the melt's.

    `progress` says which bins are where, also of a curve over other coordinates.
    """

    def inside(region: tuple[float, float]) -> np.ndarray:
        found = (progress >= region[0]) & (progress <= region[1]) & np.isfinite(curve.values)
        return curve.values[found] if found.any() else np.array([np.nan])  # not visited

    ordered, melt = inside(ORDERED).min(), inside(MELT).min()
    return np.array([ordered - melt, inside((MELT[1], ORDERED[0])).max() - melt])


def without_blocks(estimate: Callable[[np.ndarray], np.ndarray], n_frames: int, blocks: int) -> np.ndarray:
    """(1 + B, M) estimates: of all frames, and with each block of time left out."""
    block = np.arange(n_frames) * blocks // n_frames
    return np.array([estimate(block != b) for b in range(-1, blocks)])


def jackknife_error(estimates: np.ndarray) -> np.ndarray:
    """Standard errors from what `without_blocks` returns, along its first axis."""
    left_out = estimates[1:]
    return np.sqrt((len(left_out) - 1) * left_out.var(axis=0))


def analyse(
    variable: Variable, weights: np.ndarray, args: argparse.Namespace, move: Callable = lambda s: s
) -> dict:
    """Plain and geometric curves of one variable, and figures with errors; `move` takes progress to it."""
    edges = np.linspace(*RANGE, args.bins + 1)
    middles = 0.5 * (edges[1:] + edges[:-1])
    metric = gradient_norms(variable.squares)
    everything = np.full(len(weights), True)

    def curve(chosen: np.ndarray, factor: np.ndarray) -> FreeEnergy:
        return curve_of(variable.values[chosen], (weights * factor)[chosen], move(edges), args)

    def figures(chosen: np.ndarray) -> np.ndarray:
        both = [heights(curve(chosen, factor), middles) for factor in (np.ones(len(weights)), metric)]
        try:
            side = phase_free_energy(
                variable.values[chosen], move(MIDDLE), args.temperature, weights[chosen]
            )[0]
        except gnncv.InvalidArgument:  # without this block the run was in one phase only
            side = np.nan
        return np.concatenate([*both, [side]])

    return {
        "name": variable.name,
        "plain": curve(everything, np.ones(len(weights))),
        "geometric": curve(everything, metric),
        "figures": without_blocks(figures, len(weights), args.blocks),
    }


def write_table(results: list[dict], path: Path) -> None:
    """Differences and barriers of each variable, kJ/mol, with errors, and their spread over the trainings."""
    estimates = {found["name"]: found["figures"] for found in results}
    trainings = [found["figures"] for found in results if "bent" not in found["name"]]
    if len(trainings) > 1:
        estimates["spread over trainings"] = np.std(trainings, axis=0, ddof=1)
    names = ["plain_difference", "plain_barrier", "geometric_difference", "geometric_barrier", "populations"]
    with write_atomic(path, overwrite=True) as temporary, open(temporary, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["variable", *(f"{name}{what}" for name in names for what in ("", "_error"))])
        for name, figures in estimates.items():
            numbers = np.column_stack([figures[0], jackknife_error(figures)]).ravel()
            table.writerow([name, *(f"{number:.3f}" for number in numbers)])


def draw(results: list[dict], path: Path) -> None:
    """Plain curves left, geometric ones right, zero at the lowest point of each."""
    figure, panels = pyplot.subplots(1, 2, figsize=(9.0, 3.6), sharey=True, layout="constrained")
    for panel, kind in zip(panels, ("plain", "geometric"), strict=True):
        for number, found in enumerate(results):
            curve = found[kind]
            style = "--" if "bent" in found["name"] else "-"
            color = f"C{number if style == '-' else 7}"
            panel.plot(curve.grid, curve.values, style, color=color, label=found["name"])
            low, high = curve.values - curve.errors, curve.values + curve.errors
            panel.fill_between(curve.grid, low, high, color=color, alpha=0.2, lw=0)
        panel.set(xlabel="progress", title=f"{kind} free energy")
    panels[0].set_ylabel("kJ/mol")
    panels[0].legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> None:
    args = arguments()
    args.output.mkdir(parents=True, exist_ok=True)
    frames = ase.io.read(args.run / "trajectory.extxyz", index=f"::{args.stride}")
    frames = frames[int(args.discard * len(frames)) :]
    weights = weights_of(args, frames)
    variables = evaluate(args.models, frames)
    results = [analyse(variable, weights, args) for variable in variables]
    results.append(analyse(bent(variables[0]), weights, args, bend))
    write_table(results, args.output / "gauge.csv")
    draw(results, args.output / "gauge.png")
    print((args.output / "gauge.csv").read_text())


if __name__ == "__main__":
    main()
