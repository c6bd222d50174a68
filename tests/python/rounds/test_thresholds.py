"""Thresholds on an order parameter, learned from labeled frames."""

import numpy as np
import pytest

from gnncv.demo import shipped_order
from gnncv.errors import InvalidArgument
from gnncv.rounds import OrderThresholds


@pytest.mark.parametrize("seed", range(20))
def test_labeled_values_get_their_own_label_and_the_middle_gets_none(seed: int) -> None:
    generator = np.random.default_rng(seed)
    print("seed", seed)
    low, high = np.sort(generator.uniform(0.0, 0.6, 2))
    melt = low - 0.05 * generator.random(generator.integers(1, 50))
    crystal = high + 0.05 * generator.random(generator.integers(1, 50))
    margin = generator.uniform(0.0, 0.49)
    found = OrderThresholds.learn(melt, crystal, margin)
    assert melt.max() <= found.melt_below <= found.crystal_above <= crystal.min()
    nudge = 1e-12
    assert set(found.phases(melt - nudge)) == {"melt"}
    assert set(found.phases(crystal + nudge)) == {"crystal"}
    assert found.phase(0.5 * (melt.max() + crystal.min())) is None


def test_order_of_values_does_not_matter_and_phases_are_monotonic() -> None:
    found = OrderThresholds.learn([0.15, 0.16, 0.14], [0.45, 0.42])
    assert found == OrderThresholds.learn([0.14, 0.15, 0.16], [0.42, 0.45])
    rank = {"melt": 0, None: 1, "crystal": 2}
    ranks = [rank[phase] for phase in found.phases(np.linspace(0.0, 0.6, 200))]
    assert ranks == sorted(ranks) and set(ranks) == {0, 1, 2}


def test_shipped_frames() -> None:
    melt, crystal = shipped_order("melt"), shipped_order("crystal")
    for name in ("averaged_q6", "global_q6"):
        found = OrderThresholds.learn(melt[name], crystal[name])
        assert set(found.phases(melt[name])) == {"melt"}
        assert set(found.phases(crystal[name])) == {"crystal"}
    density = "volume_per_atom"  # larger in the melt: the wrong way round
    with pytest.raises(InvalidArgument, match="does not separate the phases"):
        OrderThresholds.learn(melt[density], crystal[density])


@pytest.mark.parametrize(
    ("melt", "crystal", "margin", "message"),
    [
        ([], [0.4], 0.25, "order parameter of the melt frames"),
        ([0.1], [np.nan], 0.25, "order parameter of the crystal frames"),
        ([0.1, 0.41], [0.4], 0.25, "does not separate"),
        ([0.1], [0.4], 0.5, "margin 0.5"),
    ],
)
def test_bad_input(melt: list[float], crystal: list[float], margin: float, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        OrderThresholds.learn(melt, crystal, margin)


def test_crossed_thresholds_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="both melt and crystal"):
        OrderThresholds(melt_below=0.4, crystal_above=0.3)
