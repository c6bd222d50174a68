"""A small trained model, shared by the tests that need one."""

from pathlib import Path

import pytest
from ase import Atoms

from gnncv.data import load_frames
from gnncv.demo.frames import demo_frames
from gnncv.training import TrainedRun, fit
from small_training import small_config


@pytest.fixture(scope="session")
def argon_frames() -> list[Atoms]:
    """Every tenth shipped frame, both phases, labeled."""
    return [atoms for phase, path in demo_frames().items() for atoms in load_frames(path, phase, "::10")]


@pytest.fixture(scope="session")
def small_run(argon_frames: list[Atoms], tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A model of the default size, trained briefly."""
    folder = tmp_path_factory.mktemp("small_run") / "run"
    return fit(small_config(), folder, argon_frames, progress=False)


@pytest.fixture(scope="session", params=["float64", "float32"])
def exported(
    request: pytest.FixtureRequest, small_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The small model as a file, in both precisions."""
    from gnncv.export import export

    path = tmp_path_factory.mktemp("exported") / f"argon_{request.param}.pt"
    export(small_run, path, request.param)
    return path
