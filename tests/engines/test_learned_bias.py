"""Runs on the energy that a model file has as its output `bias`."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
import pytest

import core_model
import dimer
import gnncv
from argon_runs import argon
from dimer import METADYNAMICS, TEMPERATURE, exact_mean, run_values
from drift import drift
from gnncv.analysis import bias_weights, compute_free_energy
from gnncv.analysis.blocks import kish_sample_size
from gnncv.analysis.thermal import KJ_MOL_PER_EV
from gnncv.engines import RunConfig, run
from gnncv.engines.ase_engine import AseEngine
from gnncv.engines.openmm.engine import OpenmmEngine
from gnncv.errors import InvalidArgument
from gnncv.files import read_colvar
from gnncv.learned_bias import learn_bias
from learned_biases import write_random_bias

LEARNED = {"kind": "learned"}
ALLOY = {
    "kind": "lennard-jones",
    "species": {
        "Cu": {"sigma_angstrom": 2.3, "epsilon_kj_mol": 2.0},
        "Zr": {"sigma_angstrom": 2.4, "epsilon_kj_mol": 2.5},
    },
    "cutoff_angstrom": 5.4,
    "switch_angstrom": 4.6,
}


@pytest.fixture
def alloy(tmp_path: Path) -> dict:
    """A run of a random model of two species with a random bias of two of its outputs."""
    atoms = argon(3, shake=0.06)
    atoms.set_cell(atoms.cell.array * 3.6 / 5.4, scale_atoms=True)
    generator = np.random.default_rng(8)
    numbers = np.full(108, 29)
    numbers[generator.permutation(108)[:40]] = 40
    atoms.numbers = numbers
    model = core_model.write_core_model(tmp_path / "alloy.pt")
    biased = write_random_bias(
        model, tmp_path / "biased.pt", ["mixed", "mean-1"], [atoms], 4, 6.0, least=0.03
    )
    ase.io.write(tmp_path / "start.extxyz", atoms)
    return {
        "engine": "openmm", "platform": "Reference", "cv": str(biased), "system": ALLOY,
        "start": str(tmp_path / "start.extxyz"), "output": str(tmp_path / "run"), "steps": 40,
        "timestep_fs": 2.0, "temperature_kelvin": 80.0, "bias": LEARNED, "colvar_stride": 10,
        "trajectory_stride": 20, "checkpoint_stride": 20,
    }  # fmt: skip


@pytest.mark.parametrize("engine", ["openmm", "ase"])
def test_forces_are_minus_the_gradient_of_the_energy(alloy: dict, engine: str) -> None:
    atoms = ase.io.read(alloy["start"])
    cv = gnncv.CollectiveVariable(alloy["cv"], num_threads=1)
    gradient = KJ_MOL_PER_EV * cv.compute(atoms, outputs=["bias"]).gradient("bias")
    kind = OpenmmEngine if engine == "openmm" else AseEngine
    forces = {}
    for name, bias in (("with", LEARNED), ("without", None)):
        here = kind(RunConfig.from_dict({**alloy, "engine": engine, "bias": bias}), atoms, cv, 1)
        if engine == "openmm":
            forces[name] = here.context.getState(forces=True).getForces(asNumpy=True)._value / 10.0
        else:
            forces[name] = KJ_MOL_PER_EV * here.atoms.get_forces()
        if name == "with":
            row = here.observe()
            assert row["bias_kj_mol"] == pytest.approx(KJ_MOL_PER_EV * row["bias"], rel=1e-6)
    assert np.abs(gradient).max() > 0.3
    difference = forces["with"] - forces["without"] + gradient
    assert np.abs(difference).max() < 1e-6 * np.abs(gradient).max()


@pytest.mark.parametrize("engine", ["openmm", "ase"])
def test_energy_is_conserved(alloy: dict, engine: str, tmp_path: Path) -> None:
    """No more drift than without a bias, and an error that falls with the square of the time step."""
    found = {}
    cases = [("plain", 2.0, None), ("biased", 2.0, LEARNED), ("half step", 1.0, LEARNED)]
    for name, timestep, bias in cases:
        steps = round((600.0 if engine == "openmm" else 300.0) / timestep)
        values = alloy | {
            "engine": engine, "output": str(tmp_path / name), "ensemble": "nve", "bias": bias,
            "steps": steps, "timestep_fs": timestep, "colvar_stride": round(4.0 / timestep),
            "order_parameter_stride": steps, "trajectory_stride": steps, "checkpoint_stride": steps,
        }  # fmt: skip
        found[name] = drift(run(RunConfig.from_dict(values), progress=False), 108)
        print(f"{name}: drift {found[name][0]:+.2e} +- {found[name][1]:.2e} kJ/mol/atom/ps")
    bias = read_colvar(tmp_path / "biased" / "COLVAR")["bias_kj_mol"]
    assert np.ptp(bias) / 108 > 5e-3
    error = np.hypot(found["plain"][1], found["biased"][1])
    assert abs(found["biased"][0]) <= abs(found["plain"][0]) + 4.0 * error
    assert found["biased"][2] < 5e-3 * np.ptp(bias) / 108
    assert found["biased"][2] / found["half step"][2] == pytest.approx(4.0, abs=1.2)


def test_an_output_that_is_no_energy_is_refused(tmp_path: Path, alloy: dict) -> None:
    for bias, reason in (
        ({"kind": "learned", "cv": "mixed"}, "'mixed' of .* is none"),
        ({"kind": "learned", "cv": "absent"}, "energy in eV, as `gnncv bias` adds one"),
    ):
        with pytest.raises(InvalidArgument, match=reason):
            run(RunConfig.from_dict({**alloy, "bias": bias}), progress=False)
    plain = {**alloy, "cv": str(core_model.write_core_model(tmp_path / "plain.pt"))}
    with pytest.raises(InvalidArgument, match="gnncv bias"):
        run(RunConfig.from_dict(plain), progress=False)


def test_a_learned_bias_flattens_and_reweighting_takes_it_out_again(tmp_path: Path) -> None:
    """Metadynamics of a dimer, the bias learned from its hills, and a run on that, against quadrature."""
    first = RunConfig.from_dict(run_values(tmp_path, bias=METADYNAMICS, steps=12_000))
    learned = learn_bias(
        first.cv, run(first, progress=False), tmp_path / "biased.pt", infinite=True, picture=False
    )
    assert KJ_MOL_PER_EV * learned.fit.residual < 1.0
    values = run_values(tmp_path, bias=LEARNED, steps=18_000, seed=5)
    values |= {"cv": str(tmp_path / "biased.pt"), "output": str(tmp_path / "second")}
    table = read_colvar(run(RunConfig.from_dict(values), progress=False) / "COLVAR")
    distance, weights = table["distance"], bias_weights(table["bias_kj_mol"], TEMPERATURE)
    assert np.allclose(table["bias_kj_mol"], KJ_MOL_PER_EV * table["bias"], atol=1e-8)

    # where both wells and the barrier are, the histogram is flat: unbiased it falls by exp(-4)
    inside = (distance > 3.35) & (distance < 4.65)
    counts, _ = np.histogram(distance[inside], 8)
    print("histogram", counts, "effective samples", kish_sample_size(weights))
    assert counts.min() > 0.25 * counts.max()

    grid = np.linspace(2.6, 5.6, 3001)
    longer = grid > dimer.MIDDLE
    for what, of_samples, of_grid in (
        ("distance", distance, grid),
        ("in the longer well", (distance > dimer.MIDDLE).astype(float), longer.astype(float)),
    ):
        blocks = np.array_split(np.arange(len(distance)), 10)
        means = [np.average(of_samples[block], weights=weights[block]) for block in blocks]
        mean, error = np.average(of_samples, weights=weights), np.std(means, ddof=1) / np.sqrt(10)
        print(f"{what}: {mean:.4f} +- {error:.4f}, exact {exact_mean(of_grid, grid):.4f}")
        assert abs(mean - exact_mean(of_grid, grid)) < 4.0 * error
        assert error < 0.1
    curve = compute_free_energy(
        tmp_path / "second" / "COLVAR", cv="distance", temperature_kelvin=TEMPERATURE, value_range=(3.1, 4.9)
    )
    difference = curve.values - dimer.exact(curve.grid)
    assert np.sqrt(np.mean((difference - difference.mean()) ** 2)) < 1.0
