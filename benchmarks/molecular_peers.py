"""mlcolvar's SchNet DeepTDA on the centers of molecules: what it is given, and what it says."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms

from evaluate import HERE, run
from gnncv.data import split_frames
from gnncv.topology import center_frame
from molecular_models import PHASES, MolecularData
from phase_statistics import Array

Sets = dict[str, dict[str, list[Atoms]]]


def deeptda_values(
    arguments: argparse.Namespace,
    cutoff: float,
    data: MolecularData,
    sets: Sets,
    rescale: bool,
    folder: Path,
) -> dict[str, dict[str, Array]]:
    """Train on the frames that gnncv is trained on, at one density too if asked, and evaluate ``sets``."""
    name = "deeptda-rescaled" if rescale else "deeptda"
    source, target = folder / f"{name}-in.npz", folder / f"{name}.npz"
    if not target.exists():
        np.savez(source, **_arrays(data, sets, rescale, cutoff))
        words = [str(HERE / "peer_mlcolvar_deeptda.py"), str(source), str(target)]
        print(run([arguments.peer_python, *words, "--seconds", str(arguments.peer_seconds)], 1).strip())
    found = np.load(target)
    return {kind: {p: found[f"{kind}, {p}"].astype(float) for p in PHASES} for kind in sets}


def _arrays(data: MolecularData, sets: Sets, rescale: bool, cutoff: float) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {"cutoff": np.array(cutoff)}
    named = {f"{kind}, {phase}": frames for kind, by in sets.items() for phase, frames in by.items()}
    named |= {"training": [], "validation": []}
    for phase in PHASES:
        frames = data.training[phase]
        split = split_frames(frames, 0.2, 1, 2)  # as in model_of
        for role, chosen in (("training", split.training), ("validation", split.validation)):
            own = [frames[k] for k in chosen]
            named[role] += own + (data.rescaled(own) if rescale else [])
    for name, frames in named.items():
        centers = [center_frame(atoms, data.topology) for atoms in frames]
        arrays[f"{name}/positions"] = np.array([sites.positions for sites in centers])
        arrays[f"{name}/cells"] = np.array([sites.cell.array for sites in centers])
        if name in ("training", "validation"):
            arrays[f"{name}/labels"] = np.array([float(a.info["phase"] == "crystal") for a in frames])
    return arrays
