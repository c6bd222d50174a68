"""Run, harvest, relabel, retrain, export, and again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read, write

from gnncv.cv import CollectiveVariable
from gnncv.data import load_frames
from gnncv.engines.config import RunConfig
from gnncv.engines.loop import run
from gnncv.engines.order import OrderFunction, order_function
from gnncv.errors import InvalidArgument, ModelError
from gnncv.export import export_widened
from gnncv.files import write_atomic
from gnncv.training import TrainConfig, fit, load_run

from .folder import MODEL, begin_rounds
from .harvest import HarvestConfig, Judged, choose, relabel
from .record import RoundRecord, draw_rounds, write_table
from .thresholds import OrderThresholds

HARVEST = "harvest.extxyz"


def run_rounds(
    config: RunConfig,
    rounds: int,
    train: TrainConfig | None = None,
    harvest: HarvestConfig | None = None,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Run a simulation several times, each time with a model that also learned from the runs before.

    A round runs ``config`` with its model, takes frames that are new to the model or about which CV and
    order parameter disagree, labels them by the order parameter, trains the next model on the original data
    and all harvested frames, and exports it in the precision of the first (a float32 file that its self-check
    refuses is one of float64 instead). The last round's frames are harvested and not trained on, so that
    every model was tried in a run.

    Parameters
    ----------
    config
        The run. Its ``cv`` is the model of round 0, its ``output`` holds everything; round k takes seed + k.
    rounds
        How many runs, at least 1.
    train
        How to train; by default the configuration that the model file of round 0 was trained with.
    harvest
        Which frames to take.
    progress
        Show progress bars and a line for each stage, on standard error.
    overwrite
        Replace what an earlier series of rounds left in the folder.

    Returns
    -------
    Path
        The folder: ``round-0``, ``round-1``, ... (each with ``cv.pt``, ``run/``, ``harvest.extxyz`` and, from
        round 1, ``train/``), ``rounds.csv`` and ``rounds.png``. Called again, an interrupted series goes on.

    Raises
    ------
    InvalidArgument
        No model, not two phases, or no order parameter that separates them.
    OutputExists
        The folder holds rounds that began from another model.
    """
    if rounds < 1:
        raise InvalidArgument(f"rounds is {rounds}; at least 1 is needed")
    if config.cv is None:
        raise InvalidArgument("rounds need a collective variable: give cv in the run's configuration")
    first = CollectiveVariable(str(config.cv), num_threads=config.threads)
    if missing := [name for name in ("crystallinity", "novelty") if name not in first.names]:
        raise InvalidArgument(
            f"rounds need outputs {' and '.join(missing)}; {config.cv} has {', '.join(first.names)}"
        )
    order = order_function(config)
    if order is None:
        raise InvalidArgument("rounds need an order parameter: give order_parameter_cutoff_angstrom")
    training = train if train is not None else training_configuration(first)
    frames = configured_frames(training)
    melt, crystal = phase_pair(training)
    thresholds = learn_thresholds(frames, melt, crystal, order)
    folder = Path(config.output)
    begin_rounds(folder, Path(config.cv), ("rounds.csv", "rounds.png"), overwrite)
    settings = harvest if harvest is not None else HarvestConfig()
    records: list[RoundRecord] = []
    for number in range(rounds):
        here = folder / f"round-{number}"
        if number:
            _retrain(here, training, frames, str(first.metadata["precision"]), progress)
        _say(progress, f"round {number}: run")
        trajectory = _run(config, here, number, progress)
        judged = judge_frames(here / MODEL, trajectory, order, thresholds, config.threads)
        chosen = choose(judged, settings)
        taken = relabel(trajectory, judged, chosen, str(here / "run"), settings, (melt, crystal))
        if taken:
            with write_atomic(here / HARVEST, overwrite=True) as temporary:
                write(temporary, taken, format="extxyz")
        frames = [*frames, *taken]
        records.append(RoundRecord.of(number, judged, chosen))
        write_table(records, folder / "rounds.csv")
        draw_rounds(records, folder / "rounds.png")
        _say(progress, records[-1].sentence())
    return folder


def training_configuration(cv: CollectiveVariable) -> TrainConfig:
    """Return the configuration that a model file says it was trained with.

    Raises
    ------
    InvalidArgument
        The file has none, or it names trajectories that are not there.
    """
    if "config" not in cv.metadata:
        raise InvalidArgument(f"{cv.path} does not say how it was trained: give the training configuration")
    config = TrainConfig.model_validate(cv.metadata["config"])
    absent = [
        str(path) for paths in config.data.phases.values() for path in paths if not Path(path).is_file()
    ]
    if absent:
        raise InvalidArgument(
            f"{cv.path} was trained on {absent[0]}, which is not here: give the training configuration"
        )
    return config


def configured_frames(config: TrainConfig) -> list[Atoms]:
    """Load the frames that a training configuration names, with their labels."""
    frames: list[Atoms] = []
    for phase in config.data.phase_names():
        frames += load_frames(config.data.phases[phase], phase, config.data.index)
    for atoms in load_frames(config.data.unlabeled, None, config.data.index) if config.data.unlabeled else []:
        atoms.info.pop("phase", None)
        frames.append(atoms)
    return frames


def phase_pair(config: TrainConfig) -> tuple[str, str]:
    """Return what the data calls the melt (its reference phase) and the crystal.

    Raises
    ------
    InvalidArgument
        When there are not two phases: one order parameter cannot tell more of them apart.
    """
    names = config.data.phase_names()
    if len(names) != 2:
        raise InvalidArgument(f"rounds need data of two phases, a melt and a crystal; got {names or 'none'}")
    return names[0], names[1]


def learn_thresholds(
    frames: Sequence[Atoms], melt: str, crystal: str, order: OrderFunction
) -> OrderThresholds:
    """Learn the thresholds of the mean averaged q6 from labeled frames."""
    values = {
        phase: [order(atoms)[0] for atoms in frames if atoms.info.get("phase") == phase]
        for phase in (melt, crystal)
    }
    return OrderThresholds.learn(values[melt], values[crystal])


def judge_frames(
    model: Path, frames: Sequence[Atoms], order: OrderFunction, thresholds: OrderThresholds, threads: int = 1
) -> Judged:
    """Evaluate the CV and the order parameter on frames."""
    cv = CollectiveVariable(str(model), num_threads=threads)
    results = [cv.compute(atoms, outputs=[]) for atoms in frames]
    return Judged.of(
        np.array([result["crystallinity"] for result in results]),
        np.array([result["novelty"] for result in results]),
        np.array([order(atoms)[0] for atoms in frames]),
        thresholds,
    )


def _run(config: RunConfig, here: Path, number: int, progress: bool) -> list[Atoms]:
    """Run this round, or go on with it, and return its frames."""
    changes = {"cv": here / MODEL, "output": here / "run", "seed": config.seed + number}
    run(config.model_copy(update=changes), progress=progress)
    frames: list[Atoms] = read(here / "run" / "trajectory.extxyz", index=":")
    return frames


def _retrain(
    here: Path, config: TrainConfig, frames: Sequence[Atoms], precision: str, progress: bool
) -> None:
    """Train and export this round's model where that has not been done."""
    if (here / MODEL).exists():
        return
    _say(progress, f"{here.name}: train on {len(frames)} frames")
    folder = here / "train"
    try:
        trained = load_run(folder)
    except ModelError:
        trained = fit(
            config, folder, frames=frames, resume=(folder / "config.yaml").exists(), progress=progress
        )
    export_widened(trained, here / MODEL, precision, partial(_say, progress))


def _say(progress: bool, text: str) -> None:
    if progress:
        print(text, file=sys.stderr, flush=True)
