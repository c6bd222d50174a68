"""What must not change the values: translation, rotation, images, order of the atoms, replication."""

import numpy as np
import pytest
from ase import Atoms

import gnncv
from systems import BOXES, random_rotation

TOLERANCE = {"rtol": 1e-10, "atol": 1e-11}


def compare(cv, atoms: Atoms, changed: Atoms, back=lambda gradients: gradients) -> None:
    before, after = cv.compute(atoms), cv.compute(changed)
    np.testing.assert_allclose(after.values, before.values, **TOLERANCE)
    scale = max(np.abs(before.gradients).max(), 1.0)
    np.testing.assert_allclose(back(after.gradients), before.gradients, rtol=0, atol=1e-10 * scale)


@pytest.mark.parametrize("box", BOXES)
def test_translation(model, box, generator):
    atoms = model.structure(box, 20, generator)
    moved = atoms.copy()
    moved.positions += generator.normal(size=3) * 30.0
    compare(model.cv(), atoms, moved)


@pytest.mark.parametrize("box", BOXES)
def test_rotation(model, box, generator):
    atoms = model.structure(box, 20, generator)
    rotation = random_rotation(generator)
    rotated = atoms.copy()
    rotated.set_cell(atoms.cell.array @ rotation.T)
    rotated.positions = atoms.positions @ rotation.T
    compare(model.cv(), atoms, rotated, back=lambda gradients: gradients @ rotation)


@pytest.mark.parametrize("box", [box for box in BOXES if box != "open"])
def test_periodic_images(model, box, generator):
    atoms = model.structure(box, 20, generator)
    moved = atoms.copy()
    images = generator.integers(-4, 5, size=(20, 3)) * atoms.pbc
    moved.positions += images @ atoms.cell.array
    compare(model.cv(), atoms, moved)
    compare(model.cv(skin=0), atoms, moved)


@pytest.mark.parametrize("box", BOXES)
def test_permutation(model, box, generator):
    atoms = model.structure(box, 20, generator)
    order = generator.permutation(20)
    compare(model.cv(), atoms, atoms[order], back=lambda gradients: gradients[:, np.argsort(order)])


@pytest.mark.parametrize("box", ["cubic", "triclinic", "slab"])
def test_species_matter(model, box, generator):
    cv = model.cv()
    if len(cv.species) < 2:
        pytest.skip("the model knows one species only")
    atoms = model.structure(box, 20, generator)
    swapped = atoms.copy()
    swapped.symbols = [cv.species[1 - cv.species.index(s)] for s in atoms.get_chemical_symbols()]
    assert np.abs(cv.compute(atoms).values - cv.compute(swapped).values).max() > 1e-6


@pytest.mark.parametrize(
    ("box", "repeats"), [("cubic", (2, 1, 1)), ("triclinic", (2, 2, 2)), ("thin", (1, 3, 1))]
)
def test_replication(model, box, repeats, generator):
    """Intensive outputs stay, extensive ones multiply; per-site values repeat."""
    cv = model.cv()
    atoms = model.structure(box, 12, generator)
    n = int(np.prod(repeats))
    one, many = cv.compute(atoms), cv.compute(atoms * repeats)
    intensive, extensive = model.outputs_of_kind("intensive"), model.outputs_of_kind("extensive")
    assert intensive
    assert sorted(intensive + extensive) == sorted(cv.names)
    for name in intensive:
        assert many[name] == pytest.approx(one[name], rel=1e-10, abs=1e-11)
        np.testing.assert_allclose(n * many.gradient(name)[:12], one.gradient(name), rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(many.strain(name), one.strain(name), rtol=1e-8, atol=1e-10)
    for name in extensive:
        assert many[name] == pytest.approx(n * one[name], rel=1e-10, abs=1e-11)
        np.testing.assert_allclose(many.gradient(name)[:12], one.gradient(name), rtol=1e-8, atol=1e-10)
    sites = cv.per_site(atoms)
    for name, values in cv.per_site(atoms * repeats).items():
        np.testing.assert_allclose(values, np.tile(sites[name], n), rtol=1e-9, atol=1e-11)


def test_many_atoms_in_any_order(model, generator):
    """So many that the core takes them in an order of space: each keeps its own gradient and columns."""
    small, copies = model.structure("triclinic", 20, generator), (12, 12, 6)
    order = generator.permutation(20 * 864)
    large = small.repeat(copies)[order]
    cv, extensive = model.cv(), model.outputs_of_kind("extensive")
    before, after = cv.compute(small), cv.compute(large)
    columns, many_columns = cv.per_site(small), cv.per_site(large)
    for k, name in enumerate(cv.names):
        factor = 864 if name in extensive else 1
        np.testing.assert_allclose(after[name], factor * before[name], rtol=1e-9, atol=1e-10)
        expected = np.tile(before.gradients[k], (864, 1))[order] * factor / 864
        scale = np.abs(expected).max()
        np.testing.assert_allclose(after.gradients[k], expected, rtol=0, atol=1e-9 * scale + 1e-14)
    for name, column in columns.items():
        np.testing.assert_allclose(many_columns[name], np.tile(column, 864)[order], rtol=0, atol=1e-9)


def test_coinciding_atoms_are_named_in_any_order(model, generator):
    large = model.structure("cubic", 20, generator).repeat((10, 10, 10))
    i, j = np.sort(generator.choice(len(large), 2, replace=False))
    large.positions[j] = large.positions[i]
    with pytest.raises(gnncv.InvalidArgument, match=rf"atoms {i} and {j} \(counted from 0\) coincide"):
        model.cv().compute(large)
