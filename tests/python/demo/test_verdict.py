"""Whether the phase was left is decided by q6 and Q6 together, held for a while, and by nothing else."""

import numpy as np
import pytest

from gnncv.demo.verdict import first_stretch, judge
from gnncv.errors import InvalidArgument
from gnncv.rounds import OrderThresholds

AVERAGED, OVERALL = OrderThresholds(0.23, 0.36), OrderThresholds(0.15, 0.33)
TIME = np.arange(0.0, 100.0, 0.5)


def order(melt_from: float, melt_until: float, low: float = 0.15) -> np.ndarray:
    return np.where((melt_from <= TIME) & (melt_until > TIME), low, 0.44)


def test_melting_and_coming_back() -> None:
    verdict = judge(TIME, order(40, 70), order(40, 70, 0.04), AVERAGED, OVERALL)
    assert verdict.left and verdict.left_at_ps == 40.0 and verdict.returned_at_ps == 70.0
    assert "was left at 40 ps" in verdict.sentence and "back at 70 ps" in verdict.sentence


@pytest.mark.parametrize(
    ("averaged_q6", "global_q6"),
    [
        (order(40, 44), order(40, 44, 0.04)),  # too short
        (order(40, 90), order(200, 200)),  # only one of the two
        (order(40, 60), order(60, 90, 0.04)),  # one after the other
        (order(40, 90, 0.30), order(40, 90, 0.25)),  # strained crystal or half way
    ],
)
def test_what_does_not_count(averaged_q6: np.ndarray, global_q6: np.ndarray) -> None:
    verdict = judge(TIME, averaged_q6, global_q6, AVERAGED, OVERALL)
    assert not verdict.left and verdict.left_at_ps is None
    assert "was not left" in verdict.sentence


def test_a_gap_starts_the_stretch_again() -> None:
    holds = np.ones(len(TIME), dtype=bool)
    holds[8] = False
    assert first_stretch(TIME, holds, 5.0) == TIME[9]
    assert first_stretch(TIME, ~holds, 0.0) == TIME[8]
    assert first_stretch(TIME, holds, 1000.0) is None


def test_bad_input() -> None:
    with pytest.raises(InvalidArgument, match="equal lengths"):
        judge(TIME, TIME[:-1], TIME, AVERAGED, OVERALL)
    with pytest.raises(InvalidArgument, match="at least one"):
        judge(TIME[:0], TIME[:0], TIME[:0], AVERAGED, OVERALL)
