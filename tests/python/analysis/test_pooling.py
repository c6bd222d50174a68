"""Samples under several biases, together: exact on a discrete system, and better than one run alone."""

from __future__ import annotations

import numpy as np
import pytest

from gnncv.analysis.pooling import pooled_weights
from gnncv.analysis.reweight import bias_weights
from gnncv.analysis.thermal import thermal_energy
from gnncv.errors import InvalidArgument

TEMPERATURE = 300.0
KT = thermal_energy(TEMPERATURE)


def test_exact_where_samples_have_their_expected_numbers(generator: np.random.Generator) -> None:
    """Discrete states drawn exactly as often as Boltzmann says, so that there is no noise."""
    energies = generator.uniform(0.0, 4.0, 5) * KT
    biases = generator.uniform(0.0, 4.0, (3, 5)) * KT
    states, counts = [], []
    for bias in biases:
        share = np.exp(-(energies + bias) / KT)
        numbers = np.round(200_000 * share / share.sum()).astype(int)
        states.append(np.repeat(np.arange(5), numbers))
        counts.append(len(states[-1]))
    joined = np.concatenate(states)
    weights = pooled_weights(biases[:, joined], counts, TEMPERATURE)
    found = np.bincount(joined, weights, minlength=5)
    truth = np.exp(-energies / KT)
    np.testing.assert_allclose(found, truth / truth.sum(), rtol=1e-3)
    assert weights.sum() == pytest.approx(1.0)


def test_one_run_is_plain_reweighting(generator: np.random.Generator) -> None:
    bias = 3.0 * generator.normal(size=500)
    expected = bias_weights(bias, TEMPERATURE)
    np.testing.assert_allclose(pooled_weights(bias[None], [500], TEMPERATURE), expected, rtol=1e-10)


def test_umbrellas_that_overlap_give_the_whole(generator: np.random.Generator) -> None:
    """Narrow windows of a harmonic system, none of which sees more than a part of it."""
    centers = np.linspace(-3.0, 3.0, 9)
    stiffness = 4.0
    samples = [
        generator.normal(stiffness * center / (1.0 + stiffness), (1.0 + stiffness) ** -0.5, 3000)
        for center in centers
    ]
    joined = np.concatenate(samples)
    biases = 0.5 * stiffness * KT * (joined - centers[:, None]) ** 2
    weights = pooled_weights(biases, [3000] * 9, TEMPERATURE)
    assert np.sum(weights * joined) == pytest.approx(0.0, abs=0.06)
    assert np.sum(weights * joined**2) == pytest.approx(1.0, abs=0.06)  # that of exp(-x^2/2)


def test_bad_input() -> None:
    with pytest.raises(InvalidArgument, match="do not belong to runs"):
        pooled_weights(np.zeros((2, 10)), [4, 5], TEMPERATURE)
    with pytest.raises(InvalidArgument, match="not finite"):
        pooled_weights(np.full((1, 10), np.nan), [10], TEMPERATURE)
