"""Rounds of a learned bias on the dimer, whose free energy is known: the histogram becomes even."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import gnncv
from dimer import METADYNAMICS, TEMPERATURE, exact, run_values
from gnncv.analysis.free_energy import compute_free_energy
from gnncv.cli.main import main
from gnncv.engines import RunConfig
from gnncv.errors import InvalidArgument, OutputExists
from gnncv.files import read_colvar
from gnncv.learned_bias.model_file import read_bias
from gnncv.rounds import BiasRoundsConfig, run_bias_rounds
from gnncv.rounds.bias_loop import _stalled
from gnncv.rounds.bias_record import BiasRecord, evenness

SETTINGS = BiasRoundsConfig(("distance",), largest_kj_mol=30.0)
STEPS = {"steps": 6000, "trajectory_stride": 6000, "checkpoint_stride": 6000, "colvar_stride": 2}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    """Round 0 without a bias, which is in a well most of the time; two rounds on learned biases follow."""
    folder = tmp_path_factory.mktemp("bias_rounds")
    config = RunConfig.from_dict(run_values(folder, **STEPS, seed=2))
    run_bias_rounds(config, 3, SETTINGS, progress=False)
    return config


def rows(config: RunConfig) -> list[dict[str, float]]:
    with open(config.output / "bias_rounds.csv", newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def test_the_histogram_becomes_more_even(finished: RunConfig) -> None:
    found = rows(finished)
    print([(row["evenness"], row["residual_kj_mol"]) for row in found])
    assert [row["round"] for row in found] == [0.0, 1.0, 2.0]
    assert found[1]["evenness"] > found[0]["evenness"] + 0.05
    assert found[2]["evenness"] > found[0]["evenness"] + 0.1
    assert found[2]["residual_kj_mol"] < 1.5
    assert found[2]["largest_kj_mol"] <= 30.0


def test_every_round_left_its_files(finished: RunConfig) -> None:
    folder = finished.output
    for number in range(3):
        assert (folder / f"round-{number}" / "run" / "COLVAR").exists()
        names = gnncv.CollectiveVariable(folder / f"round-{number}" / "cv.pt").names
        assert ("bias" in names) == (number > 0)
    assert not (folder / "round-1" / "run" / "HILLS").exists()
    table = read_colvar(folder / "round-1" / "run" / "COLVAR")
    inputs, energy = read_bias(folder / "round-1" / "cv.pt")
    assert inputs == ["distance"]
    np.testing.assert_allclose(energy(table["distance"][:, None]), table["bias_kj_mol"], atol=1e-6)
    assert (folder / "bias_rounds.png").stat().st_size > 10_000
    assert (folder / "cv_biased.png").stat().st_size > 5_000
    facts = gnncv.CollectiveVariable(folder / "cv_biased.pt").metadata["learned_bias"]
    assert facts["source"] == [f"round-{number}/run/COLVAR" for number in range(3)]


def test_the_free_energy_is_the_known_one(finished: RunConfig) -> None:
    """Of all rounds together, as the last bias has it, and of the last round alone."""
    _, energy = read_bias(finished.output / "cv_biased.pt")
    grid = np.linspace(3.2, 4.8, 81)
    difference = energy(grid[:, None]) + exact(grid)
    print("bias", np.std(difference))
    assert np.std(difference) < 1.2
    last = finished.output / "round-2" / "run" / "COLVAR"
    curve = compute_free_energy(
        last, cv="distance", temperature_kelvin=TEMPERATURE, value_range=(3.2, 4.8), bins=30
    )
    difference = curve.values - exact(curve.grid)
    assert np.std(difference[np.isfinite(difference)]) < 2.0


def test_called_again_it_goes_on_where_it_was(finished: RunConfig) -> None:
    kept = ("round-1/cv.pt", "round-2/cv.pt", "round-2/run/COLVAR", "bias_rounds.csv")
    before = {name: (finished.output / name).read_bytes() for name in kept}
    run_bias_rounds(finished, 3, SETTINGS, progress=False)
    assert before == {name: (finished.output / name).read_bytes() for name in kept}
    with pytest.raises(OutputExists, match="bias of other outputs"):
        run_bias_rounds(finished, 3, BiasRoundsConfig(("inverse",)), progress=False)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = run_values(tmp_path, **STEPS | {"steps": 1500}, bias=METADYNAMICS)
    (tmp_path / "run.yaml").write_text(RunConfig.from_dict(values).to_yaml())
    words = ["run", str(tmp_path / "run.yaml"), "--rounds", "2", "--learn-bias", "distance,inverse"]
    assert main([*words, "--quiet", "--json", "--bias-factor", "20", "--largest", "25"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rounds"]) == 2
    for bad, reason in (
        (["--learn-bias", "distance"], "--learn-bias goes with --rounds"),
        (["--rounds", "2", "--largest", "3"], "go with --learn-bias"),
        (["--rounds", "2", "--learn-bias", "height"], "has no output 'height' to bias"),
    ):
        assert main(["run", str(tmp_path / "run.yaml"), *bad]) == 2
        assert reason in capsys.readouterr().err


def test_refusals(tmp_path: Path) -> None:
    values = run_values(tmp_path, **STEPS)
    plumed = RunConfig.from_dict({**values, "bias": {"kind": "plumed", "lines": "d: DISTANCE ATOMS=1,2"}})
    with pytest.raises(InvalidArgument, match="a PLUMED input does not say it"):
        run_bias_rounds(plumed, 2, SETTINGS, progress=False)
    plain = RunConfig.from_dict(values)
    with pytest.raises(InvalidArgument, match="rounds is 0"):
        run_bias_rounds(plain, 0, SETTINGS, progress=False)
    with pytest.raises(InvalidArgument, match="give cv"):
        run_bias_rounds(plain.model_copy(update={"cv": None}), 2, SETTINGS, progress=False)


def test_evenness() -> None:
    assert evenness(np.linspace(0.0, 1.0, 30_000), 0.0, 1.0) == pytest.approx(1.0, abs=1e-4)
    assert evenness(np.full(100, 0.5), 0.0, 1.0) == pytest.approx(1 / 30)
    two = np.concatenate([np.linspace(0.0, 0.1999, 9000), np.linspace(0.8001, 1.0, 9000)])
    assert evenness(two, 0.0, 1.0) == pytest.approx(0.4, abs=1e-3)
    assert evenness(np.full(5, 3.0), 0.0, 1.0) == 0.0


def test_a_series_that_gets_no_better_ends() -> None:
    def record(number: int, even: float, residual: float) -> BiasRecord:
        return BiasRecord(number, 100, even, residual, residual, 20.0)

    first, second = record(0, 0.3, 3.0), record(1, 0.6, 1.0)
    assert not _stalled([first, second])
    assert _stalled([first, second, record(2, 0.61, 1.0)])
    assert not _stalled([first, second, record(2, 0.7, 1.0)])
    assert not _stalled([first, second, record(2, 0.5, 0.5)])
