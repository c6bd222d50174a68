"""Models of molecules: exact derivatives, and what must change nothing, wherever the atoms are written."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import gnncv
from finite_differences import gradient_error, strain_error
from gnncv.models.reference_evaluation import evaluate_reference
from gnncv.topology import make_whole
from molecule_models import CONFIGURATIONS, CUTOFF, molecular_system, molecule_model, write_molecule_model
from molecules import geometry, some_topology
from systems import BOXES, random_rotation

KINDS = tuple(CONFIGURATIONS)
TOPOLOGY = some_topology()


@pytest.fixture(scope="module", params=KINDS)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_molecule_model(tmp_path_factory.mktemp("molecules") / "model.pt", kind=request.param)


@pytest.fixture
def cv(file: Path) -> gnncv.CollectiveVariable:
    return gnncv.CollectiveVariable(file, num_threads=1)


def compare(cv, atoms: Atoms, changed: Atoms, back=lambda gradients: gradients) -> None:
    before, after = cv.compute(atoms), cv.compute(changed)
    np.testing.assert_allclose(after.values, before.values, rtol=1e-10, atol=1e-11)
    scale = max(np.abs(before.gradients).max(), 1.0)
    np.testing.assert_allclose(back(after.gradients), before.gradients, rtol=0, atol=1e-10 * scale)


@pytest.mark.parametrize("n_sites", [1, 2, 9])
@pytest.mark.parametrize("box", BOXES)
def test_gradients_are_the_derivatives_of_the_values(cv, box, n_sites, generator):
    atoms, _ = molecular_system(box, n_sites, generator)
    assert gradient_error(cv, atoms, generator).max() < 1e-6
    assert strain_error(cv, atoms).max() < 1e-6


@pytest.mark.parametrize("tables", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_the_core_agrees_with_the_pytorch_model(tmp_path, kind, tables, generator):
    """Not only the network: centers, axes and descriptors are computed twice, independently."""
    path = write_molecule_model(tmp_path / "model.pt", kind=kind, tables=tables)
    model, cv = molecule_model(kind).double(), gnncv.CollectiveVariable(path)
    tolerance = 1e-9 if tables else 1e-12
    for box in BOXES:
        atoms, _ = molecular_system(box, 9, generator)
        ours, exact = cv.compute(atoms), evaluate_reference(model, atoms)
        np.testing.assert_allclose(ours.values, exact.values, rtol=0, atol=tolerance)
        np.testing.assert_allclose(ours.gradients, exact.gradients, rtol=0, atol=tolerance)
        np.testing.assert_allclose(ours.strain_gradient, exact.strain_gradient, rtol=0, atol=10 * tolerance)


@pytest.mark.parametrize("box", BOXES)
def test_no_force_and_no_torque_on_the_whole(cv, box, generator):
    atoms, _ = molecular_system(box, 9, generator)
    result = cv.compute(atoms)
    scale = max(np.abs(result.gradients).max(), 1.0)
    np.testing.assert_allclose(result.gradients.sum(axis=1), 0.0, atol=1e-11 * scale)
    symmetric = np.swapaxes(result.strain_gradient, 1, 2)
    np.testing.assert_allclose(result.strain_gradient, symmetric, atol=1e-9 * scale)


@pytest.mark.parametrize("box", BOXES)
def test_translation_rotation_inversion(cv, box, generator):
    atoms, _ = molecular_system(box, 9, generator)
    moved, turned, inverted = atoms.copy(), atoms.copy(), atoms.copy()
    moved.positions += 30.0 * generator.normal(size=3)
    rotation = random_rotation(generator)
    turned.set_cell(atoms.cell.array @ rotation.T)
    turned.positions = atoms.positions @ rotation.T
    inverted.set_cell(-atoms.cell.array)
    inverted.positions = -atoms.positions
    compare(cv, atoms, moved)
    compare(cv, atoms, turned, back=lambda gradients: gradients @ rotation)
    compare(cv, atoms, inverted, back=lambda gradients: -gradients)


@pytest.mark.parametrize("box", [box for box in BOXES if box != "open"])
def test_every_atom_may_be_at_any_image(cv, box, generator):
    atoms, _ = molecular_system(box, 9, generator)
    split = atoms.copy()
    split.positions += (generator.integers(-3, 4, size=(len(atoms), 3)) * atoms.pbc) @ atoms.cell.array
    compare(cv, atoms, split)
    wrapped = atoms.copy()
    wrapped.wrap()
    compare(cv, atoms, wrapped)


@pytest.mark.parametrize("box", BOXES)
def test_sites_may_come_in_any_order(cv, box, generator):
    atoms, site = molecular_system(box, 9, generator)
    order = np.concatenate([np.flatnonzero(site == k) for k in generator.permutation(9)])
    compare(cv, atoms, atoms[order], back=lambda gradients: gradients[:, np.argsort(order)])
    before, after = cv.per_site(atoms), cv.per_site(atoms[order])
    for name, values in before.items():
        assert values.shape == (9,)
        expected = values[site][order]
        np.testing.assert_allclose(after[name][cv.site_of_atom], expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("box", "repeats"), [("cubic", (2, 1, 1)), ("thin", (1, 3, 1))])
def test_replication(cv, box, repeats, generator):
    atoms, _ = molecular_system(box, 9, generator)
    layout = TOPOLOGY.match(atoms.get_chemical_symbols())
    atoms.positions = make_whole(atoms.positions, atoms.cell.array, atoms.pbc, TOPOLOGY, layout)
    n = int(np.prod(repeats))
    one, many = cv.compute(atoms), cv.compute(atoms * repeats)
    for output in cv.metadata["outputs"]:
        factor = 1 if output["kind"] == "intensive" else n
        assert many[output["name"]] == pytest.approx(factor * one[output["name"]], rel=1e-9, abs=1e-10)


def test_what_the_model_sees_of_a_molecule(cv, generator):
    """Its conformation, and not which end a headless axis has."""
    ring, other = geometry("C6H6"), geometry("CH3CH2OH")
    for part in (ring, other):
        part.positions = (part.positions - part.get_center_of_mass()) @ random_rotation(generator).T
    other.positions += [4.0, 0.0, 0.0]

    def values(positions: np.ndarray) -> np.ndarray:
        return cv.compute(Atoms(ring.symbols, positions) + other, outputs=[]).values

    before = values(ring.positions)
    stretched = ring.positions.copy()
    stretched[-1] += 0.2 * generator.normal(size=3)
    assert np.abs(values(stretched) - before).max() > 1e-7
    np.testing.assert_allclose(values(-ring.positions), before, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("kind", "sees"), [("invariants", True), ("distances", False)])
def test_only_a_model_with_axes_sees_molecules_turn(tmp_path, kind, sees, generator):
    """One model has axes among what its sites start from, the other distances of centers alone."""
    cv = gnncv.CollectiveVariable(write_molecule_model(tmp_path / "model.pt", kind=kind))
    ring, other = geometry("C6H6"), geometry("C6H6")
    other.positions += [0.0, 0.0, 4.0]
    rotation = random_rotation(generator)
    turned = Atoms(ring.symbols, ring.positions @ rotation.T)
    change = cv.compute(turned + other, outputs=[]).values - cv.compute(ring + other, outputs=[]).values
    assert (np.abs(change).max() > 1e-6) == sees, change


def random_walk(atoms: Atoms, site: np.ndarray, generator: np.random.Generator, n_steps: int = 30):
    """Molecules drift, and their atoms move a little; atoms are wrapped now and then."""
    for step in range(n_steps):
        atoms = atoms.copy()
        atoms.positions += 0.005 * generator.normal(size=atoms.positions.shape)
        atoms.positions += 0.04 * generator.normal(size=(site.max() + 1, 3))[site]
        strain = np.eye(3) + 0.003 * generator.normal(size=(3, 3))
        atoms.set_cell(atoms.cell.array @ strain.T)
        atoms.positions = atoms.positions @ strain.T
        if step % 5 == 2:
            atoms.positions += 3.0 * generator.normal(size=3)
            atoms.wrap()
        yield atoms


@pytest.mark.parametrize("box", BOXES)
def test_the_kept_list_changes_nothing(file, box, generator):
    atoms, site = molecular_system(box, 20, generator)
    kept, fresh = gnncv.CollectiveVariable(file), gnncv.CollectiveVariable(file, skin=0.0)
    for current in random_walk(atoms, site, generator):
        a, b = kept.compute(current), fresh.compute(current)
        np.testing.assert_allclose(a.values, b.values, rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(a.gradients, b.gradients, rtol=0, atol=1e-10)
    assert 1 <= kept.statistics["n_rebuilds"] < fresh.statistics["n_rebuilds"]


def test_a_molecule_crosses_the_cutoff(cv, generator):
    """Values and gradients go through the distance at which two molecules see each other without a jump."""
    parts = [geometry(name) for name in ("C6H6", "CH3CH2OH")]
    for part in parts:
        part.positions = (part.positions - part.get_center_of_mass()) @ random_rotation(generator).T
    step = 1e-7 * CUTOFF

    def at(x: float):
        apart = parts[1].copy()
        apart.positions += [CUTOFF + x, 0.0, 0.0]
        return cv.compute(parts[0] + apart)

    pairs = [(at(x), cv.statistics["n_pairs"])[1] for x in (-step, step)]
    assert pairs[0] == pairs[1] + 2
    results = [at(k * step) for k in range(-5, 6)]
    values = np.array([result.values for result in results])
    gradients = np.array([result.gradients for result in results])
    assert np.abs(np.diff(values, n=2, axis=0)).max() < 1e-9
    assert np.abs(np.diff(gradients, n=2, axis=0)).max() < 1e-9


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_agrees_with_double(tmp_path, kind, generator):
    files = [write_molecule_model(tmp_path / f"{p}.pt", p, kind) for p in ("float64", "float32")]
    atoms, _ = molecular_system("triclinic", 40, generator)
    double, single = (gnncv.CollectiveVariable(file).compute(atoms) for file in files)
    np.testing.assert_allclose(single.values, double.values, rtol=2e-5, atol=2e-5)
    scale = np.abs(double.gradients).max()
    np.testing.assert_allclose(single.gradients, double.gradients, rtol=0, atol=2e-5 * scale)


def test_threads_change_nothing(file, generator):
    atoms, _ = molecular_system("cubic", 600, generator)
    one, two = (gnncv.CollectiveVariable(file, num_threads=n).compute(atoms) for n in (1, 2))
    np.testing.assert_allclose(two.values, one.values, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(two.gradients, one.gradients, rtol=0, atol=1e-12)


def test_the_first_atom_that_does_not_fit_is_named(cv, generator):
    benzene, water = geometry("C6H6"), geometry("H2O")
    frame = benzene + benzene + water
    symbols = frame.get_chemical_symbols()
    symbols[17] = "O"
    with pytest.raises(gnncv.InvalidArgument, match=r"atom 17 .*'O' where molecule 'C6H6', site 1, has"):
        cv.bind(symbols)
    with pytest.raises(gnncv.InvalidArgument, match=r"end within site 2 .*'H2O': it has 2 atoms of 3"):
        cv.bind(frame.get_chemical_symbols()[:-1])
    with pytest.raises(gnncv.InvalidArgument, match=r"atom 0 .*'He'"):
        cv.bind(["He"])


def test_atoms_of_the_right_species_in_the_wrong_order_are_found_by_their_bonds(cv):
    frame = geometry("C6H6")
    frame.positions[[1, 3]] = frame.positions[[3, 1]]
    with pytest.raises(
        gnncv.InvalidArgument, match=r"'C6H6' \(site 0, atoms 0 to 11.*bonded.*angstrom apart \(at most"
    ):
        cv.compute(frame)


def test_an_axis_without_direction_is_named(cv):
    frame = geometry("C6H6")
    frame.positions[:, 0] *= 1e-7  # the ring is a line
    frame.positions[:, 1] *= 1e-7
    frame.positions[:, 2] *= 1e-7
    with pytest.raises(gnncv.InvalidArgument, match=r"an axis of molecule 'C6H6' \(site 0"):
        cv.compute(frame)
