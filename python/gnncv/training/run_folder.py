"""The folder a training run leaves, and how to load the model from it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import yaml
from ase import Atoms
from ase.io import write
from pydantic import BaseModel

from gnncv.data import load_frames
from gnncv.errors import InvalidArgument, ModelError, OutputExists
from gnncv.files.atomic import write_atomic
from gnncv.models import GraphAutoencoder, ModelConfig, TrainedGraphFunction
from gnncv.models.molecule_embeddings import untrained_embeddings
from gnncv.topology import Topology

if TYPE_CHECKING:
    from .influence_source import RunInfluence

CONFIG_FILE = "config.yaml"
CHECKPOINTS = "checkpoints"
MODEL_FILE = "model.pt"
SUMMARY_FILE = "summary.json"
CHECK_FRAMES_FILE = "check_frames.extxyz"


@dataclass
class TrainedRun:
    """A finished training run: its folder, the calibrated model, and the facts of its summary."""

    path: Path
    model: GraphAutoencoder
    summary: dict[str, Any]

    def check_frames(self) -> list[Atoms]:
        """A few training frames, on which an export is checked."""
        return load_frames(self.path / CHECK_FRAMES_FILE)

    def graph_function(self, atoms: Atoms, output: str | int = 0) -> TrainedGraphFunction:
        """One output of the model on one frame, for :mod:`gnncv.explain`."""
        return self.model.graph_function(atoms, output)

    def influence_source(self, checkpoints: Any = None, precision: str = "float64") -> "RunInfluence":
        """Checkpoints, losses and outputs of the run, for :func:`gnncv.explain.tracin`."""
        from .influence_source import RunInfluence

        return RunInfluence(self, checkpoints, precision)


def refuse_existing(
    folder: Path, config: BaseModel, resume: bool, overwrite: bool, free: Sequence[str] = ()
) -> None:
    """Raise before any work if the folder holds a run that is not to be continued or replaced.

    ``free`` sections of the configuration, or keys in them (``section.key``), which the weights do not depend
    on, may differ.
    """
    if overwrite or not (folder / CONFIG_FILE).exists():
        return
    if not resume:
        raise OutputExists(f"{folder} holds a training run; resume it, overwrite it or choose another folder")
    there, given = yaml.safe_load((folder / CONFIG_FILE).read_text()), config.model_dump(mode="json")
    for name in free:
        section, _, key = name.partition(".")
        for settings in (there, given):
            if not key:
                settings.pop(section, None)
            elif isinstance(settings.get(section), dict):
                settings[section].pop(key, None)
    if any(there.get(key) != given.get(key) for key in {*there, *given}):
        raise InvalidArgument(f"{folder / CONFIG_FILE} differs from the configuration given: cannot resume")


def prepare_folder(folder: Path, config: BaseModel, overwrite: bool) -> Path | None:
    """Make the folder, write the configuration, and find the checkpoint to resume from."""
    if overwrite:
        for stale in [*(folder / CHECKPOINTS).glob("*.ckpt"), folder / MODEL_FILE]:
            stale.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    with write_atomic(folder / CONFIG_FILE, overwrite=True) as temporary:
        Path(temporary).write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))
    last = folder / CHECKPOINTS / "last.ckpt"
    return last if last.exists() else None


def save_run(
    path: Path, model: GraphAutoencoder, summary: dict[str, Any], check_frames: Sequence[Atoms]
) -> TrainedRun:
    """Write weights, summary and check frames, each whole or not at all."""
    bare = [Atoms(f.symbols, positions=f.positions, cell=f.cell, pbc=f.pbc) for f in check_frames]
    with write_atomic(path / CHECK_FRAMES_FILE, overwrite=True) as temporary:
        write(temporary, bare, format="extxyz")
    with write_atomic(path / MODEL_FILE, overwrite=True) as temporary:
        torch.save(model.state_dict(), temporary)
    with write_atomic(path / SUMMARY_FILE, overwrite=True) as temporary:
        Path(temporary).write_text(json.dumps(summary, indent=2) + "\n")
    return TrainedRun(path, model, summary)


def load_run(path: str | Path) -> TrainedRun:
    """Load a finished run; :class:`ModelError` if the folder holds none."""
    folder = Path(path)
    if not (folder / MODEL_FILE).is_file() or not (folder / SUMMARY_FILE).is_file():
        raise ModelError(
            f"{folder} holds no finished training run (no {MODEL_FILE} with {SUMMARY_FILE}); "
            "run or resume 'gnncv train' with it as output"
        )
    summary = json.loads((folder / SUMMARY_FILE).read_text())
    model = untrained_model(summary, summary["phases"])
    model.load_state_dict(torch.load(folder / MODEL_FILE, weights_only=True))
    model.eval()
    return TrainedRun(folder, model, summary)


def untrained_model(summary: dict[str, Any], phases: Sequence[str]) -> GraphAutoencoder:
    """A model as a run's summary describes it, with these phases and untrained weights."""
    topology = None if summary.get("topology") is None else Topology.from_dict(summary["topology"])
    embeddings = untrained_embeddings(topology, summary.get("stage1"))
    return GraphAutoencoder(ModelConfig(**summary["model"]), summary["species"], phases, topology, embeddings)
