"""A run trained with one frame of crystal among the melt's, and its frames."""

from dataclasses import dataclass

import numpy as np
import pytest
from ase import Atoms

from gnncv.training import TrainedRun, fit
from rattled_frames import rattled_frames
from small_training import small_config


@dataclass
class Mislabeled:
    """A finished run, its training frames, held-out frames, and which training frame has the wrong label."""

    run: TrainedRun
    training: list[Atoms]
    held_out: list[Atoms]
    wrong: int


@pytest.fixture(scope="session")
def mislabeled(tmp_path_factory: pytest.TempPathFactory) -> Mislabeled:
    frames = rattled_frames(6, 2, np.random.default_rng(6))
    training = [atoms for atoms in frames if atoms.info["split"] == "training"]
    wrong = 2
    assert training[wrong].info["phase"] == "crystal"
    training[wrong].info["phase"] = "melt"
    config = small_config(training={"epochs": 15, "batch_size": 3, "checkpoint_every": 5, "patience": 15})
    run = fit(config, tmp_path_factory.mktemp("mislabeled") / "run", frames, progress=False)
    held_out = [atoms for atoms in frames if atoms.info["split"] == "validation"]
    return Mislabeled(run, training, held_out, wrong)
