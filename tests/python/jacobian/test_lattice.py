"""The shortest image against all images within reach, in random and very oblique cells."""

import itertools

import numpy as np
import pytest
import torch

from gnncv.jacobian.lattice import Lattice

IMAGES = np.array(list(itertools.product(range(-6, 7), repeat=3)))


def shortest_by_enumeration(vectors: np.ndarray, cell: np.ndarray, pbc: np.ndarray) -> np.ndarray:
    """Lengths of the shortest images, after wrapping, over 13^3 of them."""
    full = np.where(pbc[:, None], cell, np.eye(3) * 1e3)
    wrapped = vectors - np.round(vectors @ np.linalg.inv(full)) * pbc @ full
    images = (IMAGES * pbc) @ full
    return np.linalg.norm(wrapped[:, None] + images, axis=2).min(1)


@pytest.mark.parametrize("pbc", [(1, 1, 1), (1, 1, 0), (0, 1, 0), (1, 0, 1)])
@pytest.mark.parametrize("oblique", [0.0, 0.5, 2.0])
def test_no_image_is_shorter(generator, oblique, pbc):
    pbc = np.array(pbc, dtype=bool)
    for _ in range(20):
        cell = np.diag(generator.uniform(1.5, 4, size=3)) + oblique * np.tril(
            generator.normal(size=(3, 3)), -1
        )
        vectors = generator.uniform(-10, 10, size=(1, 200, 3))
        found = Lattice.of(cell, pbc).shortest(torch.from_numpy(vectors))[0].numpy()
        expected = shortest_by_enumeration(vectors[0], cell, pbc)
        assert (np.linalg.norm(found, axis=1) < expected + 1e-10).all()
        # ... and what was found is an image.
        whole = (found - vectors[0]) @ np.linalg.inv(np.where(pbc[:, None], cell, np.eye(3)))
        np.testing.assert_allclose(whole[:, pbc], np.round(whole[:, pbc]), rtol=0, atol=1e-9)


def test_single_precision(generator):
    cell = np.array([[4.0, 0, 0], [2.1, 3.7, 0], [-1.6, 1.5, 3.9]])
    vectors = torch.from_numpy(generator.uniform(-10, 10, size=(3, 100, 3)))
    lattice = Lattice.of(cell)
    found = lattice.shortest(vectors.float())
    assert found.dtype == torch.float32
    torch.testing.assert_close(
        found.norm(dim=2).double(), lattice.shortest(vectors).norm(dim=2), rtol=0, atol=1e-5
    )
