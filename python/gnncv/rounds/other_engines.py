"""A round whose run was made elsewhere: with GROMACS, LAMMPS, or whatever PLUMED biased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from gnncv.engines.order import model_topology, order_of_sites
from gnncv.training import TrainConfig

from .harvest import HarvestConfig, Judged, choose, relabel
from .loop import configured_frames, judge_frames, learn_thresholds, phase_pair
from .thresholds import OrderThresholds


@dataclass(frozen=True)
class HarvestedRun:
    """What a run taught.

    Attributes
    ----------
    frames
        The new frames of the run, labeled by the order parameter; intermediates have no label.
    training_frames
        The frames that the training configuration names, and then these: what to give to
        :func:`gnncv.training.fit`.
    judged
        All frames of the run as the CV and the order parameter see them.
    thresholds
        Of the order parameter, learned from the labeled frames of the configuration.
    """

    frames: list[Atoms]
    training_frames: list[Atoms]
    judged: Judged
    thresholds: OrderThresholds


def harvest_run(
    model: str | Path,
    frames: Sequence[Atoms],
    training: TrainConfig,
    cutoff_angstrom: float,
    source: str,
    settings: HarvestConfig | None = None,
    threads: int = 1,
) -> HarvestedRun:
    """Judge the frames of a run, and take those that are new, as :func:`gnncv.rounds.run_rounds` does.

    Parameters
    ----------
    model
        The model file that biased the run.
    frames
        Its trajectory; atoms of a molecular model in the order of its molecules.
    training
        How the model was trained: data of two phases.
    cutoff_angstrom
        Neighbors for averaged q6: the first minimum of g(r) of atoms, or of the centers of molecules.
    source
        Name of the run, kept in ``info["source"]``.
    settings
        Which frames to take.

    Raises
    ------
    InvalidArgument
        Not two phases, or an order parameter that does not separate them.
    """
    known = configured_frames(training)
    melt, crystal = phase_pair(training)
    order = order_of_sites(cutoff_angstrom, model_topology(Path(model)))
    thresholds = learn_thresholds(known, melt, crystal, order)
    judged = judge_frames(Path(model), frames, order, thresholds, threads)
    chosen = settings or HarvestConfig()
    taken = relabel(frames, judged, choose(judged, chosen), source, chosen, (melt, crystal))
    return HarvestedRun(taken, [*known, *taken], judged, thresholds)
