"""Runs that another engine made are harvested by the same rules as gnncv's own."""

import numpy as np
import pytest
from ase import Atoms

from benzene_runs import EXAMPLE, benzene_frames
from gnncv import CollectiveVariable
from gnncv.data.deformation import deform
from gnncv.engines.order import order_of_sites
from gnncv.errors import InvalidArgument
from gnncv.rounds import HarvestConfig, harvest_run
from gnncv.topology import Topology
from gnncv.training import TrainConfig

MELTING = EXAMPLE.parent / "benzene_melting"
MODEL = MELTING / "cv.pt"
CUTOFF = 7.6
SEED = 20261122


@pytest.fixture(scope="module")
def training() -> TrainConfig:
    config = TrainConfig.from_yaml(MELTING / "train.yaml")
    return config.model_copy(update={"data": config.data.model_copy(update={"index": "::10"})})


@pytest.fixture(scope="module")
def run_frames() -> list[Atoms]:
    """Plain frames of both phases and sheared ones, as engines write them: without labels, in any image."""
    print("seed", SEED)
    generator = np.random.default_rng(SEED)
    topology = Topology.from_dict(CollectiveVariable(MODEL).metadata["topology"])
    frames = []
    for atoms in benzene_frames("::25"):
        shear = np.eye(3)
        shear[0, 1] = generator.uniform(0.1, 0.2)
        for frame in (atoms, deform(atoms, shear, topology)):
            images = generator.integers(-1, 2, size=(len(frame), 3)) @ frame.cell.array
            frames.append(Atoms(frame.symbols, frame.positions + images, cell=frame.cell, pbc=True))
    return frames


def test_the_order_of_centers_labels_what_is_new(training: TrainConfig, run_frames: list[Atoms]) -> None:
    topology = Topology.from_dict(CollectiveVariable(MODEL).metadata["topology"])
    order = order_of_sites(CUTOFF, topology)
    cv = CollectiveVariable(MODEL)
    novelty = [float(cv.compute(atoms, outputs=[])["novelty"]) for atoms in run_frames]
    new = float(np.median(novelty))
    settings = HarvestConfig(novelty=new, tolerance=0.9)  # by novelty alone
    found = harvest_run(MODEL, run_frames, training, CUTOFF, "melting", settings)
    values = [order(atoms)[0] for atoms in run_frames]
    assert np.allclose(found.judged.order, values)
    assert np.allclose(found.judged.novelty, novelty)
    taken = [atoms.info["frame"] for atoms in found.frames]
    assert taken == np.flatnonzero(np.array(novelty) > new).tolist() and len(taken) == len(run_frames) // 2
    for atoms in found.frames:
        assert atoms.info["source"] == "melting"
        assert atoms.info.get("phase") == found.thresholds.phase(values[atoms.info["frame"]])
    labeled = [atoms for atoms in found.training_frames if atoms.info["source"] != "melting"]
    assert len(labeled) == 10 and all("phase" in atoms.info for atoms in labeled)
    assert found.training_frames[10:] == found.frames


def test_one_phase_is_refused(training: TrainConfig, run_frames: list[Atoms]) -> None:
    phases = {"melt": training.data.phases["melt"]}
    alone = training.model_copy(update={"data": training.data.model_copy(update={"phases": phases})})
    with pytest.raises(InvalidArgument, match="two phases"):
        harvest_run(MODEL, run_frames, alone, CUTOFF, "melting")
