"""How well a model tells the phases apart on frames it has not seen, beside the averaged q6.

    python evaluate.py --element copper [--index ::4]

Held-out frames are of other runs, in a box of another size, from other seeds; then the same frames rescaled
to one density, so that density cannot help; then frames that hold both phases. The threshold of q6 lies
halfway between its means in the training frames of the two phases. Writes ELEMENT_evaluated.csv.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read

from gnncv import CollectiveVariable
from gnncv.analysis.order_parameters import order_parameters
from gnncv.data.deformation import rescaled_to

NEIGHBORS = {"copper": 3.45, "silicon": 3.0}  # angstrom, the first minimum of g(r)
COLUMNS = ("frames", "n", "progress", "spread", "accuracy", "q6", "accuracy_q6", "agreement", "novelty")


def judge(cv: CollectiveVariable, frames: list[Atoms], cutoff: float) -> dict[str, np.ndarray]:
    """Progress and novelty of each frame; crystallinity and averaged q6 of each of all sites."""
    found: dict[str, list] = {name: [] for name in ("progress", "novelty", "crystallinity", "q6")}
    for atoms in frames:
        values = cv.compute(atoms, outputs=[])
        found["progress"].append(values["progress"])
        found["novelty"].append(values["novelty"])
        found["crystallinity"].append(cv.per_site(atoms)["crystallinity"])
        found["q6"].append(order_parameters(atoms, cutoff).averaged_q6)
    return {name: np.array(values) for name, values in found.items()}


def row(
    title: str, found: dict[str, np.ndarray], threshold: float, crystal: bool | None
) -> dict[str, object]:
    """One line of the table; `crystal` is what all sites are, None where nobody knows."""
    ours, theirs = found["crystallinity"] > 0.5, found["q6"] > threshold
    line = {"frames": title, "n": len(ours), "progress": found["progress"].mean()}
    line |= {"spread": found["progress"].std(), "q6": found["q6"].mean(), "novelty": found["novelty"].max()}
    if crystal is not None:
        line |= {"accuracy": np.mean(ours == crystal), "accuracy_q6": np.mean(theirs == crystal)}
    return line | {"agreement": np.mean(ours == theirs)}


def main() -> None:
    """Evaluate, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--element", default="copper", choices=sorted(NEIGHBORS))
    parser.add_argument("--index", default=":", help="which frames of each file, as ASE writes it")
    given = parser.parse_args()
    element, cutoff = given.element, NEIGHBORS[given.element]
    cv = CollectiveVariable(f"{element}.pt", num_threads=1)
    known = {phase: read(f"{element}_{phase}.extxyz", "::10") for phase in ("crystal", "melt")}
    means = [judge(cv, frames, cutoff)["q6"].mean() for frames in known.values()]
    threshold = float(np.mean(means))
    large = {phase: read(f"{element}_{phase}_large.extxyz", given.index) for phase in known}
    volumes = [np.mean([atoms.get_volume() / len(atoms) for atoms in frames]) for frames in large.values()]
    print(
        f"volume per atom: crystal {volumes[0]:.3f}, melt {volumes[1]:.3f} A^3; q6 threshold {threshold:.3f}"
    )
    lines = []
    for phase, frames in large.items():
        lines.append(row(f"{phase}, held out", judge(cv, frames, cutoff), threshold, phase == "crystal"))
    for phase, frames in large.items():
        same = [rescaled_to(atoms, float(np.mean(volumes))) for atoms in frames]
        lines.append(row(f"{phase}, one density", judge(cv, same, cutoff), threshold, phase == "crystal"))
    both = Path(f"{element}_coexistence.extxyz")
    if both.exists():
        lines.append(row("both phases", judge(cv, read(both, given.index), cutoff), threshold, None))
    print(f"{'':<22}" + "".join(f"{name:>12}" for name in COLUMNS[1:]))
    texts = [{name: shown(value) for name, value in line.items()} for line in lines]
    for line in texts:
        print(f"{line['frames']:<22}" + "".join(f"{line.get(name, ''):>12}" for name in COLUMNS[1:]))
    with open(f"{element}_evaluated.csv", "w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(texts)


def shown(value: object) -> str:
    """A number with four decimals, anything else as it is."""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
