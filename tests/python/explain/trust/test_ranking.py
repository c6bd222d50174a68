"""Agreement is scipy's rank correlation, and overlap counts what is really among the highest."""

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from additive_function import AdditiveFunction, edge_explanation
from gnncv.errors import InvalidArgument
from gnncv.explain import agreement
from gnncv.explain.measured_trust.ranking import descending, spearman, top_overlap


def test_agreement_is_of_absolute_scores_and_symmetric():
    random = np.random.default_rng(11)
    function = AdditiveFunction(random.normal(size=20))
    one, noise = random.normal(size=20), random.normal(size=20)
    scores = {"one": one, "flipped": -one, "near": one + 0.3 * noise, "other": noise}
    result = agreement({name: edge_explanation(s, function) for name, s in scores.items()}, 4)
    assert result.methods == tuple(scores)
    for matrix in (result.spearman, result.kendall, result.overlap):
        assert np.allclose(matrix, matrix.T) and np.allclose(np.diag(matrix), 1.0)
        assert matrix[0, 1] == pytest.approx(1.0)
    assert result.spearman[0, 2] == pytest.approx(spearmanr(np.abs(one), np.abs(one + 0.3 * noise)).statistic)
    assert result.kendall[0, 3] == pytest.approx(kendalltau(np.abs(one), np.abs(noise)).statistic)
    top = [set(np.argsort(-np.abs(s))[:4]) for s in (one, noise)]
    assert result.overlap[0, 3] == pytest.approx(len(top[0] & top[1]) / len(top[0] | top[1]))


def test_constants_agree_with_each_other_only():
    assert spearman(np.zeros(5), np.full(5, 2.0)) == 1.0
    assert spearman(np.zeros(5), np.arange(5.0)) == 0.0
    assert top_overlap(np.zeros(5), np.zeros(5), 2) == 1.0
    one, other = np.array([1.0, 0, 0, 0, 0]), np.array([0, 0, 0, 0, 1.0])
    assert top_overlap(one, other, 3) == 0.0, "zeros are not among the highest"


def test_ties_are_broken_at_random_and_nothing_else_is():
    orders = [descending(np.array([1.0, 3.0, 1.0, 2.0, 1.0]), np.random.default_rng(k)) for k in range(200)]
    assert all(order[:2].tolist() == [1, 3] for order in orders)
    firsts = [int(order[2]) for order in orders]
    assert min(firsts.count(tied) for tied in (0, 2, 4)) > 40


def test_explanations_of_different_things_are_not_compared():
    function, larger = AdditiveFunction(np.arange(6.0)), AdditiveFunction(np.arange(8.0))
    with pytest.raises(InvalidArgument, match="at least two"):
        agreement({"one": edge_explanation(np.arange(6.0), function)})
    pair = {
        "one": edge_explanation(np.arange(6.0), function),
        "two": edge_explanation(np.arange(8.0), larger),
    }
    with pytest.raises(InvalidArgument, match="only scores of the same"):
        agreement(pair)
