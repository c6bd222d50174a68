"""Stage 1 as a part of the training of a configuration model: the embeddings of its molecules."""

from collections.abc import Sequence
from pathlib import Path

from ase import Atoms

from gnncv.data import Split
from gnncv.errors import InvalidArgument
from gnncv.models.molecule_embeddings import MoleculeEmbeddings, joined_embeddings
from gnncv.topology import Molecule, Topology

from .molecule_config import MoleculeTrainConfig
from .molecules import MoleculeRun, fit_molecules, kind_folder, load_molecule_run
from .run_folder import MODEL_FILE
from .stage1_config import Stage1Config

FOLDER = "stage1"


def first_stage(
    config: Stage1Config,
    frames: Sequence[Atoms],
    split: Split,
    topology: Topology,
    folder: Path,
    resume: bool,
    overwrite: bool,
    progress: bool,
) -> MoleculeEmbeddings | None:
    """Train or load the encoders of all kinds of molecules; ``None`` if the model does without.

    Parameters
    ----------
    config
        How.
    frames, split
        All frames, and which of them are for training and validation, as in stage 2.
    topology
        The molecules.
    folder
        Of the whole run; stage 1 goes into its folder ``stage1``.
    resume, overwrite, progress
        As in :func:`gnncv.fit`.

    Raises
    ------
    InvalidArgument
        Runs that are of other molecules, or have embeddings of different sizes.
    """
    described = [molecule for molecule in topology.molecules if molecule.n_descriptors > 0]
    if config.use == "none" or not described:
        return None
    if config.run is not None:
        runs = {m.name: load_molecule_run(kind_folder(config.run, m.name)) for m in described}
    else:
        runs = _trained(config, frames, split, topology, folder / FOLDER, resume, overwrite, progress)
    for molecule in described:
        if _graph(runs[molecule.name].model.molecule) != _graph(molecule):
            raise InvalidArgument(
                f"stage 1 in {runs[molecule.name].path} is of another template of {molecule.name!r} than "
                "this run: train it again with the same `molecules`"
            )
    embeddings = joined_embeddings(topology, {name: run.model.encoder for name, run in runs.items()})
    return embeddings.requires_grad_(config.use == "along").train()


def _graph(molecule: Molecule) -> tuple[object, ...]:
    """What an encoder is made for; typical lengths of bonds are those of the frames it was trained on."""
    chemistry = (molecule.symbols, molecule.bonds, molecule.bond_orders, molecule.charges)
    return (*chemistry, molecule.distances, molecule.torsions)


def _trained(
    config: Stage1Config,
    frames: Sequence[Atoms],
    split: Split,
    topology: Topology,
    folder: Path,
    resume: bool,
    overwrite: bool,
    progress: bool,
) -> dict[str, MoleculeRun]:
    names = [molecule.name for molecule in topology.molecules if molecule.n_descriptors > 0]
    if resume and all((kind_folder(folder, name) / MODEL_FILE).is_file() for name in names):
        return {name: load_molecule_run(kind_folder(folder, name)) for name in names}
    roles = [(k, "training") for k in split.training] + [(k, "validation") for k in split.validation]
    given = []
    for k, role in roles:
        atoms = frames[k].copy()
        atoms.info["split"] = role
        given.append(atoms)
    settings = MoleculeTrainConfig(model=config.model, loss=config.loss, training=config.training)
    return fit_molecules(given, topology, settings, folder, resume, overwrite, progress)
