"""Free energies from every kind of file agree with the known one within their error bars."""

import numpy as np
import pytest
import toy_metadynamics as toy_model
from toy_metadynamics import BIAS_FACTOR, TEMPERATURE, exact_x, exact_y

from gnncv.analysis import compute_free_energy

SEED = 2026


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    print("seed", SEED)
    return toy_model.run(tmp_path_factory.mktemp("toy"), SEED)


def deviation(curve, exact, highest=16.0):
    """Difference to the known curve where that is low enough to be sampled, means aligned; and the errors."""
    truth = exact(curve.grid)
    chosen = (truth < highest) & np.isfinite(curve.values)
    assert chosen.sum() > 0.5 * (truth < highest).sum()
    difference = (curve.values - truth)[chosen]
    difference -= np.median(difference)
    return difference, None if curve.errors is None else curve.errors[chosen]


def test_from_hills(toy):
    curve = compute_free_energy(toy.hills)
    difference, errors = deviation(curve, exact_x)
    assert np.sqrt(np.mean(difference**2)) < 0.8  # of a 12 kJ/mol barrier
    assert curve.cv == "x" and curve.facts["n_hills"] > 6000
    assert np.mean(np.abs(difference) < 3 * errors + 0.3) > 0.9
    # without the factor g/(g-1) the curve would be 17 % too flat: a barrier 2 kJ/mol too low
    assert curve.values.max() > 0.95 * exact_x(np.array([0.0]))[0]


def test_plain_metadynamics(tmp_path):
    plain = toy_model.run(tmp_path, SEED, n_steps=60_000, bias_factor=None)
    difference, _ = deviation(compute_free_energy(plain.hills, value_range=(-1.4, 1.4)), exact_x)
    assert np.sqrt(np.mean(difference**2)) < 3.0  # hills of 0.8 kJ/mol never get smaller


@pytest.mark.parametrize("weighting", ["final", "tiwary-parrinello", "logged"])
@pytest.mark.parametrize(("column", "exact"), [("x", exact_x), ("y", exact_y)])
def test_from_samples(toy, weighting, column, exact):
    source = {"bias_column": "bias"} if weighting == "logged" else {"bias": toy.hills, "weighting": weighting}
    curve = compute_free_energy(
        toy.colvar,
        cv="x",
        temperature_kelvin=TEMPERATURE,
        reweight_on=None if column == "x" else column,
        blocks=20,
        bins=50,
        discard=0.3,
        **source,
    )
    assert curve.cv == column and curve.facts["n_samples"] == 28_000
    assert 500 < curve.facts["effective_samples"] < 28_000
    difference, errors = deviation(curve, exact, highest=12.0)
    assert np.sqrt(np.mean(difference**2)) < 0.8
    inside = np.mean(np.abs(difference) < 2.5 * errors)
    print(weighting, column, "within 2.5 errors:", inside, "median error:", np.median(errors))
    assert inside > 0.85 and np.median(errors) < 1.0


def test_the_bias_matters(toy):
    """The histogram without weights is nowhere near: the tests above do test the weights."""
    curve = compute_free_energy(
        toy.colvar, cv="x", temperature_kelvin=TEMPERATURE, bias_column=[], discard=0.3
    )
    difference, _ = deviation(curve, exact_x)
    assert np.sqrt(np.mean(difference**2)) > 2.0


def test_from_an_openmm_grid(toy, tmp_path):
    """Walkers are summed, files that a walker left behind are not."""
    part = 0.3 * toy.bias
    np.save(tmp_path / "bias_11_7.npy", part)
    np.save(tmp_path / "bias_11_6.npy", part + 5.0 * np.sin(toy.grid))
    np.save(tmp_path / "bias_222_41.npy", toy.bias - part)
    curve = compute_free_energy(tmp_path, cv="x", bias_range=(-2.5, 2.5), bias_factor=BIAS_FACTOR)
    hills = compute_free_energy(toy.hills, bins=2001, value_range=(-2.5, 2.5))
    assert curve.facts["n_walkers"] == 2 and np.allclose(curve.values, hills.values, atol=1e-8)
    by_grid, by_hills = (
        compute_free_energy(toy.colvar, cv="x", temperature_kelvin=TEMPERATURE, **bias)
        for bias in ({"bias": tmp_path, "bias_range": (-2.5, 2.5)}, {"bias": toy.hills})
    )
    assert np.allclose(by_grid.values, by_hills.values, atol=1e-2, equal_nan=True)


def test_several_hills_files_add_up(toy, tmp_path):
    lines = toy.hills.read_text().splitlines(keepends=True)
    (tmp_path / "a").write_text("".join(lines[:1000]))
    (tmp_path / "b").write_text("".join(lines[:3] + lines[1000:]))
    whole, parts = compute_free_energy(toy.hills), compute_free_energy([tmp_path / "a", tmp_path / "b"])
    assert np.allclose(whole.values, parts.values, atol=1e-9)
