"""Which frames of a run teach the model something, and what the independent order parameter calls them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from gnncv.errors import InvalidArgument

from .thresholds import OrderThresholds

Array = NDArray[np.float64]


class HarvestConfig(BaseModel):
    """Which frames are new, and how many are taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_frames: int = Field(default=40, ge=1, description="At most this many frames a round.")
    novelty: float = Field(default=1.0, gt=0, description="Frames of a larger novelty are new.")
    tolerance: float = Field(
        default=0.3,
        ge=0,
        lt=1,
        description="Frames whose crystallinity is farther than this from 1 where the order parameter says "
        "crystal, or from 0 where it says melt, are new.",
    )
    validation_every: int = Field(
        default=5, ge=2, description="Each n-th harvested frame validates; the others train."
    )


@dataclass(frozen=True)
class Judged:
    """The frames of one run as the CV and the independent order parameter see them.

    Attributes
    ----------
    crystallinity, novelty : (n,)
        Outputs of the CV.
    order : (n,)
        Mean neighbor-averaged q6.
    phases : list of n
        "crystal", "melt" or None, from ``order`` alone.
    """

    crystallinity: Array
    novelty: Array
    order: Array
    phases: list[str | None]

    @classmethod
    def of(cls, crystallinity: Array, novelty: Array, order: Array, thresholds: OrderThresholds) -> Judged:
        """Judge each frame by its order parameter; :class:`InvalidArgument` if the lengths differ."""
        if not len(crystallinity) == len(novelty) == len(order):
            raise InvalidArgument(
                f"crystallinity, novelty and order parameter have {len(crystallinity)}, {len(novelty)} and "
                f"{len(order)} values; one of each per frame is needed"
            )
        return cls(crystallinity, novelty, order, thresholds.phases(order))

    @property
    def disagreement(self) -> Array:
        """How far the crystallinity is from what the order parameter says, ``(n,)``; 0 for intermediates."""
        target = np.array([{"crystal": 1.0, "melt": 0.0}.get(str(phase), np.nan) for phase in self.phases])
        return np.where(np.isnan(target), 0.0, np.abs(self.crystallinity - target))

    def fooled(self, phase: str) -> float:
        """Part of the frames of ``phase`` (by order) that the CV calls the other one; nan without frames."""
        members = np.array([name == phase for name in self.phases], dtype=bool)
        if not members.any():
            return float("nan")
        wrong = self.crystallinity < 0.5 if phase == "crystal" else self.crystallinity > 0.5
        return float(wrong[members].mean())


def candidates(judged: Judged, config: HarvestConfig) -> NDArray[np.bool_]:
    """Return which frames are new: of a high novelty, or where CV and order parameter disagree, ``(n,)``."""
    return (judged.novelty > config.novelty) | (judged.disagreement > config.tolerance)


def choose(judged: Judged, config: HarvestConfig) -> list[int]:
    """Choose at most ``max_frames`` of the new frames, spread along the run.

    The new frames are divided, in order of time, into as many consecutive groups of nearly equal size as
    frames may be taken. Of each group the frame of the highest score is taken, the earliest where scores are
    equal; the score is the disagreement plus the novelty in units of its threshold.

    Returns
    -------
    list of int
        Indices of frames, increasing.
    """
    new = np.flatnonzero(candidates(judged, config))
    score = judged.disagreement + judged.novelty / config.novelty
    groups = np.array_split(new, min(config.max_frames, len(new))) if len(new) else []
    return [int(group[np.argmax(score[group])]) for group in groups]


def relabel(
    frames: Sequence[Atoms],
    judged: Judged,
    chosen: Sequence[int],
    source: str,
    config: HarvestConfig,
    names: tuple[str, str] = ("melt", "crystal"),
) -> list[Atoms]:
    """Return the chosen frames with the label that the order parameter gives them.

    Parameters
    ----------
    frames
        All frames of the run; they are not changed.
    judged, chosen
        What they are, and which to return.
    source
        Name of the run, kept in ``info["source"]``.
    config
        Says which harvested frames validate.
    names
        What the training data calls the melt and the crystal.

    Returns
    -------
    list of ase.Atoms
        ``info["phase"]`` is one of ``names``, or absent for intermediates, which train without a label.
        ``info["split"]`` is "training" or "validation", ``info["order"]`` the order parameter.
    """
    label = dict(zip(("melt", "crystal"), names, strict=True))
    harvested = []
    for number, index in enumerate(chosen):
        original = frames[index]
        atoms = Atoms(original.symbols, positions=original.positions, cell=original.cell, pbc=original.pbc)
        validates = number % config.validation_every == config.validation_every - 1
        atoms.info |= {"source": source, "frame": index, "order": float(judged.order[index])}
        atoms.info["split"] = "validation" if validates else "training"
        phase = judged.phases[index]
        if phase is not None:
            atoms.info["phase"] = label[phase]
        harvested.append(atoms)
    return harvested
