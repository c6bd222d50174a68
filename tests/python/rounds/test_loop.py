"""Rounds from a model that is fooled by density: the harvested frames change what it says."""

import csv
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write

from gnncv import CollectiveVariable, InvalidArgument, OutputExists
from gnncv.analysis import order_parameters
from gnncv.demo import demo_frames, fcc_crystal, shipped_model
from gnncv.demo.settings import ORDER_CUTOFF, thresholds
from gnncv.engines.config import RunConfig
from gnncv.export import export
from gnncv.rounds import HarvestConfig, run_rounds
from gnncv.rounds.loop import phase_pair, training_configuration
from gnncv.training import TrainConfig, fit

STRAINED = (43.0, 44.0, 45.0, 46.6)  # A^3 per atom: from the crystal's volume to the melt's


def fooled_training() -> TrainConfig:
    """Distances only and no augmentation: such a model takes an expanded crystal for the melt."""
    return TrainConfig.model_validate(
        {
            "data": {
                "phases": {phase: [str(path)] for phase, path in demo_frames().items()},
                "index": "::10",
                "gap": 1,
            },
            "model": {"cutoff": 5.5, "l_max": 0, "width": 16},
            "augmentation": {"enabled": False},
            "training": {"epochs": 6, "batch_size": 4, "threads": 1, "learning_rate": 0.01},
        }
    )


def strained_crystals() -> list[Atoms]:
    frames = [fcc_crystal(3, volume) for volume in STRAINED]
    for seed, atoms in enumerate(frames):
        atoms.rattle(0.25, seed=seed)
    return frames


def push(folder: Path) -> RunConfig:
    """108 atoms under a constant force along progress, towards the melt; a few picoseconds."""
    start = fcc_crystal(3)
    start.rattle(0.25, seed=1)
    write(folder / "start.extxyz", start, format="extxyz")
    return RunConfig.from_dict(
        {
            "engine": "openmm",
            "cv": str(folder / "cv.pt"),
            "start": str(folder / "start.extxyz"),
            "system": {
                "kind": "lennard-jones",
                "species": {"Ar": {"sigma_angstrom": 3.405, "epsilon_kj_mol": 0.99607}},
                "cutoff_angstrom": 7.5,
            },
            "output": str(folder / "rounds"),
            "steps": 1600,
            "timestep_fs": 4.0,
            "ensemble": "npt",
            "temperature_kelvin": 60.0,
            "pressure_bar": 1.0,
            "barostat_stride": 4,
            "bias": {"kind": "linear", "cv": "progress", "slope_kj_mol": 100.0},
            "cv_every": 4,
            "colvar_stride": 40,
            "trajectory_stride": 40,
            "checkpoint_stride": 800,
            "order_parameter_cutoff_angstrom": ORDER_CUTOFF,
            "seed": 1,
        }
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunConfig, TrainConfig]:
    folder = tmp_path_factory.mktemp("rounds")
    training = fooled_training()
    export(fit(training, folder / "train", progress=False), folder / "cv.pt", precision="float64")
    config = push(folder)
    run_rounds(config, 2, train=training, harvest=HarvestConfig(max_frames=20), progress=False)
    return config, training


def crystallinity(model: Path, frames: list[Atoms]) -> np.ndarray:
    cv = CollectiveVariable(str(model))
    return np.array([cv.compute(atoms, outputs=[])["crystallinity"] for atoms in frames])


def test_round_0_is_fooled_and_the_harvested_frames_change_the_model(
    finished: tuple[RunConfig, TrainConfig],
) -> None:
    folder = finished[0].output
    with open(folder / "rounds.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["round"] for row in rows] == ["0", "1"]
    assert float(rows[0]["fooled_crystal"]) > 0.5  # crystal by q6, melt by the CV
    assert float(rows[1]["fooled_crystal"]) < float(rows[0]["fooled_crystal"])
    harvested = read(folder / "round-0" / "harvest.extxyz", index=":")
    assert len(harvested) == int(rows[0]["n_harvested"]) <= 20
    averaged, _ = thresholds()
    for atoms in harvested:
        assert atoms.info.get("phase") == averaged.phase(atoms.info["order"])

    before = crystallinity(folder / "round-0" / "cv.pt", strained_crystals())
    after = crystallinity(folder / "round-1" / "cv.pt", strained_crystals())
    print("strained crystals:", before, "->", after)
    assert before.mean() < 0.5
    assert (after > before).all()
    assert after.mean() - before.mean() > 0.1
    labeled = [atoms for atoms in harvested if atoms.info.get("phase") == "crystal"]
    assert labeled
    gain = crystallinity(folder / "round-1" / "cv.pt", labeled) - crystallinity(
        folder / "round-0" / "cv.pt", labeled
    )
    assert gain.mean() > 0.1
    assert (folder / "rounds.png").stat().st_size > 1000


def test_novelty_tells_the_frames_that_fool(finished: tuple[RunConfig, TrainConfig]) -> None:
    """Above one, on average, where round 0 takes strained crystals for the melt."""
    folder = finished[0].output
    averaged, _ = thresholds()
    frames = [
        atoms
        for atoms in read(folder / "round-0" / "run" / "trajectory.extxyz", index=":")
        if np.mean(order_parameters(atoms, ORDER_CUTOFF).averaged_q6) > averaged.melt_below
    ]
    own = CollectiveVariable(str(folder / "round-0" / "cv.pt"))
    shipped = CollectiveVariable(str(shipped_model()))
    fooling = [atoms for atoms in frames if own.compute(atoms, outputs=[])["crystallinity"] < 0.1]
    assert len(fooling) > 5
    for cv in (own, shipped):
        novelty = np.array([cv.compute(atoms, outputs=[])["novelty"] for atoms in fooling])
        spread = f"{novelty.min():.2f} to {novelty.max():.2f}, mean {novelty.mean():.2f}"
        print(f"novelty of {len(fooling)} fooling frames: {spread}")
        assert novelty.mean() > 1.0


def test_called_again_it_has_nothing_to_do(finished: tuple[RunConfig, TrainConfig]) -> None:
    config, training = finished
    kept = ("rounds.csv", "round-1/cv.pt", "round-1/run/COLVAR", "round-1/train/model.pt")
    before = {name: (config.output / name).read_bytes() for name in kept}
    run_rounds(config, 2, train=training, harvest=HarvestConfig(max_frames=20), progress=False)
    assert before == {name: (config.output / name).read_bytes() for name in kept}


def test_another_first_model_is_refused(finished: tuple[RunConfig, TrainConfig]) -> None:
    config, training = finished
    other = config.model_copy(update={"cv": config.output / "round-1" / "cv.pt"})
    with pytest.raises(OutputExists, match="began from another model"):
        run_rounds(other, 2, train=training, progress=False)


def test_how_a_model_was_trained_is_in_its_file(finished: tuple[RunConfig, TrainConfig]) -> None:
    config, training = finished
    found = training_configuration(CollectiveVariable(str(config.cv)))
    assert found == training
    assert phase_pair(found) == ("melt", "crystal")


def test_bad_input(finished: tuple[RunConfig, TrainConfig], tmp_path: Path) -> None:
    config, training = finished
    elsewhere = config.model_copy(update={"output": tmp_path / "rounds"})
    with pytest.raises(InvalidArgument, match="rounds is 0"):
        run_rounds(elsewhere, 0, train=training, progress=False)
    with pytest.raises(InvalidArgument, match="give cv"):
        run_rounds(elsewhere.model_copy(update={"cv": None, "bias": None}), 1, train=training, progress=False)
    one = training.model_copy(deep=True)
    del one.data.phases["crystal"]
    with pytest.raises(InvalidArgument, match="two phases"):
        run_rounds(elsewhere, 1, train=one, progress=False)
    assert not (tmp_path / "rounds").exists()
