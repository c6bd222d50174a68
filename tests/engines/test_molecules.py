"""Molecules under a bias on a model of their centers, axes and conformations: OpenMM and ASE."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
import openmm.app
import pytest
from ase import Atoms, units
from ase.calculators.lj import LennardJones

import gnncv
from benzene_runs import EXAMPLE, benzene_frames
from gnncv.analysis.order_parameters import order_parameters
from gnncv.engines import BiasedCalculator, RunConfig, run
from gnncv.engines.bias import Linear
from gnncv.files import read_colvar
from gnncv.topology import Axis, Topology, center_frame
from molecule_models import write_molecule_model
from molecules import template

# OpenMM leaves the topology's file open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

TOPOLOGY = Topology([template("C6H6", [Axis("normal", ring=(0, 1, 2, 3, 4, 5))])])
STEPS = 120
SLOPE = 1e6


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_molecule_model(tmp_path_factory.mktemp("model") / "cv.pt", topology=TOPOLOGY)


@pytest.fixture(scope="module")
def crystal() -> Atoms:
    return benzene_frames("0")[0]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's system, without constraints, so that energy has no other way to go."""
    box = openmm.unit.Quantity(
        [openmm.Vec3(*row) for row in np.diag([2.25, 1.93, 2.1])], openmm.unit.nanometer
    )
    topology = openmm.app.GromacsTopFile(str(EXAMPLE / "topol.top"), periodicBoxVectors=box)
    made = topology.createSystem(
        nonbondedMethod=openmm.app.PME, nonbondedCutoff=0.8 * openmm.unit.nanometer, switchDistance=0.7
    )
    path = tmp_path_factory.mktemp("system") / "benzene.xml"
    path.write_text(openmm.XmlSerializer.serialize(made))
    return path


def config(folder: Path, model: Path, system: Path, crystal: Atoms, slope: float) -> RunConfig:
    bare = Atoms(crystal.symbols, crystal.positions, cell=crystal.cell, pbc=True)
    ase.io.write(folder / "start.extxyz", bare)
    bias = {"kind": "linear", "cv": "latent-1", "slope_kj_mol": slope}
    return RunConfig.from_dict(
        {
            "engine": "openmm",
            "cv": str(model),
            "start": str(folder / "start.extxyz"),
            "system": {"kind": "openmm-xml", "file": str(system)},
            "output": str(folder / f"run{slope:g}"),
            "ensemble": "nve",
            "temperature_kelvin": 50.0,
            "steps": STEPS,
            "timestep_fs": 0.25,
            "colvar_stride": 10,
            "trajectory_stride": 60,
            "checkpoint_stride": 60,
            "order_parameter_cutoff_angstrom": 7.6,
            "bias": bias if slope else None,
        }
    )


def total_energy(folder: Path, n_atoms: int) -> np.ndarray:
    table = read_colvar(folder / "COLVAR")
    kinetic = 1.5 * (n_atoms - 1) * 8.31446e-3 * table["temperature_kelvin"]
    return (
        kinetic + table["potential_kj_mol"] + (table["bias_kj_mol"] if "bias_kj_mol" in table.fields else 0.0)
    )


def test_energy_is_conserved_under_the_bias(tmp_path, model, system, crystal) -> None:
    """A strong bias takes energy from the molecules and gives it back; none goes astray."""
    slopes = (0.0, SLOPE)
    energies = [
        total_energy(run(config(tmp_path, model, system, crystal, slope)), len(crystal)) for slope in slopes
    ]
    plain, biased = (np.ptp(energy[1:]) for energy in energies)
    table = read_colvar(tmp_path / f"run{SLOPE:g}" / "COLVAR")
    exchanged = np.ptp(table["bias_kj_mol"])
    print(f"range of the energy: {plain:.3f} plain, {biased:.3f} biased; of the bias {exchanged:.1f}")
    assert exchanged > 20.0 * biased
    assert biased < 3.0 * plain + 0.02 * exchanged


def test_molecules_may_be_cut_in_the_structure_file(tmp_path, model, system, crystal) -> None:
    """The run is that of whole molecules; bonds across the box would be a thousand times their energy."""
    wrapped = crystal.copy()
    wrapped.positions += 0.3 * np.diag(wrapped.cell)
    wrapped.wrap()
    assert np.abs(wrapped.positions - crystal.positions - 0.3 * np.diag(wrapped.cell)).max() > 10.0
    energies = []
    for name, atoms in (("whole", crystal), ("wrapped", wrapped)):
        (tmp_path / name).mkdir()
        short = config(tmp_path / name, model, system, atoms, 0.0).model_copy(update={"steps": 10})
        energies.append(read_colvar(run(short) / "COLVAR")["potential_kj_mol"][0])
    assert energies[1] == pytest.approx(energies[0], rel=1e-4)


def test_a_run_logs_its_molecules(tmp_path, model, system, crystal) -> None:
    folder = run(config(tmp_path, model, system, crystal, SLOPE))
    table, cv = read_colvar(folder / "COLVAR"), gnncv.CollectiveVariable(model)
    frames = ase.io.read(folder / "trajectory.extxyz", ":")
    last = frames[-1]
    result = cv.compute(Atoms(crystal.symbols, last.positions, cell=last.cell, pbc=True), outputs=[])
    for name in cv.names:
        assert table[name][-1] == pytest.approx(result[name], rel=1e-4, abs=1e-4)
    sites = center_frame(Atoms(crystal.symbols, last.positions, cell=last.cell, pbc=True), TOPOLOGY)
    order = order_parameters(sites, 7.6)
    assert table["Q6"][-1] == pytest.approx(order.global_q6, abs=1e-4)
    assert order.global_q6 > 0.3  # of the centers: a crystal


@pytest.mark.parametrize("index", ["0", "-1"])
def test_forces_and_stress_in_ase(model, generator, index) -> None:
    """Of a base without forces of its own: central differences of the bias energy alone."""
    atoms = benzene_frames(index)[0]
    atoms = Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=True)
    cv = gnncv.CollectiveVariable(model)
    atoms.calc = BiasedCalculator(LennardJones(epsilon=0.0), cv, Linear("latent-1", 2.0))
    forces, stress = atoms.get_forces(), atoms.get_stress(voigt=False)
    direction = generator.normal(size=forces.shape)
    step = 1e-4 / np.abs(direction).max()

    def energy(x: float) -> float:
        moved = atoms.copy()
        moved.positions += x * direction
        moved.calc = atoms.calc
        return moved.get_potential_energy()

    numeric = -(energy(step) - energy(-step)) / (2 * step)
    assert numeric == pytest.approx(float((forces * direction).sum()), rel=1e-5, abs=1e-9 * units.eV)
    result = cv.compute(atoms)
    np.testing.assert_allclose(stress, 2.0 * result.strain("latent-1") / atoms.get_volume(), atol=1e-12)
