"""Analytic Jacobians of descriptors against autograd and central differences, in every kind of cell."""

import numpy as np
import pytest
import torch

from gnncv.errors import InvalidArgument
from gnncv.jacobian import (
    AdjacencyEigenvalues,
    Angles,
    CentersOfMass,
    CombinedDescriptors,
    CoordinationNumbers,
    PairDistances,
    RationalSwitching,
    SparseJacobian,
    Torsions,
)
from gnncv.nn import QuinticSwitching
from jacobian_systems import CELLS, N_ATOMS, NAMES, fermi, make_descriptor, random_positions


def dense_by_autograd(function, positions: torch.Tensor) -> torch.Tensor:
    """(F, D, N, 3)."""
    jacobian = torch.autograd.functional.jacobian(lambda x: function(x).sum(0), positions)
    return jacobian.permute(1, 0, 2, 3)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", NAMES)
def test_jacobian_is_that_of_autograd(generator, name, cell):
    descriptor, positions = make_descriptor(name, *CELLS[cell]), random_positions(generator, 3)
    values, jacobian = SparseJacobian.of(descriptor, positions)
    expected = dense_by_autograd(descriptor, positions)
    scale = max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(values, descriptor(positions), rtol=0, atol=1e-12)
    torch.testing.assert_close(jacobian.to_dense(), expected, rtol=0, atol=1e-10 * scale)


@pytest.mark.parametrize("cell", ["open", "skewed"])
@pytest.mark.parametrize("name", NAMES)
def test_jacobian_is_that_of_central_differences(generator, name, cell):
    descriptor, positions = make_descriptor(name, *CELLS[cell]), random_positions(generator, 1)
    _, jacobian = SparseJacobian.of(descriptor, positions)
    steps = 1e-5 * torch.eye(3 * N_ATOMS, dtype=torch.float64).reshape(-1, N_ATOMS, 3)
    difference = (descriptor(positions + steps) - descriptor(positions - steps)) / 2e-5
    expected = difference.T.reshape(-1, N_ATOMS, 3)
    # A torsion may jump by 2 pi within the step: nowhere here, by this bound on its slope.
    assert expected.abs().max() < 1e3
    torch.testing.assert_close(jacobian.to_dense()[0], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_blocks_are_differentiable(generator, name):
    descriptor = make_descriptor(name, *CELLS["triclinic"])
    positions = random_positions(generator, 1).requires_grad_()
    v = torch.from_numpy(generator.normal(size=(1, descriptor.out_features)))

    def gradient(x, v):
        return SparseJacobian.of(descriptor, x)[1].transpose_product(v)

    assert torch.autograd.gradcheck(gradient, (positions, v.requires_grad_()), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_values_do_not_change_with_lattice_translations(generator, name):
    if name == "centers":
        pytest.skip("centers are positions: they lie where their first atom is")
    cell = np.array(CELLS["skewed"][0])
    descriptor, positions = make_descriptor(name, cell, None), random_positions(generator, 2)
    moved = positions + torch.from_numpy(generator.integers(-3, 4, size=(2, N_ATOMS, 3)) @ cell)
    torch.testing.assert_close(descriptor(moved), descriptor(positions), rtol=0, atol=1e-10)
    ours, theirs = (SparseJacobian.of(descriptor, x)[1].blocks for x in (moved, positions))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-8)


def test_torsions_have_the_sign_of_iupac():
    """Looking along the middle bond, a clockwise turn of the far bond is positive."""
    positions = torch.tensor([[[1.0, 0, 0], [0, 0, 0], [0, 0, 1], [0.0, 1.0, 1.0]]], dtype=torch.float64)
    angle = Torsions(4, [[0, 1, 2, 3]])(positions)
    torch.testing.assert_close(angle, torch.tensor([[np.pi / 2]], dtype=torch.float64))


def test_degenerate_eigenvalues(generator):
    """Three atoms at the corners of a regular triangle: -s, -s, 2s. Derivatives are finite, and that of the
    sum right.
    """
    triangle = torch.tensor([[[0, 0, 0], [1, 0, 0], [0.5, 3**0.5 / 2, 0]]], dtype=torch.float64)
    descriptor = AdjacencyEigenvalues(3, switching=fermi)
    values, jacobian = SparseJacobian.of(descriptor, triangle)
    s = fermi(torch.ones(1, dtype=torch.float64))
    torch.testing.assert_close(values[0], torch.cat([-s, -s, 2 * s]), rtol=0, atol=1e-12)
    dense = jacobian.to_dense()[0]
    assert dense.isfinite().all()
    # The trace is zero everywhere; so the two that coincide together have minus the third's derivative.
    torch.testing.assert_close(dense.sum(0), torch.zeros_like(dense[0]), rtol=0, atol=1e-12)
    steps = 1e-5 * torch.eye(9, dtype=torch.float64).reshape(-1, 3, 3)
    top = (descriptor(triangle + steps) - descriptor(triangle - steps))[:, 2].reshape(3, 3) / 2e-5
    torch.testing.assert_close(dense[2], top, rtol=0, atol=1e-8)


def test_singular_points_give_zeros():
    coincident = torch.zeros(1, 4, 3, dtype=torch.float64)
    line = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]]], dtype=torch.float64)
    for descriptor in (
        PairDistances(4),
        Angles(4, [[0, 1, 2]], ["angle", "sin", "cos"]),
        Torsions(4, [[0, 1, 2, 3]], ["angle", "sin", "cos"]),
        CoordinationNumbers(4, switching=RationalSwitching(1.0)),
    ):
        for positions in (coincident, line):
            values, jacobian = SparseJacobian.of(descriptor, positions)
            assert values.isfinite().all() and jacobian.blocks.isfinite().all()
    bent = SparseJacobian.of(Angles(4, [[0, 1, 2]], "cos"), line)[1]
    torch.testing.assert_close(bent.blocks, torch.zeros_like(bent.blocks))


def test_one_cell_a_frame(generator):
    cells = np.stack([np.array(CELLS["triclinic"][0]) * scale for scale in (1.0, 1.1, 0.9)])
    positions = random_positions(generator, 3)
    together = SparseJacobian.of(PairDistances(N_ATOMS, cell=cells), positions, batch_size=2)
    for i in range(3):
        values, jacobian = SparseJacobian.of(PairDistances(N_ATOMS, cell=cells[i]), positions[i : i + 1])
        torch.testing.assert_close(together[0][i : i + 1], values, rtol=0, atol=1e-12)
        torch.testing.assert_close(together[1].blocks[i : i + 1], jacobian.blocks, rtol=0, atol=1e-12)


def test_center_of_a_molecule_across_the_boundary():
    positions = torch.tensor([[[0.1, 0, 0], [3.9, 0, 0]]], dtype=torch.float64)
    center = CentersOfMass(2, [[0, 1]], cell=4.0)(positions)
    torch.testing.assert_close(center, torch.zeros_like(center), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("n", "m"), [(6, 12), (6, 10), (2, 6), (12, 8)])
def test_rational_switching_is_smooth_where_it_is_zero_by_zero(n, m):
    switching = RationalSwitching(2.0, n, m, 0.5)
    x = torch.linspace(2.5 - 0.01, 2.5 + 0.01, 4001, dtype=torch.float64, requires_grad=True)
    values = switching(x)
    (slopes,) = torch.autograd.grad(values.sum(), x, create_graph=True)
    assert values[2000].item() == pytest.approx(n / m, abs=1e-12)
    assert slopes[2000].item() == pytest.approx(n * (n - m) / (2 * m) / 2.0, rel=1e-9)
    spread = (slopes[1:] - slopes[:-1]).abs()
    assert spread.max() < 2 * spread.min() + 1e-9


def test_any_switching_function(generator):
    positions = random_positions(generator, 2)
    for switching in (fermi, QuinticSwitching(3.0, 1.0), lambda d: (d < 2).to(d), lambda d: torch.exp(-d)):
        descriptor = CoordinationNumbers(N_ATOMS, switching=switching)
        values, jacobian = SparseJacobian.of(descriptor, positions)
        distances = torch.cdist(positions, positions)
        terms = switching(distances.flatten()).reshape(distances.shape)
        expected = terms.sum(2) - terms.diagonal(dim1=1, dim2=2)
        torch.testing.assert_close(values, expected, rtol=0, atol=1e-12)
        assert jacobian.blocks.isfinite().all()


def test_no_frames_no_atoms_nothing_asked():
    empty = torch.empty(0, 5, 3)
    assert SparseJacobian.of(PairDistances(5), empty)[1].transpose_product(torch.empty(0, 10)).shape == (
        0,
        5,
        3,
    )
    positions = torch.rand(2, 1, 3)
    values, jacobian = SparseJacobian.of(PairDistances(1), positions)
    assert values.shape == (2, 0) and jacobian.product(positions).shape == (2, 0)
    none = CoordinationNumbers(1, switching=fermi)
    values, jacobian = SparseJacobian.of(none, positions)
    assert values.abs().max() == 0 and jacobian.transpose_product(values).abs().max() == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PairDistances(4, [[0, 4]]), "pairs: atoms 0 to 4, of 4 atoms numbered from 0"),
        (lambda: PairDistances(4, [[1, 1]]), r"pairs: number 0, \[1, 1\], names an atom twice"),
        (lambda: Angles(4, [[0, 1, 2]], "tan"), "modes: .*tan.* is not allowed; allowed: angle, sin, cos"),
        (lambda: CoordinationNumbers(4, [0, 0], switching=fermi), "group_a: .* names an atom twice"),
        (lambda: CentersOfMass(4, [[0], []]), "groups: number 1 has no atoms"),
        (lambda: CentersOfMass(4, [[0]], [1.0]), r"masses: shape \(1,\), expected \(4,\)"),
        (lambda: PairDistances(4, cell=[1.0, 2.0]), "cell: shape .* cannot be used"),
        (lambda: PairDistances(4, cell=[[1, 0, 0], [2, 0, 0], [0, 0, 1]]), "span no volume"),
        (lambda: PairDistances(4, pbc=True), "needs a cell"),
        (lambda: CombinedDescriptors([PairDistances(4), PairDistances(5)]), r"have \[4, 5\]"),
        (lambda: PairDistances(4)(torch.zeros(1, 5, 3)), r"positions: shape \(1, 5, 3\)"),
        (
            lambda: PairDistances(4, cell=np.stack([np.eye(3)] * 3))(torch.zeros(2, 4, 3)),
            "cell: 3 cells for 2 frames",
        ),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(InvalidArgument, match=message):
        make()
