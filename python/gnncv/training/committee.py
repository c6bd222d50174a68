"""Several trainings of one configuration, each with its own seed."""

from collections.abc import Sequence
from pathlib import Path

from ase import Atoms
from pydantic import BaseModel
from tqdm import tqdm

from gnncv.errors import InvalidArgument

from .config import TrainConfig
from .fit import fit
from .run_folder import MODEL_FILE, SUMMARY_FILE, TrainedRun, load_run, refuse_existing

_FREE = ("clusters", "training.checkpoint_every")


def fit_committee(
    config: TrainConfig,
    output: str | Path,
    n_members: int,
    frames: Sequence[Atoms] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> list[TrainedRun]:
    """Train one configuration several times, from its own seed on, for a `gnncv.Committee`.

    Members differ in first weights, in the order of frames and in how they are augmented. All see the same
    data, split in the same way.

    Parameters
    ----------
    config
        What to train on and how; ``training.seed`` is that of the first member, the next has one more.
    output
        Folder of the runs ``seed-0``, ``seed-1``, ..., each as :func:`fit` leaves it.
    n_members
        How many, at least two.
    frames
        As for :func:`fit`.
    resume
        Leave finished members as they are and go on with the others.
    overwrite
        Train all anew.
    progress
        Show a bar over the members, and one for each training.

    Raises
    ------
    InvalidArgument
        Fewer than two members, or what :func:`fit` refuses.
    OutputExists
        A member is there and neither ``resume`` nor ``overwrite`` was given; nothing has been trained then.
    """
    if n_members < 2:
        raise InvalidArgument(f"a committee of {n_members} has no spread; train 2 or more")
    configs = [with_seed(config, config.training.seed + k) for k in range(n_members)]
    folders = [Path(output) / f"seed-{each.training.seed}" for each in configs]
    for folder, each in zip(folders, configs, strict=True):
        refuse_existing(folder, each, resume, overwrite, free=_FREE)
    runs = []
    members = list(zip(folders, configs, strict=True))
    for folder, each in tqdm(members, desc="committee", unit="training", disable=not progress):
        finished = (folder / MODEL_FILE).exists() and (folder / SUMMARY_FILE).exists()
        if finished and not overwrite:
            runs.append(load_run(folder))
        else:
            runs.append(fit(each, folder, frames, resume, overwrite, progress))
    return runs


def with_seed(config: TrainConfig, seed: int) -> TrainConfig:
    """The configuration with another seed, also of the autoencoder of its molecules."""
    training = config.training.model_copy(update={"seed": seed})
    changed: dict[str, BaseModel] = {"training": training}
    if config.molecules:
        first = config.stage1.training.model_copy(update={"seed": seed})
        changed["stage1"] = config.stage1.model_copy(update={"training": first})
    return config.model_copy(update=changed)


def committee_runs(folder: str | Path) -> list[Path]:
    """The folders of members in a folder of :func:`fit_committee`, by seed; empty for any other."""
    found = [path for path in Path(folder).glob("seed-*") if path.name.removeprefix("seed-").isdigit()]
    return sorted(found, key=lambda path: int(path.name.removeprefix("seed-")))
