"""What happened in runs, by order parameters that know nothing of the CV: order.csv and transitions of each.

python order.py round-0 round-1
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from ase.io import iread
from numpy.typing import NDArray

from gnncv import CollectiveVariable
from gnncv.analysis.order_parameters import order_parameters
from gnncv.data import load_frames
from gnncv.rounds import OrderThresholds
from gnncv.topology import Topology, make_whole, site_geometry

HERE = Path(__file__).resolve().parent
CUTOFF = 7.6  # angstrom between centers: behind the first shell
FRAME_PS = 2.0
HELD = 5  # frames that a phase must hold to count: 10 ps
COLUMNS = ("time_ps", "q6", "Q6", "orientation", "volume", "crystallinity", "progress", "novelty")


def molecules(atoms: Atoms, topology: Topology) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centers, angstrom, and unit normals of the rings, ``(M, 3)`` each."""
    layout = topology.match(atoms.get_chemical_symbols())
    whole = make_whole(atoms.positions, atoms.cell.array, atoms.pbc, topology, layout)
    sites = site_geometry(torch.from_numpy(whole), topology, layout)
    return sites.centers.numpy(), sites.axes[:, 0].numpy()


def order_by_molecule(atoms: Atoms, topology: Topology) -> tuple[NDArray[np.float64], float]:
    """Averaged q6 of each center, and the global Q6."""
    centers, _ = molecules(atoms, topology)
    found = order_parameters(Atoms(["X"] * len(centers), centers, cell=atoms.cell, pbc=atoms.pbc), CUTOFF)
    return found.averaged_q6, found.global_q6


def orientation(normals: NDArray[np.float64]) -> float:
    """Minus the lowest eigenvalue of the nematic tensor: 0.42 in the crystal, 0.1 in a melt."""
    tensor = 1.5 * normals.T @ normals / len(normals) - 0.5 * np.eye(3)
    return float(-np.linalg.eigvalsh(tensor)[0])


def order_table(frames: list[Atoms], cv: CollectiveVariable) -> NDArray[np.float64]:
    """COLUMNS for each frame, ``(T, 8)``."""
    topology = Topology.from_dict(cv.metadata["topology"])
    rows = []
    for number, atoms in enumerate(frames):
        q6, global_q6 = order_by_molecule(atoms, topology)
        values = cv.compute(atoms, outputs=[])
        volume = atoms.get_volume() / len(q6)
        turned = orientation(molecules(atoms, topology)[1])
        seen = [float(values[name]) for name in COLUMNS[5:]]
        rows.append([FRAME_PS * number, float(q6.mean()), global_q6, turned, volume, *seen])
    return np.array(rows).reshape(-1, len(COLUMNS))


def learned_thresholds(topology: Topology) -> tuple[OrderThresholds, OrderThresholds]:
    """Thresholds of the mean averaged q6 and of the orientation, from the training frames of both phases."""
    values = {
        phase: np.array(
            [
                [order_by_molecule(atoms, topology)[0].mean(), orientation(molecules(atoms, topology)[1])]
                for atoms in load_frames(HERE.parent / "benzene" / f"{phase}.extxyz.gz")
            ]
        )
        for phase in ("melt", "crystal")
    }
    q6, turned = (OrderThresholds.learn(values["melt"][:, k], values["crystal"][:, k]) for k in (0, 1))
    return q6, turned


def phases_of(
    table: NDArray[np.float64], thresholds: tuple[OrderThresholds, OrderThresholds]
) -> list[str | None]:
    """What centers and orientations agree on, for each frame: "crystal", "melt" or None."""
    both = zip(thresholds[0].phases(table[:, 1]), thresholds[1].phases(table[:, 3]), strict=True)
    return [first if first == second else None for first, second in both]


def transitions(phases: list[str | None], held: int = HELD) -> list[tuple[int, str]]:
    """Frames at which a phase that lasts ``held`` frames begins, where the last such phase was the other."""
    found: list[tuple[int, str]] = []
    for start in range(len(phases) - held + 1):
        phase = phases[start]
        if phase is None or any(each != phase for each in phases[start : start + held]):
            continue
        if not found or found[-1][1] != phase:
            found.append((start, phase))
    return found


def describe(
    folder: Path, table: NDArray[np.float64], thresholds: tuple[OrderThresholds, OrderThresholds]
) -> str:
    """The transitions of a run, and how far the CV agrees with the order parameters."""
    phases = phases_of(table, thresholds)
    lines = [f"{folder}: {len(table)} frames, {table[-1, 0]:.0f} ps"]
    for start, phase in transitions(phases):
        lines.append(f"  {phase} from {table[start, 0]:.0f} ps (q6 {table[start, 1]:.3f})")
    for phase in ("crystal", None, "melt"):
        these = table[[each == phase for each in phases]]
        if len(these):
            called = (these[:, 5] < 0.5).mean()
            lines.append(
                f"  {phase or 'between'}: {len(these)} frames, called melt {called:.0%}, progress "
                f"{these[:, 6].mean():.2f} +- {these[:, 6].std():.2f}, novelty {these[:, 7].mean():.2f}, "
                f"orientation {these[:, 3].mean():.2f}, volume {these[:, 4].mean():.1f} A^3"
            )
    for name, k in (("Q6", 2), ("orientation", 3)):
        lines.append(
            f"  correlation of progress with {name}: {np.corrcoef(table[:, 6], table[:, k])[0, 1]:.3f}"
        )
    return "\n".join(lines)


def read_table(path: Path) -> NDArray[np.float64]:
    """An order.csv again."""
    return np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)


def write_table(path: Path, table: NDArray[np.float64]) -> None:
    """COLUMNS as CSV."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([f"{value:.5g}" for value in row] for row in table)


def trajectory(folder: Path) -> list[Atoms]:
    """Frames of a run, of GROMACS (frames.pdb) or of `gnncv run` (trajectory.extxyz)."""
    found = next(folder / name for name in ("frames.pdb", "trajectory.extxyz") if (folder / name).exists())
    return list(iread(found))


def main() -> None:
    """Write order.csv into each folder, and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="of rounds.py, or the output of gnncv run")
    parser.add_argument("--cv", type=Path, help="another model to judge the frames by; writes nothing")
    options = parser.parse_args()
    for folder in options.folders:
        cv = CollectiveVariable(options.cv or folder / "cv.pt")
        table = order_table(trajectory(folder), cv)
        if options.cv is None:
            write_table(folder / "order.csv", table)
        print(describe(folder, table, learned_thresholds(Topology.from_dict(cv.metadata["topology"]))))


if __name__ == "__main__":
    main()
