"""Interface pinning on a model that is known: Langevin dynamics in the linear free energy of two phases."""

from __future__ import annotations

import numpy as np
import pytest

from gnncv.analysis import coexistence_pressure, pinned_interface
from gnncv.analysis.thermal import thermal_energy
from gnncv.errors import InvalidArgument

TEMPERATURE = 95.84
CRYSTAL, MELT = 0.97, 0.04  # of the variable, per atom


def pinned(
    generator: np.random.Generator, delta_mu: float, kappa: float, anchor: float, n: int, memory: float
) -> np.ndarray:
    """Exact samples of overdamped motion in the restraint and the linear free energy; `memory`: of a step."""
    center = anchor - delta_mu / (CRYSTAL - MELT) / kappa
    width = np.sqrt(thermal_energy(TEMPERATURE) / kappa)
    noise = generator.normal(size=n)
    deviations = np.empty(n)
    deviations[0] = noise[0]
    for k in range(1, n):
        deviations[k] = memory * deviations[k - 1] + np.sqrt(1.0 - memory**2) * noise[k]
    return center + width * deviations


@pytest.mark.parametrize("delta_mu", [0.0, 0.03, -0.2])
def test_the_difference_and_its_error_are_those_of_the_model(
    delta_mu: float, generator: np.random.Generator
) -> None:
    n_runs, n_samples, memory, kappa = 25, 2000, 0.9, 0.0015
    found = [
        pinned_interface(
            pinned(generator, delta_mu, kappa, 800.0, n_samples, memory),
            800.0,
            kappa,
            CRYSTAL,
            MELT,
            TEMPERATURE,
        )
        for _ in range(n_runs)
    ]
    values, errors = np.array([(one.delta_mu, one.error) for one in found]).T
    # Exact: the mean's variance is that of one sample times (1 + m) / (1 - m) / n_samples.
    exact = (CRYSTAL - MELT) * np.sqrt(
        kappa * thermal_energy(TEMPERATURE) * (1 + memory) / (1 - memory) / n_samples
    )
    assert abs(values.mean() - delta_mu) < 4 * exact / np.sqrt(n_runs)
    assert 0.9 * exact < errors.mean() < 1.5 * exact  # the largest of several estimates is on the safe side
    scaled = (values - delta_mu) / errors
    print("deviations in units of their errors:", np.round(scaled.std(), 2))
    assert 0.5 < scaled.std() < 1.5
    assert np.mean([one.linearity for one in found]) == pytest.approx(1.0, abs=0.05)


def test_a_box_that_resists_shows_in_the_linearity(generator: np.random.Generator) -> None:
    kappa, box = 0.0015, 0.0015
    samples = pinned(generator, 0.0, kappa + box, 800.0, 20_000, 0.5)
    found = pinned_interface(samples, 800.0, kappa, CRYSTAL, MELT, TEMPERATURE)
    assert found.linearity == pytest.approx(0.5, abs=0.05)


def test_the_result_does_not_depend_on_what_counts_the_crystal(generator: np.random.Generator) -> None:
    """A variable that is scaled and shifted, with the restraint that is then the same, says the same."""
    samples = pinned(generator, 0.05, 0.002, 700.0, 3000, 0.8)
    first = pinned_interface(samples, 700.0, 0.002, CRYSTAL, MELT, TEMPERATURE)
    scale, shift, n_atoms = generator.uniform(-4.0, -1.0), generator.normal(), 1600
    bulk = [scale * one + shift / n_atoms for one in (CRYSTAL, MELT)]
    other = pinned_interface(
        scale * samples + shift, scale * 700.0 + shift, 0.002 / scale**2, bulk[0], bulk[1], TEMPERATURE
    )
    assert other.delta_mu == pytest.approx(first.delta_mu, rel=1e-9)
    assert other.error == pytest.approx(first.error, rel=1e-9)


def test_the_coexistence_pressure_follows_from_another() -> None:
    slope = -0.125  # the denser crystal gains with pressure
    assert coexistence_pressure(2.5, slope * (2.5 - 2.185), slope) == pytest.approx(2.185)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kappa_kj_mol": 0.0}, "kappa_kj_mol is 0.0"),
        ({"crystal_per_atom": MELT}, "does not tell the phases apart"),
        ({"samples": np.zeros(15)}, "at least 16"),
        ({"anchor": np.nan}, "must be finite"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, object], message: str) -> None:
    options = {
        "samples": np.arange(32.0),
        "anchor": 10.0,
        "kappa_kj_mol": 0.001,
        "crystal_per_atom": CRYSTAL,
        "melt_per_atom": MELT,
        "temperature_kelvin": TEMPERATURE,
    }
    with pytest.raises(InvalidArgument, match=message):
        pinned_interface(**{**options, **changes})
    with pytest.raises(InvalidArgument, match=r"delta_volume is 0\.0"):
        coexistence_pressure(2.0, 0.1, 0.0)
