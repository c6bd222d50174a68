"""Weights and c(t) on cases that can be done by hand."""

import numpy as np
import pytest

from gnncv.analysis import bias_weights, final_bias_weights, tiwary_parrinello_weights
from gnncv.analysis.bias import hill_sum
from gnncv.analysis.reweight import bias_offset
from gnncv.analysis.thermal import BOLTZMANN_KJ_MOL_K
from gnncv.errors import InvalidArgument
from gnncv.files import Hills, HillsWriter, read_hills

TEMPERATURE = 1.0 / BOLTZMANN_KJ_MOL_K  # kT = 1 kJ/mol


def hills_of(centers, heights, sigma=0.1, bias_factor=5.0, **more):
    centers = np.asarray(centers, dtype=float).reshape(len(heights), -1)
    names = ["s", "u"][: centers.shape[1]]
    scale = 1.0 if bias_factor is None else bias_factor / (bias_factor - 1.0)
    heights = scale * np.asarray(heights, dtype=float)
    time = np.arange(1.0, len(heights) + 1)
    return Hills(names, time, centers, np.full(centers.shape, sigma), heights, bias_factor, **more)


def test_bias_weights_are_boltzmann_factors_and_do_not_overflow():
    weights = bias_weights(np.array([0.0, np.log(3.0)]), TEMPERATURE)
    assert np.allclose(weights, [0.25, 0.75])
    assert np.allclose(bias_weights(np.array([5000.0, 5000.0 + np.log(3.0)]), TEMPERATURE), [0.25, 0.75])


def test_the_final_bias_is_what_the_run_felt():
    """Heights in the file are scaled up: the bias is not their sum."""
    hills = hills_of([0.0, 0.0], [1.0, 2.0])
    assert hill_sum(hills, np.array([0.0, 0.1]))[0] == pytest.approx(3.0)
    weights = final_bias_weights(np.array([0.0, 0.1, 5.0]), hills, TEMPERATURE)
    assert weights[0] / weights[2] == pytest.approx(np.exp(3.0), rel=1e-3)
    assert weights[1] / weights[2] == pytest.approx(np.exp(3.0 * np.exp(-0.5)), rel=1e-3)


def test_two_variables_and_periodicity():
    hills = hills_of([[0.0, 0.0], [3.1, 0.0]], [1.0, 1.0], constants={"min_s": "-pi", "max_s": "pi"})
    points = np.array([[0.1, 0.0], [-3.1, 0.1]])
    separation = 2 * np.pi - 6.2
    expected = [np.exp(-0.5), np.exp(-0.5 * (separation / 0.1) ** 2 - 0.5)]
    assert np.allclose(hill_sum(hills, points), expected, atol=1e-12)
    weights = final_bias_weights(points, hills, TEMPERATURE)
    assert weights[0] / weights[1] == pytest.approx(np.exp(expected[0] - expected[1]))


def test_kernels_of_plumed():
    """The stretched Gaussian keeps its height and ends at zero; the cut one is cut at 3.54 widths."""
    points = 0.1 * np.array([0.0, 1.0, 3.5, 3.54])
    stretched = hill_sum(hills_of([0.0], [1.0], kernel="stretched-gaussian"), points)
    edge = np.exp(-6.25)
    assert np.allclose(stretched, [1.0, (np.exp(-0.5) - edge) / (1 - edge), stretched[2], 0.0], atol=1e-15)
    assert 0.0 < stretched[2] < 1e-3
    cut = hill_sum(hills_of([0.0], [1.0]), points, plumed_cutoff=True)
    assert np.allclose(cut, [1.0, np.exp(-0.5), np.exp(-6.125), 0.0], atol=1e-15)


@pytest.mark.parametrize("bias_factor", [None, 2.0, 10.0])
def test_the_offset_of_a_flat_bias_is_the_bias(bias_factor):
    grid = np.linspace(0, 1, 101)
    assert bias_offset(np.full(101, 4.2), grid, bias_factor, TEMPERATURE) == pytest.approx(4.2)
    assert bias_offset(np.zeros(101), grid, bias_factor, TEMPERATURE) == pytest.approx(0.0, abs=1e-12)
    step = np.where(grid > 0.5, 2.0, 0.0)
    up, down = (1.0, 0.0) if bias_factor is None else (bias_factor / (bias_factor - 1), 1 / (bias_factor - 1))
    expected = np.log((1 + np.exp(2.0 * up)) / (1 + np.exp(2.0 * down)))
    assert bias_offset(step, grid, bias_factor, TEMPERATURE) == pytest.approx(expected, rel=2e-2)


def test_a_sample_feels_only_earlier_hills():
    hills = hills_of([0.0, 0.5], [2.0, 2.0])  # at times 1 and 2
    times, samples = np.array([1.0, 1.5, 2.5]), np.array([0.0, 0.0, 0.0])
    weights = tiwary_parrinello_weights(times, samples, hills, TEMPERATURE, domain=(0.0, 0.5))
    grid = np.linspace(0.0, 0.5, 101)
    offsets = [
        bias_offset(hill_sum(hills.part(0, n), grid) if n else 0 * grid, grid, 5.0, TEMPERATURE)
        for n in (0, 1, 2)
    ]
    felt = [0.0, 2.0, 2.0 + 2.0 * np.exp(-12.5)]
    expected = np.exp(np.array(felt) - offsets)
    assert np.allclose(weights, expected / expected.sum(), rtol=1e-3)


def test_bad_input(tmp_path):
    one, two = hills_of([0.0], [1.0]), hills_of([[0.0, 0.0]], [1.0])
    with HillsWriter(tmp_path / "HILLS", "s", 5.0):
        pass
    empty = read_hills(tmp_path / "HILLS")
    x = np.array([0.0, 1.0])
    for call, message in [
        (lambda: bias_weights(np.zeros(0), 300), "no samples"),
        (lambda: bias_weights(np.array([0, np.inf]), 300), "bias of sample 1 is not finite"),
        (lambda: bias_weights(x, -1), "temperature_kelvin is -1"),
        (lambda: final_bias_weights(x, empty, 300), "no hills"),
        (lambda: tiwary_parrinello_weights(x, x, two, 300), "one variable; the hills have s, u"),
        (lambda: tiwary_parrinello_weights(x[::-1], x, one, 300), "ascend"),
        (lambda: tiwary_parrinello_weights(x, x[:1], one, 300), "2 times and 1 samples"),
        (lambda: tiwary_parrinello_weights(x, x, one, 300, domain=(5, 6)), "does not overlap"),
        (lambda: tiwary_parrinello_weights(x, x, empty, 300), "no hills"),
    ]:
        with pytest.raises(InvalidArgument, match=message):
            call()
