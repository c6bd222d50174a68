"""Constant pressure under a bias: zero changes nothing, the virial keeps the pressure, weights undo the rest.

The exact reference is an ideal gas. Its volume has the density V^N exp(-p V / kT), so that <V> is
(N + 1) kT / p, and independent samples are drawn directly. Accepted with exp(-U / kT) they are samples under
the bias U.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ase.io
import numpy as np
import pytest
from ase import Atoms

import gnncv
from argon_runs import analytic
from gnncv.analysis import bias_weights, read_colvar
from gnncv.analysis.thermal import thermal_energy
from gnncv.demo import shipped_model
from gnncv.engines import RunConfig, run

N_ATOMS, TEMPERATURE = 16, 100.0
ENERGY = thermal_energy(TEMPERATURE)  # kJ/mol
PRESSURE = ENERGY / 45.0  # kJ/mol/angstrom^3: about 45 angstrom^3 an atom
CENTER, KAPPA = -0.05, 40.0  # of the bias on progress, kJ/mol


def biased_gas(
    cv: gnncv.CollectiveVariable, generator: np.random.Generator, n_samples: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exact samples of an ideal gas under the bias: volume, bias and its slope by the volume."""
    rows: list[list[float]] = []
    while len(rows) < n_samples:
        volume = generator.gamma(N_ATOMS + 1, ENERGY / PRESSURE)
        edge = volume ** (1 / 3)
        atoms = Atoms(f"Ar{N_ATOMS}", generator.uniform(0, edge, (N_ATOMS, 3)), cell=[edge] * 3, pbc=True)
        away = cv.compute(atoms, outputs=[])["progress"] - CENTER
        bias = 0.5 * KAPPA * away**2
        if generator.random() < np.exp(-bias / ENERGY):
            strain = cv.compute(atoms, outputs=["progress"]).strain("progress")
            rows.append([volume, bias, KAPPA * away * np.trace(strain) / (3 * volume)])
    volumes, biases, slopes = np.array(rows).T
    return volumes, biases, slopes


def test_an_ideal_gas_under_a_static_bias(generator: np.random.Generator) -> None:
    cv = gnncv.CollectiveVariable(shipped_model(), num_threads=1)
    volumes, biases, slopes = biased_gas(cv, generator, 1000)
    root = np.sqrt(len(volumes))
    exact = (N_ATOMS + 1) * ENERGY / PRESSURE
    weights = bias_weights(biases, TEMPERATURE)
    mean = float(weights @ volumes)
    mean_error = float(np.sqrt(np.sum((weights * (volumes - mean)) ** 2)))
    kinetic = N_ATOMS * ENERGY / volumes
    pressure, pressure_error = np.mean(kinetic - slopes), np.std(kinetic - slopes) / root
    print(
        f"volume: exact {exact:.1f}, biased {volumes.mean():.1f}, reweighted {mean:.1f} +- {mean_error:.1f}"
    )
    print(f"pressure: {PRESSURE:.4g}, {pressure:.4g} +- {pressure_error:.2g}, kinetic {kinetic.mean():.4g}")
    assert abs(volumes.mean() - exact) > 8 * volumes.std() / root  # the bias does something
    assert abs(mean - exact) < 4 * mean_error
    assert abs(kinetic.mean() - PRESSURE) > 8 * pressure_error  # and so does its virial:
    assert abs(pressure - PRESSURE) < 4 * pressure_error  # <N kT / V - dU/dV> = p


@pytest.mark.parametrize("engine", ["openmm", "ase"])
def test_a_bias_of_zero_leaves_the_trajectory_as_it_is(
    engine: str, make_config: Callable[..., RunConfig], tmp_path: Any
) -> None:
    """To the last bit, box and all."""
    keys = {"engine": engine, "platform": "Reference", "steps": 20, "trajectory_stride": 5, "seed": 3}
    keys |= {"ensemble": "npt", "pressure_bar": 900.0, "barostat_stride": 5}
    biases = {"none": "none", "zero": {"kind": "linear", "cv": "progress", "slope_kj_mol": 0.0}}
    biases["some"] = {"kind": "linear", "cv": "progress", "slope_kj_mol": 50.0}
    frames, volumes = {}, {}
    for name, bias in biases.items():
        config = make_config(output=str(tmp_path / name), bias=bias, **keys)
        folder = run(config, progress=False, cv=analytic())
        frames[name] = np.array([one.positions for one in ase.io.read(folder / "trajectory.extxyz", ":")])
        volumes[name] = read_colvar(folder / "COLVAR")["volume"]
    assert np.array_equal(frames["none"], frames["zero"])
    assert np.array_equal(volumes["none"], volumes["zero"])
    assert not np.array_equal(frames["none"], frames["some"])
