"""Block error bars are right for correlated samples with known statistics."""

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import norm

from gnncv.analysis import kish_sample_size, scan_blocks, weighted_histogram
from gnncv.errors import InvalidArgument

PHI = 0.95  # samples of an AR(1) process with this memory are worth 1 in 39
INEFFICIENCY = (1 + PHI) / (1 - PHI)


def correlated(rng, n_samples):
    """Stationary AR(1) samples of unit variance."""
    noise = rng.normal(size=n_samples) * np.sqrt(1 - PHI**2)
    noise[0] = rng.normal()
    return lfilter([1.0], [1.0, -PHI], noise)


@pytest.mark.parametrize("tilt", [0.0, 0.7])
@pytest.mark.parametrize("n_blocks", [5, 20])
def test_histogram_errors_have_the_right_size_and_coverage(tilt, n_blocks):
    """Weights exp(tilt x) move the mean of a normal distribution by tilt: the density is known exactly."""
    seed = 11 + n_blocks
    print("seed", seed)
    rng = np.random.default_rng(seed)
    edges = np.linspace(-1.5, 2.5, 9)
    exact = np.diff(norm.cdf(edges, loc=tilt)) / np.diff(edges)
    found, errors = [], []
    for _ in range(500):
        x = correlated(rng, 20_000)
        histogram = weighted_histogram(x, np.exp(tilt * x), edges, n_blocks)
        found.append(histogram.density)
        errors.append(histogram.errors)
    found, errors = np.array(found), np.array(errors)
    true_error = found.std(axis=0, ddof=1)
    assert np.all(np.abs(found.mean(axis=0) - exact) < 5 * true_error / np.sqrt(500))
    ratio = np.sqrt(np.mean(errors**2, axis=0)) / true_error
    print("estimated / true error", ratio)
    assert np.all((ratio > 0.8) & (ratio < 1.25)) and abs(ratio.mean() - 1.0) < 0.07
    coverage = np.mean(np.abs(found - exact) < 2 * errors)
    expected = {5: 0.884, 20: 0.940}[n_blocks]  # Student's t with n_blocks - 1 degrees of freedom
    assert abs(coverage - expected) < 0.05
    naive = np.sqrt(found.mean(axis=0) / np.diff(edges)[0] / 20_000)  # as if samples were independent
    assert np.all(true_error > 1.5 * naive)  # so correlation is what the test is about


def test_the_scan_rises_to_the_error_of_the_mean():
    seed = 4
    print("seed", seed)
    scan = scan_blocks(correlated(np.random.default_rng(seed), 200_000))
    expected = np.sqrt(INEFFICIENCY / 200_000)
    assert scan.errors[0] == pytest.approx(np.sqrt(1 / 200_000), rel=0.05)
    plateau = scan.errors[scan.sizes == 2048][0]
    assert plateau == pytest.approx(expected, rel=0.25)
    assert 0.6 < scan.inefficiency / INEFFICIENCY < 2.5
    assert np.all(np.diff(scan.errors[:6]) > 0)
    assert np.allclose(scan.uncertainties, scan.errors / np.sqrt(2 * (scan.n_blocks - 1)))


def test_weighted_mean_and_chosen_sizes():
    rng = np.random.default_rng(5)
    x, w = rng.normal(size=1000), rng.uniform(size=1000)
    scan = scan_blocks(x, w, sizes=[1, 10, 100])
    assert scan.mean == pytest.approx(np.average(x, weights=w))
    assert scan.n_blocks.tolist() == [1000, 100, 10]
    assert np.allclose(scan.errors, scan_blocks(x, 7e3 * w, sizes=[1, 10, 100]).errors)


@pytest.mark.parametrize("n_samples", [1, 2, 3, 7, 64, 500])
def test_effective_samples(n_samples):
    assert kish_sample_size(np.full(n_samples, 3.0)) == pytest.approx(n_samples)
    one = np.zeros(n_samples)
    one[0] = 1e-3
    assert kish_sample_size(one) == pytest.approx(1.0)


def test_density_is_normalized_over_all_samples():
    x = np.random.default_rng(6).normal(size=5000)
    histogram = weighted_histogram(x, None, np.linspace(-1, 1, 21), 5)
    assert histogram.inside == pytest.approx(np.mean(np.abs(x) <= 1))
    assert np.sum(histogram.density) * 0.1 == pytest.approx(histogram.inside)


@pytest.mark.parametrize(
    ("samples", "weights", "edges", "n_blocks", "message"),
    [
        ([], None, [0, 1], 2, "no samples"),
        ([1, 2], [1], [0, 1], 2, "do not match"),
        ([1, np.nan], None, [0, 1], 2, "finite"),
        ([1, 2], [1, -1], [0, 1], 2, "negative"),
        ([1, 2], [0, 0], [0, 1], 2, "all zero"),
        ([1, 2], None, [1, 0], 2, "ascending"),
        ([1, 2], None, [0, 1], 1, "n_blocks is 1"),
        ([1, 2], None, [0, 1], 3, "n_blocks is 3"),
    ],
)
def test_bad_input(samples, weights, edges, n_blocks, message):
    weights = None if weights is None else np.array(weights, dtype=float)
    with pytest.raises(InvalidArgument, match=message):
        weighted_histogram(np.array(samples, dtype=float), weights, np.array(edges, dtype=float), n_blocks)


def test_bad_block_sizes():
    with pytest.raises(InvalidArgument, match="fewer than two blocks"):
        scan_blocks(np.arange(10.0), sizes=[6])
    with pytest.raises(InvalidArgument, match="fewer than two blocks"):
        scan_blocks(np.arange(10.0), sizes=[0])
