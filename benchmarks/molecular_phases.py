"""How well the models of molecules tell a crystal from a melt, beside density, Steinhardt's q6 and mlcolvar.

    python benchmarks/molecular_phases.py                        # the shipped frames of benzene
    python benchmarks/molecular_phases.py --crystal FILE --melt FILE --peer-python PYTHON --work FOLDER

The end of each trajectory is held out: from training, the choice of the epoch and every threshold. The
control has all held-out frames at one density (centers rescaled, molecules moved as wholes). FOLDER keeps the
trained models.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms

from evaluate import HERE
from gnncv import CollectiveVariable
from gnncv.analysis import order_parameters
from gnncv.data import build_graph
from gnncv.nn import QuinticSwitching
from gnncv.topology import center_frame
from gnncv.training import TrainConfig
from machine import print_facts
from molecular_models import PHASES, VARIANTS, MolecularData, model_of, read_data
from molecular_peers import deeptda_values
from molecular_pictures import draw_values
from phase_statistics import Array, accuracy, best_threshold, separation

SETS = ("as they are", "one density")
EXAMPLE = HERE.parent / "examples" / "benzene"


@dataclass
class Values:
    """Of frames: (T, M) of the sites, above a threshold in a crystal, or None; (T,) of the configurations."""

    sites: Array | None
    configurations: Array


def of_model(cv: CollectiveVariable, frames: list[Atoms]) -> Values:
    """Log-odds of crystallinity, whose threshold is 0, and progress."""
    p = np.array([cv.per_site(atoms)["crystallinity"] for atoms in frames]).clip(1e-12, 1.0 - 1e-12)
    progress = np.array([cv.compute(atoms, outputs=[])["progress"] for atoms in frames])
    return Values(np.log(p / (1.0 - p)), progress)


def of_density(frames: list[Atoms], data: MolecularData, config: TrainConfig) -> Values:
    """Number of neighbors, switched as in the model, and volume per molecule, cubic angstrom."""
    model = config.model
    switching = QuinticSwitching(model.cutoff, model.switching_onset)
    numbers, volumes = [], []
    for atoms in frames:
        graph = build_graph(atoms, model.cutoff, data.topology.kinds, topology=data.topology)
        weights = switching(graph.vectors.norm(dim=1))
        numbers.append(torch.zeros(len(graph.types)).double().index_add(0, graph.center, weights).numpy())
        volumes.append(atoms.get_volume() / len(graph.types))
    return Values(np.array(numbers), np.array(volumes))


def of_q6(frames: list[Atoms], data: MolecularData, cutoff: float) -> Values:
    """Averaged q6 of the centers, and its mean over the frame."""
    found = [order_parameters(center_frame(atoms, data.topology), cutoff).averaged_q6 for atoms in frames]
    return Values(np.array(found), np.mean(found, axis=1))


def row(name: str, values: dict[str, dict[str, Values]], threshold: float | None) -> dict[str, Any]:
    """One line of the table: of both sets, accuracy of sites and separation of configurations."""
    line: dict[str, Any] = {"name": name}
    for kind in SETS:
        melt, crystal = (values[kind][phase] for phase in PHASES)
        line[kind] = {"separation": separation(melt.configurations, crystal.configurations)}
        if threshold is not None and melt.sites is not None and crystal.sites is not None:
            line[kind]["accuracy"] = accuracy(melt.sites, crystal.sites, threshold)
    print_row(line)
    return line


def print_row(line: dict[str, Any]) -> None:
    """Name, then for both sets accuracy in % with its interval, sites taken wrongly, separation."""
    cells = ""
    for kind in SETS:
        found = line[kind].get("accuracy")
        wrong = f"{found.n_wrong} of {found.n_sites} (~{found.independent:.0f})" if found else "-"
        cells += f"{found or '-'!s:>24}{wrong:>24}{line[kind]['separation']:>8.1f}"
    print(f"{line['name']:<38}{cells}", flush=True)


def compare(
    arguments: argparse.Namespace, config: TrainConfig, data: MolecularData, folder: Path
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The table's lines, and the values that the picture shows."""
    sets = {
        kind: {
            phase: data.held_out[phase] if kind == SETS[0] else data.rescaled(data.held_out[phase])
            for phase in PHASES
        }
        for kind in SETS
    }
    print(f"\n{'held-out frames':<38}" + "".join(f"{kind:>56}" for kind in SETS))
    print(f"{'':<38}" + f"{'sites right / %':>24}{'wrong (independent)':>24}{'sep.':>8}" * 2)
    lines, shown = [], {}
    for name in arguments.models:
        for seed in arguments.seeds if name == "gnncv" else arguments.seeds[:1]:
            cv = model_of(name, seed, config, data, folder)
            values = {k: {p: of_model(cv, f) for p, f in by.items()} for k, by in sets.items()}
            lines.append(row(f"{name}, seed {seed}", values, 0.0))
            shown.setdefault(name, values)
    methods = {
        "number of neighbors, volume": lambda frames: of_density(frames, data, config),
        "averaged q6 of the centers": lambda frames: of_q6(frames, data, arguments.q6_cutoff),
    }
    for name, method in methods.items():
        values = {k: {p: method(f) for p, f in by.items()} for k, by in sets.items()}
        threshold = best_threshold(*(method(data.training[phase]).sites for phase in PHASES))
        lines.append(row(name, values, threshold))
        shown[name] = values
    for name, rescale in (("", False), (", rescaled frames too", True)) if arguments.peer_python else ():
        found = deeptda_values(arguments, config.model.cutoff, data, sets, rescale, folder)
        values = {k: {p: Values(None, v) for p, v in by.items()} for k, by in found.items()}
        lines.append(row(f"mlcolvar SchNet DeepTDA{name}", values, None))
        shown[f"mlcolvar{name}"] = values
    return lines, shown


def main() -> None:
    """Parse the arguments, train, compare, print, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, default=EXAMPLE / "train.yaml", help="of the models")
    parser.add_argument("--crystal", type=Path, default=EXAMPLE / "crystal.extxyz.gz")
    parser.add_argument("--melt", type=Path, default=EXAMPLE / "melt.extxyz.gz")
    parser.add_argument("--held-out", type=float, default=0.3, help="share of each trajectory")
    parser.add_argument("--every", type=int, default=1, help="train on every so-manieth frame")
    parser.add_argument("--models", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="the variants: the first only")
    parser.add_argument("--epochs", type=int, help="instead of the configuration's, of both stages")
    parser.add_argument("--q6-cutoff", type=float, default=7.6, help="angstrom")
    parser.add_argument("--peer-python", help="an interpreter that can import mlcolvar (release/2.0)")
    parser.add_argument("--peer-seconds", type=float, default=400.0, help="of its training, at most")
    parser.add_argument("--work", type=Path, help="folder that keeps the trained models")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--picture", type=Path, help="also draw the values of sites and configurations")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print_facts(arguments.threads)
    config = TrainConfig.from_yaml(arguments.config)
    if arguments.epochs is not None:
        config.training.epochs = config.stage1.training.epochs = arguments.epochs
    paths = {"crystal": arguments.crystal, "melt": arguments.melt}
    data = read_data(paths, config, arguments.held_out, arguments.every)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        figures["table"], shown = compare(arguments, config, data, folder)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1, default=vars) + "\n")
    if arguments.picture:
        draw_values(shown, arguments.picture)


if __name__ == "__main__":
    main()
