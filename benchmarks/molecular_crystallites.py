"""What models of molecules see of a spherical crystallite planted in a melt, against its size.

    python benchmarks/molecular_crystallites.py mean=MODEL attention=MODEL [--picture FILE]

A ball of whole molecules is cut from the crystal, turned at random and put in place of a ball of melt; melt
molecules that it touches go (crystallite.py). Nothing is relaxed: its surface is as sharp as the cut, with a
gap around it. The melt is held-out frames of the small box, repeated ``--copies`` times along each direction.

First ncrystal and the largest cluster of the first model, a straight line fitted, and a ball whose radius
is smaller by a constant. Then, for each model, how far the pooled latent moves along the line from the melt's
mean to the crystal's, in standard deviations of the melt at that size (those of the small box over the square
root of the number of copies).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms

from crystallite import Planted, plant
from evaluate import HERE
from gnncv import CollectiveVariable
from gnncv.analysis import largest_cluster
from gnncv.data import load_frames
from gnncv.topology import Topology
from machine import print_facts
from molecular_pictures import draw_crystallites
from phase_statistics import Array

CONTACT = 2.0  # angstrom, between atoms: about where hydrogens of different molecules meet
EXAMPLE = HERE.parent / "examples" / "benzene"


def latents(cv: CollectiveVariable, frames: list[Atoms]) -> Array:
    """Pooled latents (T, D)."""
    columns = [k for k, name in enumerate(cv.names) if name.startswith("latent")]
    return np.array([cv.compute(atoms, outputs=[]).values[columns] for atoms in frames])


def planted_frames(
    boxes: list[Atoms], crystal: list[Atoms], sizes: list[int], places: int, topology: Topology
) -> dict[int, list[Planted]]:
    """Crystallites of each size, ``places`` of them in every box."""
    generator = np.random.default_rng(0)
    return {
        size: [
            plant(box, crystal[(k + 7 * place) % len(crystal)], size, CONTACT, generator, topology)
            for k, box in enumerate(boxes)
            for place in range(places)
        ]
        for size in sizes
    }


def print_growth(
    cv: CollectiveVariable, planted: dict[int, list[Planted]], cutoff: float
) -> dict[str, Array]:
    """Table and fit of ncrystal and of the largest cluster against the planted number; (C,) of each frame."""
    numbers, seen, clusters = [], [], []
    print(
        f"\n{'planted':>8}{'ncrystal':>10}{'deviation':>10}{'largest cluster':>17}{'right of planted, %':>21}"
    )
    for size, frames in planted.items():
        values = [cv.per_site(one.atoms)["crystallinity"] for one in frames]
        numbers += [size] * len(frames)
        seen += [float(p.sum()) for p in values]
        clusters += [
            float(
                largest_cluster(
                    p, one.atoms, cutoff, topology=Topology.from_dict(cv.metadata["topology"])
                ).size
            )
            for p, one in zip(values, frames, strict=True)
        ]
        own, last = np.array(seen[-len(frames) :]), np.mean(clusters[-len(frames) :])
        right = [np.mean(p[one.crystalline] > 0.5) for p, one in zip(values, frames, strict=True) if size]
        print(
            f"{size:>8}{own.mean():>10.1f}{own.std(ddof=1):>10.1f}{last:>17.1f}"
            f"{100 * np.mean(right) if right else np.nan:>21.1f}",
            flush=True,
        )
    found = {"planted": np.array(numbers, float), "ncrystal": np.array(seen), "cluster": np.array(clusters)}
    for name in ("ncrystal", "cluster"):
        slope, offset = np.polyfit(found["planted"], found[name], 1)
        correlation = np.corrcoef(found["planted"], found[name])[0, 1]
        print(f"{name} = {slope:.3f} planted {offset:+.1f}, R2 = {correlation**2:.4f}")
    background = found["ncrystal"][found["planted"] == 0].mean() if 0 in planted else 0.0
    large = found["planted"] >= 60
    counted = np.cbrt(np.maximum(found["ncrystal"][large] - background, 0.0))
    radii = np.cbrt(found["planted"][large])
    correlation = np.corrcoef(radii, counted)[0, 1]
    slope, offset = np.polyfit(radii, counted, 1)
    print(
        f"from 60: (ncrystal - {background:.1f})^(1/3) = {slope:.3f} planted^(1/3) {offset:+.2f}, "
        f"R2 = {correlation**2:.4f}"
    )
    return found


def print_shifts(
    models: dict[str, CollectiveVariable],
    planted: dict[int, list[Planted]],
    small: dict[str, list[Atoms]],
    boxes: list[Atoms],
    n_copies: int,
) -> dict[str, tuple[Array, Array]]:
    """Table of shifts in standard deviations; by model the shares and the shifts."""
    shares = np.array([np.mean([one.share for one in frames]) for frames in planted.values()])
    shifts = {}
    for name, cv in models.items():
        melt, crystal = latents(cv, small["melt"]), latents(cv, small["crystal"])
        line = crystal.mean(axis=0) - melt.mean(axis=0)
        along = (melt - melt.mean(axis=0)) @ line / (line @ line)
        spread = along.std(ddof=1) / np.sqrt(n_copies)
        before = latents(cv, boxes)
        rows = []
        for frames in planted.values():
            after = latents(cv, [one.atoms for one in frames])
            start = np.repeat(before, len(frames) // len(boxes), axis=0)
            rows.append((after - start) @ line / (line @ line) / spread)
        shifts[name] = np.array([np.mean(row) for row in rows])
        print(f"pooling {name}: deviation of the melt {100 * spread:.3f} % of the way to the crystal")
    print(f"\n{'planted':>8}{'share, %':>10}" + "".join(f"{name:>12}" for name in shifts))
    for k, size in enumerate(planted):
        print(
            f"{size:>8}{100 * shares[k]:>10.2f}" + "".join(f"{found[k]:>12.1f}" for found in shifts.values())
        )
    return {name: (shares, found) for name, found in shifts.items()}


def main() -> None:
    """Plant, evaluate, print, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", metavar="NAME=MODEL", help="exported files of one cutoff")
    parser.add_argument("--crystal", type=Path, default=EXAMPLE / "crystal.extxyz.gz")
    parser.add_argument("--melt", type=Path, default=EXAMPLE / "melt.extxyz.gz")
    parser.add_argument("--held-out", type=float, default=0.3, help="share of each trajectory, at its end")
    parser.add_argument("--sizes", type=int, nargs="+", default=[0, 10, 20, 39, 60, 100, 150, 200, 250, 300])
    parser.add_argument("--copies", type=int, default=3, help="of the small box along each direction")
    parser.add_argument("--boxes", type=int, default=4, help="melt frames to plant into")
    parser.add_argument("--places", type=int, default=2, help="crystallites of each size in each box")
    parser.add_argument("--cluster-cutoff", type=float, default=7.6, help="angstrom")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    print_facts(arguments.threads)
    models = {
        name: CollectiveVariable(path, num_threads=arguments.threads)
        for name, path in (words.split("=", 1) for words in arguments.models)
    }
    small = {}
    for phase, path in (("crystal", arguments.crystal), ("melt", arguments.melt)):
        frames = load_frames(path, phase)
        small[phase] = frames[len(frames) - round(arguments.held_out * len(frames)) :]
    first = next(iter(models.values()))
    topology = Topology.from_dict(first.metadata["topology"])
    step = max(1, len(small["melt"]) // arguments.boxes)
    boxes = [atoms.repeat(arguments.copies) for atoms in small["melt"][::step][: arguments.boxes]]
    planted = planted_frames(boxes, small["crystal"], arguments.sizes, arguments.places, topology)
    growth = print_growth(first, planted, arguments.cluster_cutoff)
    shifts = print_shifts(models, planted, small, boxes, arguments.copies**3)
    if arguments.picture:
        draw_crystallites(growth, shifts, arguments.picture)


if __name__ == "__main__":
    main()
