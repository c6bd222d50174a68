"""Train the molecule autoencoders of stage 1, one for each kind of molecule."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from ase import Atoms
from torch import Tensor

from gnncv.data import assign_frames, data_hash
from gnncv.errors import InvalidArgument, ModelError
from gnncv.files.atomic import write_atomic
from gnncv.models import MoleculeAutoencoder, MoleculeConfig
from gnncv.topology import Molecule, Topology, make_whole, site_geometry

from .history import History
from .module import EpochOrder, SeedEpoch
from .molecule_config import MoleculeTrainConfig
from .molecule_module import TERMS, MoleculeModule, batches
from .molecule_report import ROWS, embeddings, reconstruction_report
from .optimization import best_weights
from .pictures import draw_conformers, draw_losses
from .run_folder import MODEL_FILE, SUMMARY_FILE, prepare_folder, refuse_existing

PICTURED = 4000  # molecules in the picture of the embedding


@dataclass
class MoleculeRun:
    """A finished run of stage 1: its folder, the autoencoder, and the facts of its summary."""

    path: Path
    model: MoleculeAutoencoder
    summary: dict[str, Any]


def frame_descriptors(frames: Sequence[Atoms], topology: Topology) -> list[list[Tensor]]:
    """Intramolecular descriptors of every frame.

    Returns
    -------
    For each kind of molecule, for each frame ``(M, D)`` float64: distances (angstrom), then cosines.

    Raises
    ------
    InvalidArgument
        A frame that does not match the topology; names the frame and the first mismatch.
    """
    found: list[list[Tensor]] = [[] for _ in topology.molecules]
    for number, atoms in enumerate(frames):
        try:
            layout = topology.match(atoms.get_chemical_symbols())
            whole = make_whole(atoms.positions, atoms.cell.array, atoms.pbc, topology, layout)
            geometry = site_geometry(torch.from_numpy(whole), topology, layout)
        except InvalidArgument as error:
            raise InvalidArgument(f"frame {number}: {error}") from error
        for of_kind, descriptors in zip(found, geometry.descriptors, strict=True):
            of_kind.append(descriptors)
    return found


def fit_molecules(
    frames: Sequence[Atoms],
    topology: Topology,
    config: MoleculeTrainConfig,
    output: str | Path,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> dict[str, MoleculeRun]:
    """Train stage 1 on the molecules of frames: :func:`fit_molecule` for each kind that has descriptors.

    Parameters
    ----------
    frames
        Trajectories, split into training and validation by blocks of time; ``info["split"]`` decides where it
        is given.
    topology
        What molecules the frames hold.
    config
        How to train.
    output
        Folder of the runs, one folder for each kind, named after it (what file names do not like is ``_``).
    resume, overwrite, progress
        As in :func:`fit_molecule`.

    Returns
    -------
    The run of each kind, by its name; kinds without descriptors have none.
    """
    split = assign_frames(frames, config.validation_fraction, config.validation_blocks, config.gap)
    facts = {"data_hash": data_hash(frames), "gap_frames": split.gaps}
    runs = {}
    for molecule, of_frame in zip(topology.molecules, frame_descriptors(frames, topology), strict=True):
        if molecule.n_descriptors == 0:
            continue
        training, validation = (
            torch.cat([of_frame[k] for k in part]) for part in (split.training, split.validation)
        )
        folder = kind_folder(output, molecule.name)
        runs[molecule.name] = fit_molecule(
            training, validation, molecule, config, folder, resume, overwrite, progress, facts
        )
    return runs


def fit_molecule(
    training: Tensor,
    validation: Tensor,
    molecule: Molecule,
    config: MoleculeTrainConfig,
    output: str | Path,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    facts: dict[str, Any] | None = None,
) -> MoleculeRun:
    """Train and save the autoencoder of one kind of molecule.

    Parameters
    ----------
    training, validation
        Descriptors ``(B, D)`` of conformations: distances (angstrom), then cosines of torsions.
    molecule
        The template.
    config
        How to train; the split it describes is the caller's.
    output
        Folder of the run: ``config.yaml``, ``checkpoints/``, ``metrics.csv``, ``losses.png``,
        ``conformers.png``, ``model.pt`` (weights) and ``summary.json``.
    resume
        Continue an interrupted run in ``output`` from its last checkpoint.
    overwrite
        Replace a finished run in ``output``.
    progress
        Show a progress bar.
    facts
        What else the summary is to say of the data.

    Raises
    ------
    OutputExists
        ``output`` holds a run and neither ``resume`` nor ``overwrite`` was given.
    InvalidArgument
        Descriptors that do not fit the molecule, or a resume with another configuration.
    """
    folder = Path(output)
    for name, descriptors in (("training", training), ("validation", validation)):
        _check(descriptors, molecule, name)
    colored = _colored_descriptor(molecule, training, config.color_by)
    refuse_existing(folder, config, resume, overwrite)
    if config.training.threads is not None:
        torch.set_num_threads(config.training.threads)
    lightning.seed_everything(config.training.seed, workers=True, verbose=False)
    checkpoint = prepare_folder(folder, config, overwrite)
    model = MoleculeAutoencoder(molecule, config.model)
    model.standardize_descriptors(training)
    model.encoder.standardize_pooled(training[:: max(1, len(training) // ROWS)])
    history = History(folder / "metrics.csv")
    model.load_state_dict(
        _optimize(model, training, validation, config, folder, checkpoint, history, progress)
    )
    model.eval()
    seen = torch.from_numpy(embeddings(model, training))
    spread = seen.std(0, correction=0)
    # a direction that a variational run has given up stays small
    scale = spread.clamp(min=max(0.1 * float(spread.max()), 1e-6))
    model.standardize_embedding(seen.mean(0).float(), scale.float())
    draw_losses(history.rows, folder / "losses.png", TERMS)
    _draw(model, torch.cat([training, validation]), colored, folder / "conformers.png")
    summary = {
        "molecule": molecule.as_dict(),
        "model": config.model.model_dump(),
        "config": config.model_dump(mode="json"),
        **(facts or {}),
        "n_training_molecules": len(training),
        "n_epochs": len(history.rows),
        "best_epoch": min(history.rows, key=lambda row: row["validation_loss"]),
        "n_parameters": sum(p.numel() for p in model.parameters()),
        "validation": reconstruction_report(model, training, validation),
    }
    return _save(MoleculeRun(folder, model, summary))


def kind_folder(output: str | Path, name: str) -> Path:
    """Where :func:`fit_molecules` puts the run of a kind of molecule; a SMILES as name may hold slashes."""
    return Path(output) / re.sub(r"[^\w.+-]+", "_", name)


def load_molecule_run(path: str | Path) -> MoleculeRun:
    """Load a finished run of stage 1; its encoder is ``run.model.encoder``.

    Raises
    ------
    ModelError
        The folder holds no finished run of a molecule autoencoder.
    """
    folder = Path(path)
    if not (folder / MODEL_FILE).is_file() or not (folder / SUMMARY_FILE).is_file():
        raise ModelError(
            f"{folder} holds no finished run of a molecule autoencoder (no {MODEL_FILE} with {SUMMARY_FILE})"
        )
    summary = json.loads((folder / SUMMARY_FILE).read_text())
    if "molecule" not in summary:
        raise ModelError(f"{folder} holds a run of another model: its summary names no molecule")
    molecule = Molecule.from_dict(summary["molecule"])
    model = MoleculeAutoencoder(molecule, MoleculeConfig(**summary["model"]))
    model.load_state_dict(torch.load(folder / MODEL_FILE, weights_only=True))
    model.eval()
    return MoleculeRun(folder, model, summary)


def _save(run: MoleculeRun) -> MoleculeRun:
    with write_atomic(run.path / MODEL_FILE, overwrite=True) as temporary:
        torch.save(run.model.state_dict(), temporary)
    with write_atomic(run.path / SUMMARY_FILE, overwrite=True) as temporary:
        Path(temporary).write_text(json.dumps(run.summary, indent=2) + "\n")
    return run


def _check(descriptors: Tensor, molecule: Molecule, name: str) -> None:
    if descriptors.ndim != 2 or descriptors.shape[1] != molecule.n_descriptors or len(descriptors) == 0:
        raise InvalidArgument(
            f"{name} descriptors of {molecule.name!r}: expected shape (B, {molecule.n_descriptors}) with B "
            f"of at least 1, got {tuple(descriptors.shape)}"
        )
    bad = (~torch.isfinite(descriptors)).any(1).nonzero()
    if len(bad):
        raise InvalidArgument(f"{name} descriptors of {molecule.name!r}: row {int(bad[0, 0])} is not finite")


def _optimize(
    model: MoleculeAutoencoder,
    training: Tensor,
    validation: Tensor,
    config: MoleculeTrainConfig,
    folder: Path,
    checkpoint: Path | None,
    history: History,
    progress: bool,
) -> dict[str, Tensor]:
    settings = config.training
    order = EpochOrder(len(training), settings.seed)
    return best_weights(
        MoleculeModule(model, config.loss, settings),
        batches(training, order, settings.batch_size),
        batches(validation, None, settings.batch_size),
        settings,
        folder,
        checkpoint,
        [SeedEpoch(order), history],
        progress,
    )


def _colored_descriptor(
    molecule: Molecule, training: Tensor, chosen: tuple[int, int, int, int] | None
) -> int:
    """The descriptor that tells conformers apart in the picture."""
    n_distances = len(molecule.distances)
    if chosen is not None:
        for number, torsion in enumerate(molecule.torsions):
            if chosen in (torsion, torsion[::-1]):
                return n_distances + number
        raise InvalidArgument(
            f"color_by {list(chosen)} is none of the torsions of {molecule.name!r}: "
            f"{[list(torsion) for torsion in molecule.torsions]}"
        )
    spread = training.std(0, correction=0).numpy()
    if not molecule.torsions:
        return int(spread.argmax())
    heavy = np.array([sum(molecule.symbols[a] != "H" for a in torsion) for torsion in molecule.torsions])
    return n_distances + int(np.where(heavy == heavy.max(), spread[n_distances:], -1.0).argmax())


def _draw(model: MoleculeAutoencoder, descriptors: Tensor, colored: int, path: Path) -> None:
    some = descriptors[:: max(1, len(descriptors) // PICTURED)]
    molecule, n_distances = model.molecule, model.encoder.n_distances
    atoms = [*molecule.distances, *molecule.torsions][colored]
    named = "-".join(f"{molecule.symbols[atom]}{atom}" for atom in atoms)
    name = f"distance {named} (Å)" if colored < n_distances else f"cosine of the torsion {named}"
    draw_conformers(embeddings(model, some), some[:, colored].numpy(), name, path)
