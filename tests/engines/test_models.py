"""The engines with model files: a trained one for argon and a random one for two species."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
import openmm
import pytest
from ase import Atoms, units
from ase.build import bulk

import core_model
from argon_runs import METADYNAMICS, SYSTEM, argon
from drift import drift
from gnncv.engines import BiasedCalculator, RunConfig, run
from gnncv.engines.ase_engine import AseEngine
from gnncv.engines.bias import Harmonic, Linear, Sum
from gnncv.engines.config import LennardJonesSystem
from gnncv.engines.lennard_jones import LennardJones
from gnncv.engines.openmm.engine import OpenmmEngine
from gnncv.files import read_colvar

ALLOY = {
    "kind": "lennard-jones",
    "species": {
        "Cu": {"sigma_angstrom": 2.3, "epsilon_kj_mol": 2.0},
        "Zr": {"sigma_angstrom": 2.4, "epsilon_kj_mol": 2.5},
    },
    "cutoff_angstrom": 5.4,
    "switch_angstrom": 4.6,
}


@dataclass
class Case:
    """A model file with a system that it fits."""

    path: Path
    atoms: Atoms
    system: dict
    output: str
    kappa: float

    def config(self, folder: Path, **keys) -> RunConfig:
        start = folder / "start.extxyz"
        ase.io.write(start, self.atoms)
        values = {
            "engine": "openmm",
            "platform": "Reference",
            "cv": str(self.path),
            "start": str(start),
            "system": self.system,
            "output": str(folder / "run"),
            "steps": 60,
            "timestep_fs": 2.0,
            "temperature_kelvin": 80.0,
            "colvar_stride": 10,
            "trajectory_stride": 20,
            "checkpoint_stride": 20,
            "bias": {"kind": "harmonic", "cv": self.output, "center": 0.0, "kappa_kj_mol": self.kappa},
        }
        return RunConfig.from_dict({**values, **keys})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model of the default architecture, trained for seconds on shipped frames, in both precisions."""
    pytest.importorskip("lightning")
    from gnncv.data import load_frames
    from gnncv.demo.frames import demo_frames
    from gnncv.export import export
    from gnncv.training import fit
    from small_training import small_config

    folder = tmp_path_factory.mktemp("trained")
    frames = [atoms for phase, path in demo_frames().items() for atoms in load_frames(path, phase, "::10")]
    small = small_config()
    result = fit(small, folder / "run", frames, progress=False)
    for precision in ("float64", "float32"):
        export(result, folder / f"{precision}.pt", precision)
    return {precision: folder / f"{precision}.pt" for precision in ("float64", "float32")}


@pytest.fixture(params=["trained-float64", "trained-float32", "random-float64", "random-float32"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    kind, precision = request.param.split("-")
    if kind == "trained":
        path = request.getfixturevalue("trained")[precision]
        return Case(path, argon(3, shake=0.1, seed=5), SYSTEM, "progress", 200.0)
    path = core_model.write_core_model(tmp_path / "alloy.pt", precision)
    atoms = bulk("Cu", "fcc", a=3.6, cubic=True) * (3, 3, 3)
    generator = np.random.default_rng(8)
    atoms.symbols[generator.permutation(108)[:40]] = "Zr"
    atoms.positions += generator.normal(0.0, 0.06, (108, 3))
    return Case(path, atoms, ALLOY, "mixed", 4000.0)


def precision(case: Case) -> str:
    import gnncv

    return str(gnncv.CollectiveVariable(str(case.path)).metadata["precision"])


def test_energy_is_conserved(case: Case, tmp_path: Path) -> None:
    """No more drift than without bias, and an error that falls with the square of the step, as Verlet's does.

    A kink in the collective variable, or forces that are not its gradient, would break the second.
    """
    found = {}
    for name, timestep, bias in (("plain", 2.0, {"bias": None}), ("biased", 2.0, {}), ("half step", 1.0, {})):
        steps = round(800.0 / timestep)
        config = case.config(
            tmp_path,
            output=str(tmp_path / name),
            ensemble="nve",
            steps=steps,
            timestep_fs=timestep,
            colvar_stride=round(4.0 / timestep),
            order_parameter_stride=steps,
            trajectory_stride=steps,
            checkpoint_stride=steps,
            **bias,
        )
        found[name] = drift(run(config, progress=False), len(case.atoms))
        slope, error, scatter = found[name]
        print(f"{name}: drift {slope:+.2e} +- {error:.2e} kJ/mol/atom/ps, scatter {scatter:.2e} kJ/mol/atom")
    bias = read_colvar(tmp_path / "biased" / "COLVAR")["bias_kj_mol"]
    assert np.ptp(bias) / len(case.atoms) > 1e-2
    error = np.hypot(found["plain"][1], found["biased"][1])
    assert abs(found["biased"][0]) <= abs(found["plain"][0]) + 4.0 * error
    assert found["biased"][2] < 2e-3 * np.ptp(bias) / len(case.atoms)
    assert found["biased"][2] / found["half step"][2] == pytest.approx(4.0, abs=1.0)


def test_stress_is_the_strain_derivative_of_the_energy(case: Case) -> None:
    import gnncv

    atoms = case.atoms
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + np.triu(np.full((3, 3), 0.02))), scale_atoms=True)
    cv = gnncv.CollectiveVariable(str(case.path))
    bias = Sum([Harmonic(case.output, -1.0, 2.0), Linear(cv.names[0], 3.0)])
    atoms.calc = BiasedCalculator(LennardJones(LennardJonesSystem(**case.system)), cv, bias)
    stress, forces = atoms.get_stress(voigt=False), atoms.get_forces()
    exact = precision(case) == "float64"
    step, tolerance = (1e-5, 1e-6) if exact else (2e-3, 2e-3)

    def energy(strain: np.ndarray) -> float:
        moved = atoms.copy()
        moved.calc = atoms.calc
        moved.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
        return moved.get_potential_energy()

    for a, b in [(0, 0), (1, 1), (0, 1), (1, 2)]:
        strain = np.zeros((3, 3))
        strain[a, b] += 0.5 * step
        strain[b, a] += 0.5 * step
        expected = (energy(strain) - energy(-strain)) / (2.0 * step) / atoms.get_volume()
        assert stress[a, b] == pytest.approx(expected, abs=tolerance * np.abs(stress).max())
    assert np.abs(forces.sum(axis=0)).max() < (1e-10 if exact else 1e-5) * len(atoms)


def test_openmm_and_ase_agree(case: Case, tmp_path: Path) -> None:
    import gnncv

    cv = gnncv.CollectiveVariable(str(case.path))
    one = OpenmmEngine(case.config(tmp_path), case.atoms, cv, 1)
    two = AseEngine(case.config(tmp_path, engine="ase"), case.atoms, cv, 1)
    rows = one.observe(), two.observe()
    for name in [*cv.names, "bias_kj_mol", "potential_kj_mol"]:
        assert rows[0][name] == pytest.approx(rows[1][name], rel=1e-5, abs=1e-6)
    forces = one.context.getState(forces=True).getForces(asNumpy=True)._value / 10.0
    expected = two.atoms.get_forces() * units.mol / units.kJ
    assert np.abs(forces - expected).max() < 2e-5 * np.abs(expected).max()


def test_a_continued_run_is_the_uninterrupted_one(case: Case, tmp_path: Path) -> None:
    bias = METADYNAMICS | {"cv": case.output, "min": -3.0, "max": 3.0, "pace": 5}
    folders = []
    for name, stops in (("whole", (60,)), ("parts", (25, 40, 60))):
        for steps in stops:
            config = case.config(tmp_path, output=str(tmp_path / name), steps=steps, bias=bias)
            folders.append(run(config, progress=False))
    for name in ("COLVAR", "HILLS", "trajectory.extxyz"):
        assert (folders[0] / name).read_bytes() == (folders[-1] / name).read_bytes()


@pytest.mark.parametrize("case", ["trained-float64", "random-float64"], indirect=True)
def test_a_saved_system_loads_its_model_in_another_process(case: Case, tmp_path: Path) -> None:
    import gnncv

    path = tmp_path / "copy.pt"
    path.write_bytes(case.path.read_bytes())
    made = OpenmmEngine(case.config(tmp_path), case.atoms, gnncv.CollectiveVariable(str(path)), 1)
    (tmp_path / "system.xml").write_text(openmm.XmlSerializer.serialize(made.system))
    np.save(tmp_path / "positions.npy", case.atoms.positions / 10.0)
    program = (
        "import numpy, openmm; system = openmm.XmlSerializer.deserialize(open('system.xml').read()); "
        "context = openmm.Context(system, openmm.VerletIntegrator(0.001)); "
        "context.setPositions(numpy.load('positions.npy')); "
        "print(context.getState(energy=True).getPotentialEnergy()._value)"
    )

    def go() -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    row = made.observe()
    done = go()
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(row["potential_kj_mol"] + row["bias_kj_mol"], rel=1e-5)
    core_model.write_core_model(path, "float64", seed=99)
    assert "has changed since this system was saved" in go().stderr
