"""Columns of COLVAR that a run computes for its rows only: squared gradients, the spread of a committee."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from ase.build import bulk

import gnncv
from analytic_cv import AnalyticCV, AnalyticResult
from argon_runs import METADYNAMICS, analytic
from core_model import write_core_model
from gnncv.analysis import compute_free_energy
from gnncv.engines import run
from gnncv.errors import InvalidArgument
from gnncv.files import read_colvar

SQUARES = ["gradnorm2-coordination", "gradnorm2-progress"]


class Recorder(AnalyticCV):
    """Notes which gradients were asked for."""

    asked: list[list[str]]

    def compute(self, *args: Any, outputs: Sequence[str] | None = None) -> AnalyticResult:
        """As the variable, noted."""
        self.asked.append(list(outputs or []))
        return super().compute(*args, outputs=outputs)


@pytest.mark.parametrize("bias", [None, METADYNAMICS])
@pytest.mark.parametrize("engine", ["openmm", "ase"])
def test_squares_are_those_of_the_frames_and_belong_to_rows(engine: str, bias: Any, make_config) -> None:
    cv = Recorder(cutoff=5.1, middle=0.95, width=0.5)
    cv.asked = []
    config = make_config(
        engine=engine, bias=bias, gradnorm2=["coordination", "progress"], steps=60, trajectory_stride=20
    )
    folder = run(config, progress=False, cv=cv)
    rows = sum("coordination" in asked for asked in cv.asked)
    assert rows == 60 // config.colvar_stride + 1
    table = read_colvar(folder / "COLVAR")
    assert table.fields[5:7] == SQUARES
    reference = analytic()
    for frame in ase.io.read(folder / "trajectory.extxyz", index=":"):
        result = reference.compute(frame)
        row = frame.info["step"] // config.colvar_stride
        for name in ("coordination", "progress"):
            expected = (result.gradient(name) ** 2).sum()
            assert expected > 0.0
            assert table[f"gradnorm2-{name}"][row] == pytest.approx(expected, rel=1e-4)
    options: dict[str, Any] = {"cv": "progress", "temperature_kelvin": 80.0, "bins": 4, "blocks": 2}
    curve = compute_free_energy(folder / "COLVAR", gradnorm2="gradnorm2-progress", **options)
    assert "geometric" in curve.method


@pytest.mark.parametrize("engine", ["openmm", "ase"])
def test_a_continued_run_has_the_same_squares(engine: str, make_config, tmp_path: Path) -> None:
    def of(name: str, steps: int) -> Any:
        keys = {"gradnorm2": ["novelty"], "bias": METADYNAMICS, "platform": "Reference", "seed": 4}
        return make_config(engine=engine, output=str(tmp_path / name), steps=steps, **keys)

    whole = run(of("whole", 60), progress=False, cv=analytic())
    for steps in (35, 60):
        parts = run(of("parts", steps), progress=False, cv=analytic())
    assert (parts / "COLVAR").read_bytes() == (whole / "COLVAR").read_bytes()
    assert "gradnorm2-novelty" in read_colvar(whole / "COLVAR").fields


def test_the_identity_of_runs_made_before_is_theirs_still(make_config) -> None:
    plain = make_config().identity()
    assert not {"gradnorm2", "committee"} & set(plain)
    assert make_config(gradnorm2=["progress"]).identity() == {**plain, "gradnorm2": ["progress"]}


def test_what_cannot_be_is_said_at_the_start(make_config, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="no output 'progres'"):
        run(make_config(gradnorm2=["progres"]), progress=False, cv=analytic())
    with pytest.raises(InvalidArgument, match="give cv"):
        run(make_config(gradnorm2=["progress"], output=str(tmp_path / "two")), progress=False)


@pytest.mark.parametrize("engine", ["openmm", "ase"])
def test_the_spread_of_a_committee(engine: str, make_config, tmp_path: Path) -> None:
    files = [write_core_model(tmp_path / f"{seed}.pt", seed=seed) for seed in range(3)]
    atoms = bulk("Cu", "fcc", a=3.7, cubic=True) * (2, 2, 2)
    atoms.positions += np.random.default_rng(0).normal(0.0, 0.1, atoms.positions.shape)
    copper = {"sigma_angstrom": 2.3, "epsilon_kj_mol": 2.0}
    config = make_config(
        atoms,
        engine=engine,
        cv=str(files[0]),
        committee=[str(path) for path in files[1:]],
        system={"kind": "lennard-jones", "species": {"Cu": copper}, "cutoff_angstrom": 3.6},
        bias={"kind": "linear", "cv": "mixed", "slope_kj_mol": 5.0},
        timestep_fs=1.0,
        steps=20,
        trajectory_stride=10,
        order_parameter_cutoff_angstrom=3.0,
    )
    folder = run(config, progress=False)
    table = read_colvar(folder / "COLVAR")
    spreads = ["std-mean-1", "std-mean-2", "std-mixed", "std-total"]
    assert table.fields[5:9] == spreads
    committee = gnncv.Committee(files, num_threads=1)
    for row, frame in enumerate(ase.io.read(folder / "trajectory.extxyz", index=":")):
        result = committee.compute(frame)
        for name in spreads:
            assert result[name] > 0.0
            assert table[name][row] == pytest.approx(result[name], rel=1e-4)
    assert len(config.identity()["committee"][0]) == 64  # by content, wherever the file lies
