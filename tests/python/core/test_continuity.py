"""Values and gradients are continuous through the cutoff, through rebuilds and through changes of image."""

import numpy as np
import pytest
from ase import Atoms

from systems import BOXES


def random_walk(atoms: Atoms, cutoff: float, generator: np.random.Generator, n_steps: int = 60):
    """Atoms and cell that move a little each step, with atoms wrapped back now and then."""
    atoms = atoms.copy()
    for step in range(n_steps):
        atoms.positions += generator.normal(scale=0.006 * cutoff, size=atoms.positions.shape)
        strain = np.eye(3) + generator.normal(scale=0.004, size=(3, 3))
        atoms.set_cell(atoms.cell.array @ strain.T)
        atoms.positions = atoms.positions @ strain.T
        if step % 7 == 3:
            atoms.positions += generator.normal(size=3)  # everything at once
        if step % 10 == 5 and atoms.pbc.any():
            atoms.wrap()
        yield atoms


@pytest.mark.parametrize("box", BOXES)
def test_skin_changes_nothing(model, box, generator):
    atoms = model.structure(box, 30, generator)
    cutoff = model.cv().cutoff
    with_skin, without = model.cv(skin=0.15 * cutoff), model.cv(skin=0.0)
    for current in random_walk(atoms, cutoff, generator):
        a, b = with_skin.compute(current), without.compute(current)
        assert with_skin.statistics["n_pairs"] == without.statistics["n_pairs"]
        scale = max(np.abs(b.gradients).max(), np.abs(b.strain_gradient).max(), 1.0)
        np.testing.assert_allclose(a.values, b.values, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(a.gradients, b.gradients, rtol=0, atol=1e-12 * scale)
        np.testing.assert_allclose(a.strain_gradient, b.strain_gradient, rtol=0, atol=1e-11 * scale)
    rebuilds, evaluations = with_skin.statistics["n_rebuilds"], with_skin.statistics["n_evaluations"]
    assert 2 <= rebuilds < evaluations / 2
    assert without.statistics["n_rebuilds"] == evaluations


@pytest.mark.parametrize("skin", [None, 0.0])
def test_an_atom_crosses_the_cutoff(model, skin, generator):
    """In tiny steps through the cutoff no step differs from the next, in value or in gradient."""
    cv = model.cv(skin=skin)
    box = model.structure("open", 7, generator)
    far = box.positions[:, 0].max()
    edge = int(box.positions[:, 0].argmax())
    species = box.get_chemical_symbols()[edge]
    step = 1e-7 * cv.cutoff

    def at(x: float):
        atoms = box + Atoms(species, [[far + cv.cutoff + x, *box.positions[edge, 1:]]])
        return cv.compute(atoms)

    results = [at(k * step) for k in range(-5, 6)]
    pairs = [at(-step), cv.statistics["n_pairs"], at(step), cv.statistics["n_pairs"]]
    assert pairs[1] == pairs[3] + 2
    values = np.array([result.values for result in results])
    gradients = np.array([result.gradients for result in results])
    # Second differences: of order step^2 where all is smooth, and the whole jump where it is not.
    scale = np.maximum(1.0, np.abs(gradients).max(axis=(0, 2, 3)))  # of each output: what a bond can do to it
    assert (np.abs(np.diff(values, n=2, axis=0)) / scale).max() < 1e-9
    assert (np.abs(np.diff(gradients, n=2, axis=0)).max(axis=(2, 3)) / scale).max() < 1e-9


def test_the_last_neighbor_leaves(model):
    """Two atoms part: value and gradient go to those of lone atoms without a jump."""
    cv = model.cv()
    species = cv.species[0]

    def at(distance: float):
        return cv.compute(Atoms([species] * 2, [[0.0, 0.0, 0.0], [0.0, 0.0, distance]]))

    apart = at(2.0 * cv.cutoff)
    assert np.abs(apart.gradients).max() == 0.0
    close = at(cv.cutoff * (1.0 - 1e-5))
    np.testing.assert_allclose(close.values, apart.values, atol=1e-9)
    np.testing.assert_allclose(close.gradients, 0.0, atol=1e-6)
    assert np.abs(at(0.6 * cv.cutoff).gradients).max() > 1e-4


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_atom_changes_its_image(model, axis, generator):
    atoms = model.structure("triclinic", 12, generator)
    cv = model.cv()
    atoms.positions -= atoms.positions[0]
    before = cv.compute(atoms)
    for shift in (1, -3):
        moved = atoms.copy()
        moved.positions[0] += shift * atoms.cell.array[axis]
        after = cv.compute(moved)
        np.testing.assert_allclose(after.values, before.values, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(after.gradients, before.gradients, rtol=0, atol=1e-11)
    assert cv.statistics["n_rebuilds"] == 1  # the list follows the atom instead


def test_a_common_displacement_costs_no_rebuild(model, generator):
    """Half a lattice vector is the hard one: each atom alone could be on either side of it."""
    atoms = model.structure("cubic", 12, generator)
    cv = model.cv()
    half = atoms.cell.array[0] / 2
    for displacement in (half, -half, *generator.normal(scale=10.0, size=(3, 3))):
        cv.compute(atoms, outputs=[])
        atoms.positions += displacement + generator.normal(scale=1e-3, size=atoms.positions.shape)
    cv.compute(atoms, outputs=[])
    assert cv.statistics["n_rebuilds"] == 1
