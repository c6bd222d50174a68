"""What a run leaves behind, and what a configuration may say."""

from __future__ import annotations

import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
import yaml
from ase import units

from argon_runs import METADYNAMICS, SYSTEM, analytic, argon
from gnncv.engines import RunConfig, run
from gnncv.errors import InvalidArgument
from gnncv.files import read_colvar

NOVELTY = {"cv": "novelty", "side": "upper", "at": 1.5, "kappa_kj_mol": 100.0}


@pytest.mark.parametrize("engine", ["openmm", "ase"])
def test_what_a_run_writes(engine: str, make_config) -> None:
    config = make_config(engine=engine, bias=METADYNAMICS, walls=[NOVELTY], ensemble="npt", pressure_bar=1.0)
    cv = analytic()
    folder = run(config, progress=False, cv=cv)
    table = read_colvar(folder / "COLVAR")
    outputs = ["coordination", "ncoordination", "progress", "novelty"]
    thermo = ["bias_kj_mol", "potential_kj_mol", "temperature_kelvin", "volume"]
    assert table.fields == ["time", *outputs, *thermo, "q6", "Q6"]
    frames = ase.io.read(folder / "trajectory.extxyz", index=":")
    assert len(frames) == 3
    for frame in frames:
        row = frame.info["step"] // config.colvar_stride
        cv.bind(frame.get_chemical_symbols())
        result = cv.compute(frame)
        for name in outputs:  # the frame, the row and the variable agree (the file has 8 decimals)
            assert frame.info[name] == pytest.approx(table[name][row], rel=1e-6)
            assert result[name] == pytest.approx(table[name][row], rel=1e-5)
        assert frame.get_volume() == pytest.approx(table["volume"][row], rel=1e-6)
        assert frame.info["Q6"] == pytest.approx(table["Q6"][row], rel=1e-6)
    assert 0.2 < table["q6"][0] < 0.58
    facts = json.loads((folder / "run.json").read_text())
    assert facts["ended"] == "steps" and facts["steps"] == 100
    assert facts["model_hash"] == cv.hash
    assert 0.0 < facts["cv_share"] < 1.0
    assert facts["n_evaluations"] >= 100
    assert facts["n_rebuilds"] == facts["n_evaluations"]  # the analytic variable's: a list each time
    assert facts["steps_per_second"] > 0.0
    assert RunConfig.from_yaml(folder / "run-config.yaml") == config


@pytest.mark.parametrize("engine", ["openmm", "ase"])
def test_a_run_without_a_variable(engine: str, make_config) -> None:
    folder = run(make_config(engine=engine, steps=20), progress=False)
    table = read_colvar(folder / "COLVAR")
    assert table.fields == ["time", "potential_kj_mol", "temperature_kelvin", "volume", "q6", "Q6"]
    with pytest.raises(InvalidArgument, match=r"a bias on progress needs a collective variable"):
        run(make_config(engine=engine, bias=METADYNAMICS, output=str(folder) + "2"), progress=False)


def test_an_unbiased_run_observes_the_variable(make_config) -> None:
    table = read_colvar(run(make_config(steps=20), progress=False, cv=analytic()) / "COLVAR")
    assert table["progress"][0] > 0.0
    assert "bias_kj_mol" not in table.fields


def test_the_order_parameter_ends_the_run_not_the_variable(make_config) -> None:
    config = make_config(stop_when={"order_parameter": "Q6", "below": 0.9, "rows": 3}, steps=200)
    folder = run(config, progress=False, cv=analytic())
    facts = json.loads((folder / "run.json").read_text())
    assert facts["steps"] == 20  # the third row
    assert facts["ended"].startswith("Q6 is 0.") and facts["ended"].endswith("below 0.9")
    before = (folder / "COLVAR").read_bytes()
    run(config, progress=False, cv=analytic())  # it has ended
    assert (folder / "COLVAR").read_bytes() == before
    run(make_config(steps=200), progress=False, cv=analytic())  # without the rule it goes on
    assert len(read_colvar(folder / "COLVAR")) == 21


def test_order_parameters_at_their_own_stride(make_config) -> None:
    config = make_config(order_parameter_stride=30, steps=60)
    table = read_colvar(run(config, progress=False) / "COLVAR")
    assert len(np.unique(table["Q6"])) == 3
    assert table["Q6"][1] == table["Q6"][0] != table["Q6"][3]


def test_velocities_of_the_structure_are_used(make_config, tmp_path) -> None:
    atoms = argon(3)
    generator = np.random.default_rng(0)
    atoms.set_momenta(generator.normal(0.0, np.sqrt(39.948 * units.kB * 300.0), (108, 3)))
    expected = atoms.get_kinetic_energy() / (1.5 * 108 * units.kB)
    start = {"structure": str(tmp_path / "start.extxyz"), "velocities": "structure"}
    for engine in ("openmm", "ase"):
        config = make_config(atoms, engine=engine, start=start, output=str(tmp_path / engine), steps=0)
        table = read_colvar(run(config, progress=False) / "COLVAR")
        assert table["temperature_kelvin"][0] == pytest.approx(expected, rel=0.02)
    config = make_config(argon(3), start=start, output=str(tmp_path / "none"))
    with pytest.raises(InvalidArgument, match=r"has no velocities; take velocities: thermal"):
        run(config, progress=False)


def test_a_calculator_by_its_name(make_config, tmp_path) -> None:
    system = {
        "kind": "calculator",
        "factory": "ase.calculators.lj:LennardJones",
        "arguments": {"sigma": 3.405, "epsilon": 0.0103, "rc": 7.5},
    }
    config = make_config(engine="ase", system=system, steps=10, order_parameter_cutoff_angstrom=5.1)
    assert "Q6" in read_colvar(run(config, progress=False) / "COLVAR").fields
    for factory, message in (("nowhere:Thing", "cannot be imported"), ("math:pi", "is not callable")):
        wrong = make_config(
            engine="ase", system={**system, "factory": factory}, output=str(tmp_path / "other")
        )
        with pytest.raises(InvalidArgument, match=message):
            run(wrong, progress=False)


def test_a_start_that_cannot_be_read(make_config, tmp_path) -> None:
    for start, message in (
        ({"structure": str(tmp_path / "missing.xyz")}, "does not exist or is not a file"),
        ({"structure": str(tmp_path / "start.extxyz"), "index": 3}, "start.index 3 is out of range"),
        ({"structure": str(tmp_path / "bad.extxyz")}, "ASE cannot read start.structure"),
        ({"structure": str(tmp_path / "nan.extxyz")}, "the position of atom 2 is"),
    ):
        (tmp_path / "bad.extxyz").write_text("no atoms here\n")
        atoms = argon(1)
        atoms.positions[2, 0] = np.nan
        ase.io.write(tmp_path / "nan.extxyz", atoms)
        config = make_config(start=start)
        make_config(argon(3))
        with pytest.raises(InvalidArgument, match=message):
            run(config, progress=False)
        assert not config.output.exists()


GOOD = {
    "engine": "openmm",
    "cv": "cv.pt",
    "start": "crystal.extxyz",
    "system": SYSTEM,
    "output": "run",
    "steps": 1000,
    "timestep_fs": 4.0,
    "temperature_kelvin": 82.0,
    "bias": METADYNAMICS,
    "walls": [NOVELTY],
    "walkers": {"directory": "shared"},
}


def test_paths_are_relative_to_the_file(tmp_path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(GOOD))
    config = RunConfig.from_yaml(path)
    assert config.cv == tmp_path / "cv.pt"
    assert config.start.structure == tmp_path / "crystal.extxyz"
    assert config.output == tmp_path / "run"
    assert config.walkers.directory == tmp_path / "shared"
    assert config.biased == ["progress", "novelty"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"engine": "gromacs"}, r"engine: 'gromacs' is not allowed; allowed: 'openmm' or 'ase'"),
        ({"timestep": 4.0}, r"timestep: unknown key; did you mean 'timestep_fs'\?"),
        ({"bias": {**METADYNAMICS, "kind": "metad"}}, r"bias.kind: 'metad' is not allowed; .*'metadynamics'"),
        ({"bias": {**METADYNAMICS, "biasfactor": 1.0}}, r"bias.biasfactor: .*greater than 1"),
        ({"bias": {**METADYNAMICS, "min": 1.0, "max": 0.0}}, r"min \(1.0\) must be below max \(0.0\)"),
        ({"temperature_kelvin": None}, r"temperature_kelvin is needed"),
        ({"ensemble": "npt"}, r"pressure_bar goes with ensemble npt"),
        ({"pressure_bar": 1.0}, r"pressure_bar goes with ensemble npt"),
        ({"ensemble": "nve"}, r"metadynamics needs a temperature bath"),
        ({"cv_every": 3}, r"steps \(1000\) must be a multiple of cv_every \(3\)"),
        ({"engine": "ase", "cv_every": 2}, r"needs engine openmm"),
        ({"bias": None}, r"walkers share a metadynamics bias"),
        (
            {"walkers": {"directory": "x", "sync_stride": 7}},
            r"walkers.sync_stride must be a multiple of bias.pace",
        ),
        ({"stop_when": {"order_parameter": "Q6"}}, r"give below or above"),
        (
            {"stop_when": {"order_parameter": "progress", "below": 1.0}},
            r"'progress' is not allowed; allowed: 'q6'",
        ),
        ({"system": {**SYSTEM, "switch_angstrom": 9.0}}, r"switch_angstrom must be smaller"),
        (
            {"system": {"kind": "openmm-xml", "file": "a.xml"}, "engine": "ase"},
            r"openmm-xml needs engine openmm",
        ),
        ({"steps": -1}, r"steps: -1 is not allowed"),
        ({"timestep_fs": float("nan")}, r"timestep_fs: nan is not allowed"),
    ],
)
def test_a_wrong_configuration_names_the_key(change: dict, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **change}))
    with pytest.raises(InvalidArgument, match=message) as error:
        RunConfig.from_yaml(path)
    assert "\n" not in str(error.value)
