"""Was the phase left? Decided by bond-orientational order alone, never by the collective variable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.rounds.thresholds import OrderThresholds


@dataclass(frozen=True)
class Verdict:
    """What the independent order parameters say about a run that began in the crystal.

    Attributes
    ----------
    left
        Both order parameters stayed below their melt thresholds for at least the hold time.
    left_at_ps
        Start of the first such stretch, None when the phase was not left.
    returned_at_ps
        Start of the first later stretch, as long, with both above their crystal thresholds; None if none.
    sentence
        The verdict in words.
    """

    left: bool
    left_at_ps: float | None
    returned_at_ps: float | None
    sentence: str


def first_stretch(time_ps: NDArray[np.float64], holds: NDArray[np.bool_], length_ps: float) -> float | None:
    """Return when the first unbroken stretch of ``holds`` that lasts ``length_ps`` begins, or None.

    Parameters
    ----------
    time_ps : (n,)
        Increasing times.
    holds : (n,)
        Whether the condition is true at each time.
    length_ps
        From its first to its last sample a stretch must last at least this long.
    """
    start: float | None = None
    for time, true in zip(time_ps, holds, strict=True):
        if not true:
            start = None
            continue
        start = float(time) if start is None else start
        if float(time) - start >= length_ps - 1e-9:
            return start
    return None


def judge(
    time_ps: NDArray[np.float64],
    averaged_q6: NDArray[np.float64],
    global_q6: NDArray[np.float64],
    averaged: OrderThresholds,
    overall: OrderThresholds,
    hold_ps: float = 5.0,
) -> Verdict:
    """Say whether a run that started in the crystal left it.

    Parameters
    ----------
    time_ps : (n,)
        Times of the samples, increasing.
    averaged_q6, global_q6 : (n,)
        Mean neighbor-averaged q6 and global Q6 at those times.
    averaged, overall
        Thresholds of the two order parameters.
    hold_ps
        How long both must agree before it counts.

    Raises
    ------
    InvalidArgument
        When there is no sample or the arrays differ in length.
    """
    if not len(time_ps) or not len(time_ps) == len(averaged_q6) == len(global_q6):
        raise InvalidArgument(
            f"time, averaged q6 and global Q6 need equal lengths of at least one; "
            f"got {len(time_ps)}, {len(averaged_q6)}, {len(global_q6)}"
        )
    molten = (averaged_q6 < averaged.melt_below) & (global_q6 < overall.melt_below)
    solid = (averaged_q6 > averaged.crystal_above) & (global_q6 > overall.crystal_above)
    left_at = first_stretch(time_ps, molten, hold_ps)
    lowest = f"lowest averaged q6 {averaged_q6.min():.3f}, lowest global Q6 {global_q6.min():.3f}"
    if left_at is None:
        return Verdict(
            False,
            None,
            None,
            f"The crystal was not left: averaged q6 and global Q6 never stayed below "
            f"{averaged.melt_below:.3f} and {overall.melt_below:.3f} together for {hold_ps:g} ps ({lowest}).",
        )
    after = time_ps > left_at
    returned = first_stretch(time_ps[after], solid[after], hold_ps)
    sentence = (
        f"The crystal was left at {left_at:.0f} ps: from then averaged q6 and global Q6 stayed below "
        f"{averaged.melt_below:.3f} and {overall.melt_below:.3f} for at least {hold_ps:g} ps ({lowest})."
    )
    if returned is not None:
        sentence += f" Crystalline order was back at {returned:.0f} ps."
    return Verdict(True, left_at, returned, sentence)
