"""Stage 1 on a flexible molecule: do the conformers of n-butane separate in the embedding?

    python butane.py -o run

writes run/butane.extxyz (gas phase, 500 K), trains the molecule autoencoder on its first and last parts, and
judges it on the parts in between.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from ase.io import read, write
from force_field import BACKBONE, BONDS, CHARGES, MASS, SYMBOLS, paths, sample
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, silhouette_score

from gnncv.data import assign_frames
from gnncv.topology import Molecule, Topology
from gnncv.training import MoleculeRun, MoleculeTrainConfig, fit_molecules, frame_descriptors

TEMPERATURE = 500.0
SPACING = 20.0  # angstrom between molecules in the file; they do not see each other


def butane() -> Molecule:
    """The template: distances up to three bonds apart and all torsions are descriptors."""
    masses = np.array([MASS[symbol] for symbol in SYMBOLS])
    bonds = sorted(BONDS)
    return Molecule(
        name="butane",
        symbols=SYMBOLS,
        bonds=tuple(bonds),
        bond_lengths=tuple(1.09 if SYMBOLS[j] == "H" else 1.529 for _, j in bonds),
        bond_orders=(1.0,) * len(bonds),
        weights=tuple(masses / masses.sum()),
        charges=CHARGES,
        distances=tuple((path[0], path[-1]) for n in (2, 3, 4) for path in paths(n)),
        torsions=tuple(paths(4)),
    )


def frames(n_molecules: int, n_frames: int, interval_ps: float, seed: int) -> list[Atoms]:
    """Frames of independent molecules, each put at a place of its own."""
    places = np.arange(n_molecules)[:, None] * np.array([SPACING, 0.0, 0.0])
    found = []
    for positions in sample(n_molecules, n_frames, interval_ps, TEMPERATURE, seed):
        molecules = np.asarray(positions).reshape(n_molecules, len(SYMBOLS), 3)
        molecules = molecules - molecules.mean(1, keepdims=True) + places[:, None]
        found.append(Atoms(SYMBOLS * n_molecules, positions=molecules.reshape(-1, 3)))
    return found


def separation(run: MoleculeRun, trajectory: list[Atoms], config: MoleculeTrainConfig) -> dict[str, float]:
    """How well gauche and anti, told by the carbons' torsion, separate in embeddings of unseen frames.

    ``accuracy`` of a linear classifier fitted to training frames (mean over both classes), ``silhouette``,
    and the share of ``gauche``.
    """
    split = assign_frames(trajectory, config.validation_fraction, config.validation_blocks, config.gap)
    molecule = run.model.molecule
    column = len(molecule.distances) + molecule.torsions.index(BACKBONE)
    descriptors = frame_descriptors(trajectory, Topology([molecule]))[0]
    embedded, gauche = [], []
    for part in (split.training, split.validation):
        values = torch.cat([descriptors[k] for k in part])
        with torch.no_grad():
            embedded.append(run.model.encoder(values).numpy())
        gauche.append(values[:, column].numpy() > np.cos(np.radians(120.0)))
    classifier = LogisticRegression(max_iter=1000).fit(embedded[0], gauche[0])
    told = classifier.predict(embedded[1])
    return {
        "accuracy": float(balanced_accuracy_score(gauche[1], told)),
        "silhouette": float(silhouette_score(embedded[1][:2000], gauche[1][:2000])),
        "gauche": float(gauche[1].mean()),
    }


def main() -> None:
    """Generate, train, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("run"), help="folder (default: run)")
    parser.add_argument("--molecules", type=int, default=48, help="independent molecules (default: 48)")
    parser.add_argument("--frames", type=int, default=120, help="frames, one per 0.5 ps (default: 120)")
    parser.add_argument("--epochs", type=int, default=40, help="passes over the data (default: 40)")
    arguments = parser.parse_args()
    trajectory_file = arguments.output / "butane.extxyz"
    if not trajectory_file.exists():
        arguments.output.mkdir(parents=True, exist_ok=True)
        write(trajectory_file, frames(arguments.molecules, arguments.frames, 0.5, seed=1))
    trajectory = read(trajectory_file, ":")
    config = MoleculeTrainConfig.model_validate(
        {"training": {"epochs": arguments.epochs}, "gap": 10, "color_by": BACKBONE}
    )
    run = fit_molecules(trajectory, Topology([butane()]), config, arguments.output, overwrite=True)["butane"]
    report = run.summary["validation"]
    for name, value in report["distance_rms"].items():
        print(f"RMS error of unseen distances, {name}: {value:.4f} angstrom")
    for name, value in separation(run, trajectory, config).items():
        print(f"{name}: {value:.3f}")
    print(f"picture: {run.path / 'conformers.png'}")


if __name__ == "__main__":
    main()
