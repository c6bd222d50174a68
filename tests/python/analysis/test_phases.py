"""Round trips are counted with two thresholds; the free energy of phases is that of a known distribution."""

from __future__ import annotations

import numpy as np
import pytest

from gnncv.analysis import phase_free_energy, phase_visits
from gnncv.analysis.thermal import thermal_energy
from gnncv.errors import InvalidArgument


def test_fluctuations_between_the_thresholds_are_no_visits() -> None:
    order = np.array([0.5, 0.3, 0.2, 0.3, 0.45, 0.25, 0.1, 0.05, 0.3, 0.2, 0.12, 0.5, 0.3, 0.1, 0.6])
    visits = phase_visits(order, melt_below=0.15, crystal_above=0.4)
    assert visits.rows.tolist() == [0, 6, 11, 13, 14]
    assert visits.ordered.tolist() == [True, False, True, False, True]
    assert visits.round_trips == 2


@pytest.mark.parametrize("jumps", [0, 1, 2, 5, 8])
def test_noise_adds_no_round_trips(jumps: int) -> None:
    seed = int(np.random.default_rng().integers(2**31))
    print("seed", seed)
    rng = np.random.default_rng(seed)
    levels = np.repeat([0.45 if k % 2 == 0 else 0.05 for k in range(jumps + 1)], 200)
    visits = phase_visits(levels + rng.uniform(-0.15, 0.15, len(levels)), 0.15, 0.35)
    assert len(visits.rows) == jumps + 1
    assert visits.round_trips == jumps // 2
    assert np.all(np.abs(visits.rows - 200 * np.arange(jumps + 1)) < 30)


def test_the_difference_of_a_biased_two_state_chain() -> None:
    """A Markov chain that jumps between two states under a bias; weights undo it, errors cover the rest."""
    seed = int(np.random.default_rng().integers(2**31))
    print("seed", seed)
    rng = np.random.default_rng(seed)
    temperature, exact, bias = 82.0, 1.3, np.array([0.9, 0.0])  # kJ/mol; the ordered state is 1
    energy = thermal_energy(temperature)
    odds = np.exp(-(exact + bias[1] - bias[0]) / energy)  # of state 1, under the bias
    stay, misses = 0.98, []
    for _ in range(40):
        ordered = np.empty(20000, dtype=int)
        ordered[0] = 0
        jump, up = rng.random(len(ordered)) > stay, rng.random(len(ordered)) < odds / (1.0 + odds)
        for k in range(1, len(ordered)):
            ordered[k] = up[k] if jump[k] else ordered[k - 1]
        order = np.where(ordered == 1, 0.45, 0.05)
        found, error = phase_free_energy(order, 0.2, temperature, np.exp(bias[ordered] / energy), 10)
        misses.append((found - exact) / error)
    print("deviations in units of the error:", np.round(np.std(misses), 2), np.round(np.mean(misses), 2))
    assert 0.6 < np.std(misses) < 1.8
    assert abs(np.mean(misses)) < 0.8


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="melt_below .0.4. must be less than crystal_above .0.2."):
        phase_visits(np.zeros(3), 0.4, 0.2)
    with pytest.raises(InvalidArgument, match="row 1 is not finite"):
        phase_visits(np.array([0.1, np.nan]), 0.1, 0.2)
    with pytest.raises(InvalidArgument, match="all samples lie above 0.2: the run was in one phase only"):
        phase_free_energy(np.full(10, 0.4), 0.2, 82.0)
