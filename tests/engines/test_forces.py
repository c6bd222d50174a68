"""Forces and stress under a bias against central differences, and OpenMM against ASE."""

from __future__ import annotations

import numpy as np
import openmm
import pytest
from ase import Atoms, units
from ase.build import bulk

from argon_runs import METADYNAMICS, SYSTEM, analytic, argon
from gnncv.engines.ase import BiasedCalculator
from gnncv.engines.ase_engine import AseEngine
from gnncv.engines.bias import Harmonic, HillGrid, Linear, Sum, Wall
from gnncv.engines.config import LennardJonesSystem
from gnncv.engines.lennard_jones import LennardJones
from gnncv.engines.openmm.engine import OpenmmEngine
from gnncv.engines.openmm.system import to_openmm_frame
from gnncv.errors import InvalidArgument

KJ_MOL = units.kJ / units.mol


def hills() -> HillGrid:
    """A grid with a few hills around the values that shaken argon has."""
    grid = HillGrid("progress", 0.05, 2.0, 5.0, -0.3, 1.3, 161, wall_kappa=100.0)
    for value in (0.3, 0.42, 0.5, 0.55, 0.7):
        grid.deposit(value)
    return grid


def biases() -> dict[str, object]:
    return {
        "harmonic": Harmonic("progress", 0.2, 50.0),
        "linear": Linear("coordination", 3.0),
        "hills": hills(),
        "walls": Sum([Wall("progress", "upper", 0.3, 400.0), Wall("coordination", "lower", 1.5, 80.0)]),
        "sum": Sum([Harmonic("progress", 0.2, 50.0), Linear("coordination", -30.0), hills()]),
    }


def strained(atoms: Atoms, strain: np.ndarray) -> Atoms:
    moved = atoms.copy()
    moved.set_cell(atoms.cell.array @ (np.eye(3) + strain).T, scale_atoms=True)
    return moved


@pytest.mark.parametrize("name", sorted(biases()))
@pytest.mark.parametrize("triclinic", [False, True])
def test_forces_and_stress_are_derivatives_of_the_energy(name: str, triclinic: bool) -> None:
    atoms = argon(2, triclinic=triclinic, seed=3)
    base = LennardJones(LennardJonesSystem(**SYSTEM))
    calculator = BiasedCalculator(base, analytic(), biases()[name])

    def energy(frame: Atoms) -> float:
        frame.calc = calculator
        return frame.get_potential_energy()

    atoms.calc = calculator
    forces, stress = atoms.get_forces(), atoms.get_stress(voigt=False)
    assert calculator.results["bias_energy"] != 0.0
    generator = np.random.default_rng(5)
    for atom, axis in zip(generator.integers(0, len(atoms), 6), generator.integers(0, 3, 6), strict=True):
        ends = []
        for sign in (1.0, -1.0):
            moved = atoms.copy()
            moved.positions[atom, axis] += sign * 1e-4
            ends.append(energy(moved))
        expected = -(ends[0] - ends[1]) / 2e-4
        assert forces[atom, axis] == pytest.approx(expected, rel=1e-6, abs=1e-6 * np.abs(forces).max())
    for a, b in [(0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2)]:
        strain = np.zeros((3, 3))
        strain[a, b] += 0.5e-5
        strain[b, a] += 0.5e-5
        slope = (energy(strained(atoms, strain)) - energy(strained(atoms, -strain))) / 2e-5
        expected = slope / atoms.get_volume()
        assert stress[a, b] == pytest.approx(expected, rel=1e-6, abs=1e-6 * np.abs(stress).max())


def test_any_function_is_a_bias() -> None:
    atoms = argon(2)
    base = LennardJones(LennardJonesSystem(**SYSTEM))

    def product(values: np.ndarray) -> tuple[float, np.ndarray]:
        return float(values[0] * values[1]), values[::-1].copy()

    with pytest.raises(InvalidArgument, match="which outputs the bias acts on"):
        BiasedCalculator(base, analytic(), product)
    with pytest.raises(InvalidArgument, match="no output 'nothing'; it has coordination"):
        BiasedCalculator(base, analytic(), product, outputs=["nothing"])
    atoms.calc = BiasedCalculator(base, analytic(), product, outputs=["progress", "coordination"])
    forces = atoms.get_forces()
    moved = atoms.copy()
    moved.calc = atoms.calc
    energies = []
    for sign in (1, -1):
        moved.positions[7, 1] = atoms.positions[7, 1] + sign * 1e-4
        energies.append(moved.get_potential_energy())
    assert forces[7, 1] == pytest.approx(-(energies[0] - energies[1]) / 2e-4, rel=1e-6)
    result = analytic()
    result.bind(["Ar"] * len(atoms))
    values = result.compute(atoms)
    assert atoms.calc.get_property("energy", atoms) - base.get_property("energy", atoms) == pytest.approx(
        values["progress"] * values["coordination"]
    )


def test_an_open_box_has_forces_and_no_stress() -> None:
    atoms = argon(2)
    atoms.pbc = False
    atoms.cell = np.zeros((3, 3))
    base = LennardJones(LennardJonesSystem(**SYSTEM))
    atoms.calc = BiasedCalculator(base, analytic(), Linear("coordination", 1.0))
    assert np.isfinite(atoms.get_forces()).all()
    assert np.abs(atoms.get_forces().sum(axis=0)).max() < 1e-10


BIAS_KEYS = {
    "none": {},
    "harmonic": {"bias": {"kind": "harmonic", "cv": "progress", "center": 0.2, "kappa_kj_mol": 500.0}},
    "linear": {"bias": {"kind": "linear", "cv": "ncoordination", "slope_kj_mol": 2.0}},
    "hills": {"bias": METADYNAMICS | {"sigma": 0.05}},
    "hills outside": {"bias": METADYNAMICS | {"min": 0.9, "max": 1.2, "wall_kappa_kj_mol": 300.0}},
    "walls": {
        "walls": [
            {"cv": "progress", "side": "upper", "at": 0.3, "kappa_kj_mol": 4000.0},
            {"cv": "novelty", "side": "lower", "at": 3.0, "kappa_kj_mol": 100.0},
            {"cv": "coordination", "side": "upper", "at": 50.0, "kappa_kj_mol": 100.0},
        ]
    },
}


@pytest.mark.parametrize("keys", sorted(BIAS_KEYS))
@pytest.mark.parametrize("box", ["cubic", "triclinic", "left-handed", "open"])
def test_openmm_has_the_energy_and_forces_of_ase(keys: str, box: str, make_config) -> None:
    atoms = argon(3, triclinic=box == "triclinic", seed=11)
    if box == "left-handed":
        atoms.set_cell(atoms.cell.array[[1, 0, 2]])
    if box == "open":
        atoms.pbc = False
    energies, forces = [], []
    for engine, kind in (("openmm", OpenmmEngine), ("ase", AseEngine)):
        config = make_config(atoms, engine=engine, platform="Reference", **BIAS_KEYS[keys])
        frame = to_openmm_frame(atoms)  # forces in the same orientation
        made = kind(config, frame, analytic(), 1)
        if keys.startswith("hills"):
            grid = made.metadynamics if engine == "openmm" else made.grid
            points = np.linspace(made.range.minimum, made.range.maximum, made.range.points)
            bias = 30.0 * np.exp(-0.5 * ((points - points.mean()) / 0.1) ** 2)
            if engine == "openmm":
                grid.restore(bias, 0, 0, made.context)
            else:
                grid.set_bias(bias, bias)
                made.biased.bias_changed()
        row = made.observe()
        energies.append([row["potential_kj_mol"], row.get("bias_kj_mol", 0.0)])
        if engine == "openmm":
            state = made.context.getState(forces=True)
            forces.append(state.getForces(asNumpy=True)._value / 10.0)
        else:
            forces.append(made.atoms.get_forces() / KJ_MOL)
    print("potential and bias energy, kJ/mol:", energies)
    assert energies[0] == pytest.approx(energies[1], rel=1e-6, abs=1e-6)
    if keys != "none":
        assert abs(energies[0][1]) > 0.1
    assert np.abs(forces[0] - forces[1]).max() < 1e-6 * np.abs(forces[1]).max()


@pytest.mark.parametrize("turned", ["general", "left-handed", "skewed"])
def test_openmm_s_frame_is_the_same_structure(turned: str) -> None:
    atoms = argon(2, triclinic=True, seed=4)
    atoms.rotate(33.0, (1.0, 2.0, -1.0), rotate_cell=True)
    atoms.set_momenta(np.random.default_rng(2).normal(size=(32, 3)))
    if turned == "left-handed":
        atoms.set_cell(atoms.cell.array[[2, 1, 0]])
    if turned == "skewed":
        atoms.set_cell(atoms.cell.array @ np.eye(3) + np.outer([0, 2, 0], atoms.cell.array[0]))
    frame = to_openmm_frame(atoms)
    box = frame.cell.array
    assert np.allclose(box, np.tril(box)) and (np.diag(box) > 0.0).all()
    assert 2.0 * abs(box[1, 0]) <= box[0, 0] * (1 + 1e-9) and 2.0 * abs(box[2, 1]) <= box[1, 1] * (1 + 1e-9)
    assert frame.get_volume() == pytest.approx(atoms.get_volume())
    expected = atoms.get_all_distances(mic=True)
    assert np.abs(frame.get_all_distances(mic=True) - expected).max() < 1e-9
    one, two = frame.get_momenta(), atoms.get_momenta()
    assert np.abs(one @ one.T - two @ two.T).max() < 1e-9
    between = (one * (frame.positions - frame.positions[0])).sum(axis=1)  # turned together with the positions
    assert np.abs(between - (two * (atoms.positions - atoms.positions[0])).sum(axis=1)).max() < 1e-9


@pytest.mark.parametrize("switch", [None, 6.0])
def test_lennard_jones_is_openmm_s(switch: float | None, make_config) -> None:
    """Two species, with tail correction: energies and, by volume scaling, the pressure."""
    atoms = argon(3, seed=2)
    atoms.symbols[::3] = "Kr"
    system = SYSTEM | {
        "species": {
            "Ar": SYSTEM["species"]["Ar"],
            "Kr": {"sigma_angstrom": 3.6, "epsilon_kj_mol": 1.4, "mass_dalton": 83.8},
        },
        "switch_angstrom": switch,
    }
    config = make_config(atoms, system=system, platform="Reference")
    made = OpenmmEngine(config, atoms, None, 1)
    calculator = LennardJones(LennardJonesSystem(**system))
    assert calculator.get_property("energy", atoms) / KJ_MOL == pytest.approx(
        made.observe()["potential_kj_mol"], rel=1e-9
    )
    assert made.system.getParticleMass(0)._value == 83.8

    def at(scale: float) -> float:
        made.context.setPeriodicBoxVectors(*(atoms.cell.array * scale / 10.0))
        made.context.setPositions(atoms.positions * scale / 10.0)
        return made.context.getState(energy=True).getPotentialEnergy()._value

    slope = (at(1.0 + 1e-5) - at(1.0 - 1e-5)) / 2e-5
    if switch is not None:  # without it the energy jumps where a pair crosses the cutoff
        ours = float(np.sum(calculator.get_property("stress", atoms)[:3])) * atoms.get_volume() / KJ_MOL
        assert ours == pytest.approx(slope, rel=1e-5)


def test_structures_that_do_not_fit_are_refused(make_config) -> None:
    atoms = argon(3)
    atoms.pbc = [True, True, False]
    with pytest.raises(InvalidArgument, match=r"periodic in all three directions or in none.*engine: ase"):
        OpenmmEngine(make_config(atoms), atoms, None, 1)
    with pytest.raises(InvalidArgument, match="cutoff_angstrom 7.5 is above half"):
        OpenmmEngine(make_config(), argon(2), None, 1)
    atoms = argon(3)
    atoms.symbols[4] = "Ne"
    for kind in (OpenmmEngine, AseEngine):
        with pytest.raises(InvalidArgument, match="the structure has Ne, system.species only Ar"):
            kind(make_config(engine="openmm" if kind is OpenmmEngine else "ase"), atoms, None, 1)


def test_an_openmm_system_file(make_config, tmp_path) -> None:
    atoms = argon(3)
    original = OpenmmEngine(make_config(), atoms, None, 1)
    path = tmp_path / "system.xml"
    path.write_text(openmm.XmlSerializer.serialize(original.system))
    config = make_config(system={"kind": "openmm-xml", "file": str(path)})
    again = OpenmmEngine(config, atoms, None, 1)
    assert again.observe()["potential_kj_mol"] == pytest.approx(
        original.observe()["potential_kj_mol"], rel=1e-6
    )
    with pytest.raises(InvalidArgument, match="has 108 particles, the structure 4 atoms"):
        OpenmmEngine(config, bulk("Ar", "fcc", a=5.4, cubic=True), None, 1)
    path.write_text("<nothing/>")
    with pytest.raises(InvalidArgument, match="is not an OpenMM system"):
        OpenmmEngine(config, atoms, None, 1)
