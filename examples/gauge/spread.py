"""Does a committee disagree where `novelty` says that it is on unknown ground?

    python spread.py argon.pt cv-1.pt cv-2.pt cv-3.pt cv-4.pt --run run/ -o spread/

Takes frames of crystal and melt away from what the trainings saw, by strain, density, displacements and a
quench, and writes the committee's spread of `progress` beside `novelty`; also along a run.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import ase.io
import matplotlib
import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.optimize import FIRE
from scipy.stats import spearmanr
from tqdm import tqdm

import gnncv
from gnncv.demo.frames import demo_frames
from gnncv.engines.config import LennardJonesSystem
from gnncv.engines.lennard_jones import LennardJones
from gnncv.files import write_atomic

matplotlib.use("Agg")
from matplotlib import pyplot

ARGON = {"Ar": {"sigma_angstrom": 3.405, "epsilon_kj_mol": 0.99607}}
AMOUNTS = (0.0, 0.02, 0.04, 0.06, 0.08, 0.10, 0.13, 0.16, 0.20)
TICKS = (0.3, 0.5, 1.0, 2.0, 5.0)
COLUMNS = ("kind", "amount", "progress", "std-progress", "crystallinity", "std-crystallinity", "novelty")


def strained(atoms: Atoms, strain: np.ndarray) -> Atoms:
    """The frame with its box and atoms strained."""
    moved = atoms.copy()
    moved.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return moved


def rattled(atoms: Atoms, width: float, generator: np.random.Generator) -> Atoms:
    """The frame with its atoms displaced at random."""
    moved = atoms.copy()
    moved.positions += generator.normal(0.0, width, atoms.positions.shape)
    return moved


def quenched(atoms: Atoms, volume: float, steps: int) -> Atoms:
    """A melt squeezed to a volume an atom and cooled to a minimum of its energy: amorphous."""
    cold = strained(atoms, ((volume * len(atoms) / atoms.get_volume()) ** (1 / 3) - 1.0) * np.eye(3))
    system = LennardJonesSystem(kind="lennard-jones", species=ARGON, cutoff_angstrom=8.0)
    cold.calc = LennardJones(system)
    FIRE(cold, logfile=None).run(fmax=1e-3, steps=steps)
    cold.calc = None
    return cold


def made_up(
    generator: np.random.Generator, number: int, amounts: list[float], steps: int
) -> Iterator[tuple[str, float, Atoms]]:
    """Frames away from the training data, each with its kind and how far it was taken."""
    files = demo_frames()
    crystals, melts = (
        ase.io.read(files[phase], index=f"::{200 // number}")[:number] for phase in ("crystal", "melt")
    )
    dense = crystals[0].get_volume() / len(crystals[0])
    for phase, frames in (("crystal", crystals), ("melt", melts)):
        for atoms in frames:
            for amount in amounts:
                shear = np.zeros((3, 3))
                shear[0, 1] = amount
                stretch = np.diag([amount, -0.5 * amount, -0.5 * amount])
                yield f"{phase}, sheared", amount, strained(atoms, shear)
                yield f"{phase}, stretched", amount, strained(atoms, stretch)
                yield f"{phase}, expanded", amount, strained(atoms, amount * np.eye(3))
                yield f"{phase}, squeezed", amount, strained(atoms, -0.5 * amount * np.eye(3))
                yield f"{phase}, shaken", amount, rattled(atoms, 5.0 * amount, generator)
    for atoms in melts:
        yield "amorphous", 0.0, quenched(atoms, dense, steps)
    for name, lattice in (("bcc", bulk("Ar", "bcc", a=4.3, cubic=True)), ("sc", bulk("Ar", "sc", a=3.6))):
        block = lattice * ((6, 6, 6) if name == "bcc" else (8, 8, 8))
        for _ in melts:
            yield f"lattice {name}", 0.0, rattled(block, 0.25, generator)


def measure(committee: gnncv.Committee, frames: list[tuple[str, float, Atoms]]) -> list[tuple]:
    """What the committee says of each frame."""
    rows = []
    for kind, amount, atoms in tqdm(frames, "committee", unit="frame"):
        result = committee.compute(atoms, outputs=[])
        rows.append((kind, amount, *(result[name] for name in COLUMNS[2:])))
    return rows


def summary(rows: list[tuple]) -> list[list]:
    """For each kind: frames, smallest and largest novelty, spread there, and their rank correlation."""
    found = []
    for kind in [*dict.fromkeys(row[0] for row in rows), "all made up"]:
        chosen = [row for row in rows if row[0] == kind or (kind == "all made up" and row[0] != "run")]
        novelty, spread = (
            np.array([row[COLUMNS.index(name)] for row in chosen]) for name in ("novelty", "std-progress")
        )
        known, new = novelty <= np.quantile(novelty, 0.2), novelty >= np.quantile(novelty, 0.8)
        rank = spearmanr(novelty, spread).statistic if np.ptp(novelty) > 0 else np.nan
        numbers = [novelty[known].mean(), spread[known].mean(), novelty[new].mean(), spread[new].mean(), rank]
        found.append([kind, len(chosen), *(f"{number:.3f}" for number in numbers)])
    return found


def write(path: Path, header: list[str], rows: list) -> None:
    with write_atomic(path, overwrite=True) as temporary, open(temporary, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(header)
        table.writerows(rows)


def draw(rows: list[tuple], path: Path) -> None:
    """Spread against novelty, made-up frames left, the run right."""
    figure, panels = pyplot.subplots(1, 2, figsize=(9.0, 3.6), sharex=True, sharey=True, layout="constrained")
    place = [COLUMNS.index(name) for name in ("novelty", "std-progress")]
    for kind in dict.fromkeys(row[0] for row in rows):
        panel = panels[1 if kind == "run" else 0]
        novelty, spread = np.array([[row[k] for k in place] for row in rows if row[0] == kind]).T
        panel.plot(novelty, spread, ".", ms=4, label=kind)
    for panel, title in zip(panels, ("made-up frames", "frames of a biased run"), strict=True):
        panel.set(xlabel="novelty", title=title, xscale="log", yscale="log")
        panel.set_xticks(TICKS, labels=[f"{tick:g}" for tick in TICKS], minor=False)
        panel.set_xticks([], minor=True)
    panels[0].set_ylabel("std-progress")
    panels[0].legend(fontsize=6, ncols=2)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs="+", help="trainings of one variable")
    parser.add_argument("--run", type=Path, help="folder of gnncv run")
    parser.add_argument("--stride", type=int, default=4, help="frames of the run to take")
    parser.add_argument("--frames", type=int, default=3, help="frames of each phase to start from")
    parser.add_argument("--amounts", type=float, nargs="+", default=AMOUNTS, help="of strain")
    parser.add_argument("--steps", type=int, default=80, help="of the quench")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, default=Path("."), help="folder for tables and picture")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    committee = gnncv.Committee(args.models, num_threads=1)
    frames = list(made_up(np.random.default_rng(args.seed), args.frames, args.amounts, args.steps))
    if args.run is not None:
        along = ase.io.read(args.run / "trajectory.extxyz", index=f"::{args.stride}")
        frames += [("run", atoms.info.get("time", 0.0), atoms) for atoms in along]
    rows = measure(committee, frames)
    head = ["kind", "frames", "novelty_low", "spread_low", "novelty_high", "spread_high", "rank_correlation"]
    write(args.output / "spread_frames.csv", list(COLUMNS), rows)
    write(args.output / "spread.csv", head, summary(rows))
    draw(rows, args.output / "spread.png")
    print((args.output / "spread.csv").read_text())


if __name__ == "__main__":
    main()
