"""Another element by the same files: copper, whose workflow is argon's with other paths and a cutoff."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from ase.build import bulk
from ase.io import write
from ase.neighborlist import neighbor_list

from gnncv.analysis.neighbor_distance import neighbor_distance
from gnncv.engines import RunConfig, run
from gnncv.errors import InvalidArgument
from gnncv.export import export
from gnncv.files import read_colvar
from gnncv.training import TrainConfig, fit

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize("element", ["copper", "silicon"])
def test_only_paths_and_the_cutoff_differ_from_argon(element: str) -> None:
    """What the example claims: the workflow is transferred without touching anything else."""
    argon = yaml.safe_load((EXAMPLES / "argon" / "train.yaml").read_text())
    other = yaml.safe_load((EXAMPLES / "copper" / f"train_{element}.yaml").read_text())
    for settings in (argon, other):
        del settings["model"]["cutoff"]
        settings["data"]["phases"] = sorted(settings["data"]["phases"])
    assert other == argon


def copper(folder: Path, name: str, **keys: object) -> Path:
    """Run EMT copper with `gnncv run`, from the lattice unless told otherwise."""
    start = folder / "lattice.extxyz"
    if not start.exists():
        write(start, bulk("Cu", "fcc", a=3.7, cubic=True) * (3, 3, 3))
    values = {
        "engine": "ase", "start": str(start), "output": str(folder / name), "steps": 120, "timestep_fs": 4.0,
        "system": {"kind": "calculator", "factory": "ase.calculators.emt:EMT"},
        "temperature_kelvin": 1000.0, "friction_per_ps": 10.0,
        "colvar_stride": 10, "trajectory_stride": 10, "checkpoint_stride": 1000,
    }  # fmt: skip
    return run(RunConfig.from_dict({**values, **keys}), progress=False)


def test_copper_is_trained_and_pushed(tmp_path: Path) -> None:
    """Frames, training, export and a biased run with ASE: the whole workflow on another element."""
    crystal = copper(tmp_path, "crystal") / "trajectory.extxyz"
    melt = copper(tmp_path, "melt", temperature_kelvin=8000.0) / "trajectory.extxyz"
    settings = yaml.safe_load((EXAMPLES / "copper" / "train_copper.yaml").read_text())
    settings["training"] |= {"epochs": 4, "batch_size": 4, "threads": 1, "learning_rate": 0.01}
    settings["data"] |= {"phases": {"crystal": [crystal], "melt": [melt]}, "index": "3:", "gap": 0}
    trained = fit(TrainConfig.model_validate(settings), tmp_path / "train", progress=False)
    model = tmp_path / "copper.pt"
    export(trained, model)

    bias = {"kind": "harmonic", "cv": "progress", "center": 0.0, "kappa_kj_mol": 4000.0}
    start = {"structure": str(crystal), "index": -1}
    pushed = copper(tmp_path, "pushed", cv=str(model), start=start, bias=bias, steps=60)
    colvar = read_colvar(pushed / "COLVAR")
    assert colvar["progress"][0] > 0.8
    assert colvar["progress"][-1] < colvar["progress"][0] - 0.1
    assert colvar["q6"][0] > 0.35  # judged without being told how far copper's neighbors are
    assert np.all(np.isfinite(colvar["novelty"]))
    free = read_colvar(tmp_path / "melt" / "COLVAR")
    assert free["q6"][-1] < 0.25


@pytest.mark.parametrize(
    ("lattice", "cells", "neighbors"), [("fcc", 3, 12), ("bcc", 4, 14), ("diamond", 2, 4), ("hcp", 4, 12)]
)
def test_the_first_shell_of_any_lattice(lattice, cells, neighbors, generator) -> None:
    size = generator.uniform(2.0, 8.0)
    atoms = bulk("X", lattice, a=size, **({"c": 1.633 * size} if lattice == "hcp" else {"cubic": True}))
    atoms = atoms.repeat(cells)
    reach = neighbor_distance(atoms)
    atoms.positions += 0.03 * reach * generator.normal(size=atoms.positions.shape) / 3**0.5
    assert neighbor_distance(atoms) == pytest.approx(reach, rel=0.1)
    assert len(neighbor_list("i", atoms, reach)) == neighbors * len(atoms)


def test_too_few_atoms_have_no_shell() -> None:
    with pytest.raises(InvalidArgument, match=r"at least 32 atoms .* there are 8 with pbc \[True"):
        neighbor_distance(bulk("Si", cubic=True))
