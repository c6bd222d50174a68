"""How far a small nucleus moves the pooled latent: attention pooling against the mean.

    python benchmarks/nucleus.py                          # argon, trained on the shipped frames
    python benchmarks/nucleus.py --every 20 --epochs 2    # small

Two models that differ in `pooling` alone are trained on the shipped frames of argon. Then a ball of crystal
is planted into melt frames repeated to eight times their size (`--copies 2`), and `progress` compared with
what it was before, in standard deviations of the melt. Those are of the shipped melt frames, divided by the
square root of eight: the fluctuations of a mean over a box eight times as large.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from numpy.typing import NDArray

from crystallite import plant
from gnncv.data import load_frames
from gnncv.demo import demo_frames
from gnncv.models import GraphAutoencoder, evaluate_frames
from gnncv.models.collective_variables import output_names
from gnncv.training import TrainConfig, fit
from machine import print_facts

CONTACT = 3.1  # angstrom
OUTPUTS = ("progress", "ncrystal", "novelty")


def trained(pooling: str, frames: list[Atoms], epochs: int, cutoff: float, folder: Path) -> GraphAutoencoder:
    """A model of the default size with that pooling."""
    settings = {
        "data": {"phases": {"crystal": ["crystal"], "melt": ["melt"]}},
        "model": {"cutoff": cutoff, "pooling": pooling},
        "training": {"epochs": epochs, "patience": epochs, "threads": torch.get_num_threads()},
    }
    return fit(TrainConfig.model_validate(settings), folder / pooling, frames, progress=False).model


def outputs(model: GraphAutoencoder, frames: list[Atoms]) -> dict[str, NDArray[np.float64]]:
    """Some outputs of frames, by name."""
    names = list(output_names(model.config.latent, model.phases, model.config.pooling))
    values = evaluate_frames(model, frames)
    return {name: values[:, names.index(name)] for name in OUTPUTS}


def print_table(
    models: dict[str, GraphAutoencoder],
    melt: list[Atoms],
    crystal: list[Atoms],
    shares: list[float],
    copies: int,
) -> None:
    """One row a share of planted sites, in boxes of so many copies of melt frames along each direction."""
    n_boxes = 4
    spreads = {}
    for pooling, model in models.items():
        plain = outputs(model, melt)["progress"]
        spreads[pooling] = plain.std(ddof=1) / copies**1.5
        ordered = outputs(model, crystal)["progress"]
        print(
            f"pooling {pooling}: progress of the crystal {ordered.mean():.4f}, "
            f"of the melt {plain.mean():.4f} with deviation {plain.std(ddof=1):.4f} "
            f"({len(melt)} frames of {len(melt[0])} sites)"
        )
    boxes = [atoms.repeat(copies) for atoms in melt[:: max(1, len(melt) // n_boxes)][:n_boxes]]
    before = {pooling: outputs(model, boxes)["progress"] for pooling, model in models.items()}
    head = "".join(f"{p + ': progress':>22}{'deviations':>12}{'ncrystal':>10}" for p in models)
    print(f"{'planted':>8}{'share %':>9}{head}")
    for share in shares:
        generator = np.random.default_rng(0)
        planted = [
            plant(box, crystal[k % len(crystal)], round(share * len(box)), CONTACT, generator)
            for k, box in enumerate(boxes)
        ]
        n_planted = int(planted[0].crystalline.sum())
        row = f"{n_planted:>8}{100.0 * np.mean([p.share for p in planted]):>9.2f}"
        for pooling, model in models.items():
            after = outputs(model, [p.atoms for p in planted])
            moved = after["progress"] - before[pooling]
            row += f"{after['progress'].mean():>22.4f}{(moved / spreads[pooling]).mean():>12.1f}"
            row += f"{after['ncrystal'].mean():>10.1f}"
        print(row, flush=True)


def main() -> None:
    """Train, plant, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--every", type=int, default=2, help="use every so-manieth shipped frame")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--cutoff", type=float, default=5.5)
    parser.add_argument(
        "--shares", type=float, nargs="+", default=[0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2]
    )
    parser.add_argument("--copies", type=int, default=2, help="of a melt frame along each direction")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print_facts(arguments.threads)
    frames = {
        phase: load_frames(path, phase, f"::{arguments.every}") for phase, path in demo_frames().items()
    }
    both = [atoms for own in frames.values() for atoms in own]
    with tempfile.TemporaryDirectory() as folder:
        models = {
            pooling: trained(pooling, both, arguments.epochs, arguments.cutoff, Path(folder))
            for pooling in ("mean", "attention")
        }
    melt = load_frames(demo_frames()["melt"], "melt", f"::{max(1, arguments.every // 2)}")
    print_table(models, melt, frames["crystal"], arguments.shares, arguments.copies)


if __name__ == "__main__":
    main()
