"""The analytic collective variable that other tests lean on is itself right."""

import numpy as np
import pytest

from analytic_cv import AnalyticCV, random_atoms
from gnncv.errors import InvalidArgument

SYSTEMS = [(0, True), (1, True), (2, False), (7, True), (40, [True, True, False]), (40, True), (40, False)]


@pytest.mark.parametrize("triclinic", [False, True])
@pytest.mark.parametrize(("n_atoms", "pbc"), SYSTEMS)
def test_gradients_are_central_differences(n_atoms, pbc, triclinic):
    seed = 7 + n_atoms
    print("seed", seed)
    rng = np.random.default_rng(seed)
    atoms = random_atoms(rng, n_atoms, pbc, triclinic)
    cv = AnalyticCV(cutoff=5.3, middle=1.5, width=1.0)
    cv.bind(atoms.get_chemical_symbols())
    result = cv.compute(atoms)
    positions, cell, h = atoms.positions, atoms.cell.array, 1e-5
    direction = rng.normal(size=positions.shape)
    plus = cv.compute(positions + h * direction, cell, atoms.pbc, outputs=[]).values
    minus = cv.compute(positions - h * direction, cell, atoms.pbc, outputs=[]).values
    expected = np.einsum("gna,na->g", result.gradients, direction)
    assert np.allclose((plus - minus) / (2 * h), expected, rtol=1e-7, atol=1e-8)
    strain = rng.normal(size=(3, 3))
    up, down = np.eye(3) + h * strain, np.eye(3) - h * strain
    plus = cv.compute(positions @ up.T, cell @ up.T, atoms.pbc, outputs=[]).values
    minus = cv.compute(positions @ down.T, cell @ down.T, atoms.pbc, outputs=[]).values
    expected = np.einsum("gab,ab->g", result.strain_gradient, strain)
    assert np.allclose((plus - minus) / (2 * h), expected, rtol=1e-7, atol=1e-8)


def test_outputs_are_chosen_by_name():
    atoms = random_atoms(np.random.default_rng(1), 20)
    cv = AnalyticCV()
    result = cv.compute(atoms, outputs=["progress"])
    assert (
        result.names == cv.names and result.outputs == ["progress"] and result.gradients.shape == (1, 20, 3)
    )
    assert np.array_equal(result.gradient("progress"), cv.compute(atoms).gradient("progress"))
    assert cv.compute(atoms, outputs=[]).gradients.shape == (0, 20, 3)
    assert result["coordination"] == pytest.approx(cv.per_site(atoms)["coordination"].mean())
    with pytest.raises(InvalidArgument, match="'nothing' is unknown; the model has coordination"):
        cv.compute(atoms, outputs=["nothing"])
    with pytest.raises(InvalidArgument, match="it knows Ar"):
        AnalyticCV().bind(["Xe"])
