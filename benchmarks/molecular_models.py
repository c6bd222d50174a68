"""The models that molecular_phases.py compares: a configuration as it is, and with one thing changed."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from ase import Atoms

from gnncv import CollectiveVariable
from gnncv.data import load_frames, rescaled_to
from gnncv.data.split import correlation_frames
from gnncv.export import export
from gnncv.topology import Topology, build_topology
from gnncv.training import TrainConfig, fit

VARIANTS: dict[str, dict[str, dict[str, object]]] = {
    "gnncv": {},
    "gnncv, without orientation": {"model": {"orientation": False}},
    "gnncv, without stage 1": {"stage1": {"use": "none"}},
    "gnncv, pooling attention": {"model": {"pooling": "attention"}},
}
PHASES = ("melt", "crystal")


@dataclass
class MolecularData:
    """Frames of both phases, split by blocks of time, and the same at one density.

    Attributes
    ----------
    training, held_out
        Frames by phase. Held out is the end of each trajectory, after a gap of twice the correlation time
        of its volume: kept from training, the choice of its best epoch and every threshold.
    volume
        Of the control, cubic angstrom per molecule: the mean of both phases' training frames.
    """

    training: dict[str, list[Atoms]]
    held_out: dict[str, list[Atoms]]
    topology: Topology
    volume: float

    def rescaled(self, frames: list[Atoms]) -> list[Atoms]:
        """The frames at the control's density; molecules are moved as wholes."""
        return [rescaled_to(atoms, self.volume, self.topology) for atoms in frames]


def read_data(paths: dict[str, Path], config: TrainConfig, fraction: float, every: int) -> MolecularData:
    """Frames of each phase: the last ``fraction`` held out, of the others every so-manieth to train on."""
    training, held_out = {}, {}
    for phase in PHASES:
        frames = load_frames(paths[phase], phase)
        gap = math.ceil(2.0 * correlation_frames(np.array([atoms.get_volume() for atoms in frames])))
        start = len(frames) - round(fraction * len(frames))
        training[phase], held_out[phase] = frames[: start - gap : every], frames[start:]
        print(
            f"{phase}: {len(training[phase])} of the first {start - gap} frames to train on, {gap} left out, "
            f"{len(frames) - start} held out"
        )
    topology = build_topology(config.molecules, training["melt"])
    n_sites = topology.match(training["melt"][0].get_chemical_symbols()).n_sites
    volume = np.mean([np.mean([a.get_volume() for a in training[p]]) / n_sites for p in PHASES])
    return MolecularData(training, held_out, topology, float(volume))


def model_of(
    name: str, seed: int, config: TrainConfig, data: MolecularData, folder: Path
) -> CollectiveVariable:
    """The exported file of a variant, trained unless ``folder`` has it from before; all share one stage 1."""
    first = folder / "stage1"
    run = folder / f"{name.replace(', ', '-').replace(' ', '-')}-{seed}"
    file = run.with_suffix(".pt")
    if not file.exists():
        settings = config.model_dump(mode="json")
        for section, changes in VARIANTS[name].items():
            settings[section] |= changes
        if settings["stage1"]["use"] != "none" and first.exists():
            settings["stage1"]["run"] = str(first)
        settings["data"] |= {"gap": 2, "validation_blocks": 1}  # chooses the epoch only
        settings["training"] |= {"seed": seed, "threads": torch.get_num_threads()}
        if not (run / "model.pt").exists():
            frames = [atoms for phase in PHASES for atoms in data.training[phase]]
            fit(TrainConfig.model_validate(settings), run, frames, overwrite=True, progress=False)
        if (run / "stage1").exists() and not first.exists():
            shutil.copytree(run / "stage1", first)
        export(run, file, overwrite=True)
    return CollectiveVariable(file, num_threads=torch.get_num_threads())
