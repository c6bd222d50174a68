"""Energy conservation under a static bias, temperature with multiple time steps, volume at a pressure."""

from __future__ import annotations

import json

import numpy as np
import pytest

from argon_runs import SYSTEM, analytic, argon
from drift import drift
from gnncv.engines import run
from gnncv.engines.ase_engine import AseEngine
from gnncv.engines.openmm.engine import OpenmmEngine
from gnncv.engines.openmm.impulses import Impulses
from gnncv.files import read_colvar

HARMONIC = {"kind": "harmonic", "cv": "progress", "center": 0.2, "kappa_kj_mol": 300.0}


@pytest.mark.parametrize(
    ("engine", "steps", "extra"),
    [("openmm", 2000, {}), ("ase", 800, {}), ("openmm", 2000, {"cv_every": 4, "timestep_fs": 1.0})],
    ids=["openmm", "ase", "multiple time steps"],
)
def test_energy_is_conserved_as_well_as_without_a_bias(engine, steps, extra, make_config, tmp_path) -> None:
    cells = 3 if engine == "openmm" else 2
    keys = {"engine": engine, "ensemble": "nve", "steps": steps, "timestep_fs": 2.0, "colvar_stride": 4}
    keys |= {"platform": "Reference", "trajectory_stride": 1000, "checkpoint_stride": 10000, "seed": 3}
    keys |= {"order_parameter_stride": 1000, **extra}
    system = SYSTEM if cells == 3 else SYSTEM | {"cutoff_angstrom": 5.3, "switch_angstrom": 4.5}
    atoms = argon(cells, shake=0.1, seed=7)
    found = {}
    for name, bias in (("plain", {}), ("biased", {"bias": HARMONIC})):
        config = make_config(atoms, output=str(tmp_path / name), system=system, **keys, **bias)
        found[name] = drift(run(config, progress=False, cv=analytic()), len(atoms))
        slope, error, scatter = found[name]
        print(f"{name}: drift {slope:+.2e} +- {error:.2e} kJ/mol/atom/ps, scatter {scatter:.2e} kJ/mol/atom")
    bias = read_colvar(tmp_path / "biased" / "COLVAR")["bias_kj_mol"]
    work = np.ptp(bias) / len(atoms)  # what the bias did to the atoms is far above the drift
    assert work > 20.0 * abs(found["biased"][0]) * steps * 1e-3
    error = np.hypot(found["plain"][1], found["biased"][1])
    assert abs(found["biased"][0]) <= abs(found["plain"][0]) + 4.0 * error
    assert abs(found["biased"][0]) < 1e-5
    assert found["biased"][2] < 5.0 * found["plain"][2]


def test_the_inner_steps_are_those_of_velocity_verlet(make_config, tmp_path) -> None:
    """With a bias that is zero, multiple time steps are plain steps of `timestep_fs`, with their time."""
    atoms = argon(3, shake=0.1, seed=9)
    atoms.set_momenta(np.random.default_rng(1).normal(0.0, 0.5, (108, 3)))
    keys = {
        "start": {"structure": str(tmp_path / "start.extxyz"), "velocities": "structure"},
        "ensemble": "nve",
        "platform": "Reference",
        "bias": {"kind": "linear", "cv": "progress", "slope_kj_mol": 0.0},
    }
    one = OpenmmEngine(
        make_config(atoms, cv_every=4, colvar_stride=20, trajectory_stride=20, checkpoint_stride=20, **keys),
        atoms,
        analytic(),
        1,
    )
    two = AseEngine(make_config(atoms, engine="ase", **keys), atoms, analytic(), 1)
    one.advance(40)
    two.advance(40)
    assert one.context.getTime()._value == pytest.approx(0.16)
    assert one.observe()["time"] == two.observe()["time"] == pytest.approx(0.16)
    assert np.abs(one.snapshot().positions - atoms.positions).max() > 0.3
    assert np.abs(one.snapshot().positions - two.snapshot().positions).max() < 1e-6


@pytest.mark.parametrize("cv_every", [1, 4])
def test_temperature_with_multiple_time_steps(cv_every: int, make_config) -> None:
    steps = 8000
    config = make_config(
        bias=HARMONIC,
        cv_every=cv_every,
        steps=steps,
        colvar_stride=40,
        order_parameter_stride=steps,
        trajectory_stride=steps,
        checkpoint_stride=steps,
        friction_per_ps=5.0,
    )
    folder = run(config, progress=False, cv=analytic())
    table = read_colvar(folder / "COLVAR")
    temperature = table["temperature_kelvin"][40:]
    blocks = temperature[: len(temperature) // 16 * 16].reshape(16, -1).mean(axis=1)
    error = blocks.std(ddof=1) / 4.0
    print(f"CV every {cv_every} steps: {temperature.mean():.2f} +- {error:.2f} K")
    assert error < 1.5
    assert abs(temperature.mean() - 80.0) < 4.0 * error
    facts = json.loads((folder / "run.json").read_text())
    assert facts["n_evaluations"] / facts["steps"] < 1.05 / cv_every
    assert facts["integrator"] == "LangevinMiddleIntegrator"  # its own steps, with impulses between them
    assert table["time"][-1] == pytest.approx(32.0)


def test_openmm_and_ase_squeeze_a_crystal_alike(make_config, tmp_path) -> None:
    """A linear bias on the coordination number acts on the volume through both engines' barostats.

    Long runs of this system (16000 and 6000 steps) gave 32.794 +- 0.010 and 32.802 +- 0.016 A^3 per atom,
    and 37.99 +- 0.02 and 37.96 +- 0.02 without bias.
    """
    volumes = {}
    for name, steps, every in (("openmm", 2000, 1), ("ase", 1000, 1), ("openmm, impulses", 2000, 5)):
        config = make_config(
            argon(3, shake=0.05),
            engine=name[:6].strip(","),
            ensemble="npt",
            pressure_bar=1.0,
            temperature_kelvin=40.0,
            cv_every=every,
            timestep_fs=5.0,
            steps=steps,
            friction_per_ps=2.0,
            barostat_stride=5,
            order_parameter_stride=steps,
            trajectory_stride=steps,
            checkpoint_stride=steps,
            output=str(tmp_path / name),
            bias={"kind": "linear", "cv": "ncoordination", "slope_kj_mol": -4.0},
        )
        table = read_colvar(run(config, progress=False, cv=analytic()) / "COLVAR")
        assert table["volume"][0] / 108 == pytest.approx(39.37, abs=0.01)
        volumes[name] = table["volume"][len(table) // 2 :].mean() / 108
    print(volumes, "without bias 37.98")
    for volume in volumes.values():
        assert volume == pytest.approx(32.80, abs=0.25)


def test_impulses_every_step_are_the_integrators_own_steps(make_config) -> None:
    """With k = 1 an impulse before a step is what the integrator does with the force itself."""
    atoms = argon(3, shake=0.1, seed=11)
    config = make_config(atoms, platform="Reference", bias=HARMONIC, friction_per_ps=1e-15)
    whole, parts = (OpenmmEngine(config, atoms, analytic(), 5) for _ in range(2))
    parts._impulses = Impulses(parts.context, parts.integrator, parts._bias_groups, 1, 0)
    whole.advance(50)
    parts.advance(50)
    moved = whole.snapshot().positions - atoms.positions
    assert np.abs(moved).max() > 0.3
    assert np.abs(whole.snapshot().positions - parts.snapshot().positions).max() < 1e-6
