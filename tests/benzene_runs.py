"""The benzene frames of the example, and configurations that train on them in seconds."""

from pathlib import Path

from ase import Atoms

from gnncv.data import load_frames
from gnncv.training import TrainConfig

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "benzene"
PHASES = ("crystal", "melt")


def benzene_frames(index: str = "::5") -> list[Atoms]:
    """Frames of both phases, labeled."""
    return [atoms for phase in PHASES for atoms in load_frames(EXAMPLE / f"{phase}.extxyz.gz", phase, index)]


def benzene_config(**changes: dict) -> TrainConfig:
    """Two stages, both short; each keyword updates a section."""
    settings: dict = {
        "data": {"phases": {phase: [phase] for phase in PHASES}, "gap": 0},
        "molecules": [{"name": "benzene", "guess": True}],
        "stage1": {
            "model": {"embedding": 2, "width": 8, "n_layers": 1, "decoder_width": 16},
            "training": {"epochs": 2, "batch_size": 128},
        },
        "model": {"cutoff": 8.0, "n_radial": 2, "l_max": 4, "width": 16, "n_heads": 2},
        "training": {"epochs": 5, "batch_size": 4, "threads": 1, "learning_rate": 0.01},
    }
    for section, values in changes.items():
        settings[section] = {**settings[section], **values}
    return TrainConfig.model_validate(settings)
