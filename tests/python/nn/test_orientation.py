"""OrientationInvariants: the formula written out, derivatives of every order, the tables they become."""

import numpy as np
import pytest
import torch
from scipy.special import eval_legendre

from gnncv.errors import InvalidArgument
from gnncv.models.tabulated_orientation import TabulatedOrientation
from gnncv.nn import HardCutoff, OrientationInvariants, QuinticSwitching, operators
from pair_structures import CUTOFF, Structure, compare, random_axes

SHAPES = [([True], 4, True), ([True], 2, False), ([True, False], 4, True), ([False, True, True], 2, True)]


def layer(headless, degree, average, n_species=2, n_radial=3):
    switching = QuinticSwitching(CUTOFF, 0.8 * CUTOFF)
    return OrientationInvariants(CUTOFF, switching, n_species, n_radial, headless, degree, average).double()


def features_of(invariants, at, axes, vectors=None):
    vectors = at.vectors() if vectors is None else vectors
    distances = operators.pair_distances(vectors)
    return invariants(vectors, distances, at.center, at.neighbor, at.row_ptr, at.types, axes)


@pytest.mark.parametrize(("headless", "degree", "average"), SHAPES)
def test_features_written_out_pair_by_pair(headless, degree, average, generator):
    """The formula with plain loops and SciPy's Legendre polynomials, every axis present."""
    at = Structure("slab", 7, generator)
    n_axes = len(headless)
    axes = generator.normal(size=(7, n_axes, 3))
    axes /= np.linalg.norm(axes, axis=2, keepdims=True)
    invariants = layer(headless, degree, average)
    got = features_of(invariants, at, torch.from_numpy(axes)).detach().numpy()
    assert got.shape == (7, invariants.n_features)
    vectors = at.vectors().detach()
    lengths = vectors.norm(dim=1)
    f = invariants.switching(lengths).numpy()
    radial = (invariants.basis(lengths) * invariants.switching(lengths)[:, None]).numpy()
    u = (vectors / lengths[:, None]).numpy()

    def polynomials(cosine, polar):
        return [eval_legendre(n, cosine) for n in ([1] if polar else []) + [2, 4][: degree // 2]]

    own = []
    for p in range(len(u)):
        a, b = axes[at.center[p]], axes[at.neighbor[p]]
        terms = [q for k in range(n_axes) for q in polynomials(u[p] @ a[k], not headless[k])]
        terms += [q for k in range(n_axes) for q in polynomials(u[p] @ b[k], not headless[k])]
        for k in range(n_axes):
            for m in range(n_axes):
                terms += polynomials(a[k] @ b[m], not (headless[k] or headless[m]))
                terms.append((u[p] @ a[k]) * (u[p] @ b[m]) * (a[k] @ b[m]))
        own.append(np.outer(np.outer(np.eye(2)[at.types[at.neighbor[p]]], radial[p]), terms).ravel())
    own = np.reshape(own, (len(u), -1))
    density, norm = np.zeros((7, own.shape[1])), np.ones((7, 1))
    np.add.at(density, at.center.numpy(), own)
    np.add.at(norm, at.center.numpy(), f[:, None])
    density /= norm
    expected = density
    if average:
        shared = density.copy()
        np.add.at(shared, at.center.numpy(), f[:, None] * density[at.neighbor.numpy()])
        expected = np.hstack([density, shared / norm])
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)


def test_aligned_axes_are_told_from_turned_ones(generator):
    """All parallel: P_2(z) and P_4(z) are the radial sums; turned at random they are far smaller."""
    at = Structure("cubic", 60, generator)
    invariants = layer([True], 4, True, n_species=1)
    at.types = torch.zeros(60, dtype=torch.int64)
    axis = generator.normal(size=3)
    signs = generator.choice([-1.0, 1.0], (60, 1, 1))
    aligned = torch.from_numpy(signs * axis / np.linalg.norm(axis))
    turned = generator.normal(size=(60, 1, 3))
    turned = torch.from_numpy(turned / np.linalg.norm(turned, axis=2, keepdims=True))
    of_aligned, of_turned = (features_of(invariants, at, a).detach() for a in (aligned, turned))
    distances = operators.pair_distances(at.vectors().detach())
    switching = invariants.switching(distances)[:, None]
    sums = operators.segment_sum(invariants.basis(distances) * switching, at.row_ptr)
    sums = sums / (1.0 + operators.segment_sum(switching, at.row_ptr))
    terms = of_aligned.reshape(60, 2, 3, 7)
    for number in (4, 5):
        torch.testing.assert_close(terms[:, 0, :, number], sums)
        size = of_turned.reshape(60, 2, 3, 7)[:, 1, :, number].abs().mean()
        assert size < 0.4 * terms[:, 1, :, number].abs().mean()


@pytest.mark.parametrize(("headless", "degree", "average"), SHAPES)
def test_derivatives_of_every_order(headless, degree, average, generator):
    at = Structure("open", 4, generator)
    invariants = layer(headless, degree, average, n_radial=2)
    axes = random_axes(generator, 4, len(headless), torch.float64)

    def energy(positions, axes):
        bonds = positions[at.neighbor] - positions[at.center]
        return features_of(invariants, at, axes, bonds).square().sum()

    with operators.use_references():
        assert torch.autograd.gradcheck(energy, (at.positions, axes))
        assert torch.autograd.gradgradcheck(energy, (at.positions, axes), atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*deprecated.*:DeprecationWarning")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("headless", "degree", "average"), SHAPES)
def test_the_table_is_the_layer(headless, degree, average, dtype, generator, tmp_path):
    """Standardized, and the same from a saved file; values and gradients of positions, strain and axes."""
    at = Structure("triclinic", 20, generator)
    invariants = layer(headless, degree, average)
    n = invariants.n_features
    mean, scale = (torch.from_numpy(generator.uniform(0.5, 1.5, n)) for _ in range(2))
    module = TabulatedOrientation(invariants, mean, scale, CUTOFF, 1e-9)
    assert module.error <= 1e-9
    torch.jit.script(module).save(tmp_path / "module.pt")
    tabulated = torch.jit.load(tmp_path / "module.pt")
    axes = random_axes(generator, 20, len(headless), torch.float64)
    vectors = at.vectors(dtype)
    rows = (at.neighbor, at.row_ptr, at.types, axes.to(dtype))
    got = tabulated(vectors, operators.pair_distances(vectors), *rows)
    assert got.dtype == dtype
    expected = ((features_of(invariants, at, axes) - mean) / scale).to(dtype)
    compare_loosely = torch.float32  # tables are as exact as their tolerance
    compare([got], [expected], [at.positions, at.strain, axes], generator, compare_loosely)
    again = module(vectors, operators.pair_distances(vectors), *rows)
    assert torch.equal(again, got)


@pytest.mark.parametrize("average", [False, True])
def test_a_neighbor_leaves_smoothly(average, generator):
    """At the cutoff its contribution and its slope, of the vector and of its axis, have become zero."""
    invariants = layer([True, False], 4, average, n_species=1)
    n = invariants.n_features
    module = TabulatedOrientation(invariants, torch.zeros(n).double(), torch.ones(n).double(), CUTOFF, 1e-9)
    direction = generator.normal(size=3)
    direction = torch.from_numpy(direction / np.linalg.norm(direction))
    axes = random_axes(generator, 3, 2, torch.float64)
    fixed = torch.tensor([0.0, 0.6 * CUTOFF, 0.0]).double()

    def features(distance, n_pairs):
        """Sites 0 and 1 are near; 2 is at this distance from 0."""
        far = distance * direction
        vectors = torch.stack([fixed, far, -fixed, -far])[: n_pairs or None]
        if n_pairs == 2:
            vectors = torch.stack([fixed, -fixed])
            rows = (torch.tensor([1, 0]), torch.tensor([0, 1, 2, 2]))
        else:
            rows = (torch.tensor([1, 2, 0, 0]), torch.tensor([0, 2, 3, 4]))
        types = torch.zeros(3, dtype=torch.int64)
        return module(vectors, operators.pair_distances(vectors), *rows, types, axes)

    without = features(torch.tensor(1.0).double(), 2).detach()
    changes = []
    for gap in (1e-2, 1e-3):
        distance = torch.tensor((1.0 - gap) * CUTOFF).double().requires_grad_()
        change = features(distance, 0) - without
        slopes = torch.autograd.grad(change[0].sum(), [distance, axes])
        changes.append([float(x.detach().abs().max()) for x in (change, slopes[0], slopes[1][2])])
    for before, after, power in zip(*changes, (3, 2, 3), strict=True):
        assert before > 0
        assert after < 2.0 * 10.0**-power * before


def test_what_cannot_be_is_said():
    switching = HardCutoff()
    with pytest.raises(InvalidArgument, match="need an axis"):
        OrientationInvariants(5.0, switching, 1, 4, [])
    with pytest.raises(InvalidArgument, match="a site has 5 axes, and .* take 4 at most"):
        OrientationInvariants(5.0, switching, 1, 4, [True] * 5)
    with pytest.raises(InvalidArgument, match="degree of the orientation invariants is 6, expected 2 or 4"):
        OrientationInvariants(5.0, switching, 1, 4, [True], 6)
