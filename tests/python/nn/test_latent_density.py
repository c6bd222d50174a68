"""The density is that of scikit-learn's mixture, and its slope is exact."""

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from gnncv.nn import LatentDensity


@pytest.mark.parametrize("n_components", [1, 3, 8])
def test_the_density_is_the_mixtures(n_components: int, generator: np.random.Generator) -> None:
    centers = generator.normal(0, 3, (n_components, 3))
    data = centers[generator.integers(0, n_components, 600)] + generator.normal(0, 0.5, (600, 3))
    mixture = GaussianMixture(n_components, random_state=0).fit(data)
    density = LatentDensity(3)
    parts = (mixture.weights_, mixture.means_, mixture.precisions_cholesky_)
    density.set_mixture(*(torch.from_numpy(part) for part in parts))
    points = np.concatenate([data[:50], generator.normal(0, 30, (50, 3))])
    found = density(torch.from_numpy(points)).squeeze(1).numpy()
    np.testing.assert_allclose(found, -mixture.score_samples(points), rtol=1e-9)


def test_slopes(generator: np.random.Generator) -> None:
    density = LatentDensity(2)
    means = torch.from_numpy(generator.normal(0, 2, (4, 2)))
    weights, whitening = torch.full((4,), 0.25).double(), torch.eye(2).double()
    density.set_mixture(weights, means, whitening.repeat(4, 1, 1))
    points = torch.from_numpy(generator.normal(0, 4, (6, 2))).requires_grad_()
    assert torch.autograd.gradcheck(density, (points,))


def test_a_standard_normal_until_it_is_set() -> None:
    points = torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=torch.float64)
    found = LatentDensity(2)(points).squeeze(1)
    assert torch.allclose(found - found[0], torch.tensor([0.0, 12.5], dtype=torch.float64))
