"""Inputs from templates run in PLUMED's driver as they stand; their numbers follow the training frames."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms

from core_model import write_core_model
from gnncv.cli.main import main
from gnncv.demo import fcc_crystal, shipped_model
from gnncv.errors import InvalidArgument
from gnncv.files import read_colvar
from gnncv.plumed import Installation, load_line
from gnncv.plumed.suggestion import suggest
from gnncv.plumed.template import METHODS, Subject, write_template

TRAINING = {
    "validation": {
        "progress": {"melt": [0.0, 0.02], "crystal": [1.0, 0.03]},
        "latent-1": {"melt": [5.0, 0.5]},
        "novelty": {"melt": [0.6, 0.05], "crystal": [0.4, 0.05]},
    },
    "validation_augmented": {"novelty": {"melt": [0.9, 0.1]}},
}
NAMES = ["latent-1", "progress", "ncrystal", "novelty"]


def driver(
    installation: Installation, text: str, atoms: Atoms, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run the driver on three frames of a shaken crystal."""
    folder.mkdir(exist_ok=True)
    (folder / "plumed.dat").write_text(text)
    generator = np.random.default_rng(0)
    with open(folder / "frames.xyz", "w") as file:
        for _ in range(3):
            moved = atoms.positions + generator.normal(0.0, 0.1, atoms.positions.shape)
            file.write(f"{len(atoms)}\n{' '.join(str(x) for x in atoms.cell.array.ravel() / 10.0)}\n")
            for symbol, (x, y, z) in zip(atoms.get_chemical_symbols(), moved / 10.0, strict=True):
                file.write(f"{symbol} {x} {y} {z}\n")
    command = [
        str(installation.command),
        "--no-mpi",
        "driver",
        "--plumed",
        "plumed.dat",
        "--ixyz",
        "frames.xyz",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("with_structure", [True, False], ids=["structure", "no structure"])
@pytest.mark.parametrize("method", METHODS)
def test_templates_run(
    method: str, with_structure: bool, installation: Installation, plugin: Path, tmp_path: Path, capsys
) -> None:
    ase.io.write(tmp_path / "start.extxyz", fcc_crystal(2))
    words = ["--structure", str(tmp_path / "start.extxyz")] if with_structure else []
    target = tmp_path / "plumed.dat"
    words += ["--method", method, "--plumed", str(installation.command), "-o", str(target)]
    assert main(["plumed", "template", str(shipped_model()), *words]) == 0
    assert capsys.readouterr().err == ""
    text = target.read_text()
    done = driver(installation, text, fcc_crystal(2), tmp_path / "run")
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-500:]
    table = read_colvar(tmp_path / "run" / "COLVAR")
    assert "cv.progress" in table.fields and "cv.novelty" in table.fields
    biases = [name for name in table.fields if name.endswith(".bias")]
    assert bool(biases) == (method != "monitor")
    for line in text.splitlines():  # one comment each
        if re.match(r"  \S", line):
            assert re.fullmatch(r"  \S+ +# \S.*", line), line


def test_several_species_need_a_structure(
    installation: Installation, plugin: Path, tmp_path: Path, generator: np.random.Generator
) -> None:
    """And a model without any statistics still gives an input that runs."""
    from gnncv import CollectiveVariable

    cv = CollectiveVariable(write_core_model(tmp_path / "core.pt"))
    atoms = Atoms("Cu3ZrCu2Zr4", generator.uniform(0, 8, (10, 3)), cell=[8, 8, 8], pbc=True)
    symbols = atoms.get_chemical_symbols()
    for method in METHODS:
        subject = Subject(tmp_path / "core.pt", cv.species, symbols, load_line(plugin))
        text = write_template(subject, method, suggest(cv.names, cv.metadata), 300.0)
        assert "SPECIES1=1-3,5-6 " in text and "SPECIES2=4,7-10 " in text and "SPECIES_TO_TYPES=Cu,Zr" in text
        assert "a guess, monitor first" in text
        done = driver(installation, text, atoms, tmp_path / method)
        assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-500:]
    with pytest.raises(InvalidArgument, match="the model knows Cu, Zr: give a structure with --structure"):
        write_template(
            Subject(tmp_path / "core.pt", cv.species, None, None), "metad", suggest(["a"], {}), 300.0
        )
    with pytest.raises(InvalidArgument, match="the structure has H, O, the model knows Cu, Zr"):
        write_template(Subject(Path("a"), cv.species, ["H", "O"], None), "metad", suggest(["a"], {}), 300.0)


def test_numbers_follow_the_training_frames() -> None:
    found = suggest(NAMES, {"training": TRAINING})
    assert (found.output, found.low, found.high, found.sigma) == ("progress", 0.0, 1.0, 0.02)
    assert found.grid == (-0.5, 1.5) and found.walls == (-0.25, 1.25)
    assert found.novelty_wall == pytest.approx(1.3)
    assert found.wall_kappa(300.0) * 0.25**2 / 2 == pytest.approx(50 * 0.00831446 * 300, rel=0.05)
    narrow = {"validation": {"progress": {"melt": [0.0, 1e-5], "crystal": [1.0, 2.0]}}}
    assert suggest(NAMES, {"training": narrow}).sigma == 0.01  # a hill is never thinner than 1 % of the way
    one = suggest(NAMES, {"training": TRAINING}, "latent-1")
    assert one.low == 2.5 and one.high == 7.5 and one.grid[0] < one.walls[0] < one.low
    sized = suggest(NAMES, {"training": TRAINING}, "ncrystal", n_atoms=256)
    assert (sized.low, sized.high) == (0.0, 256.0)
    assert sized.grid[0] < 0.0 and sized.grid[1] > 256.0


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"training": None},
        {"training": {"validation": None}},
        {"training": {"validation": {"progress": {"melt": None, "crystal": [float("nan"), 1.0]}}}},
        {"training": {"validation": {"progress": {"melt": ["a", "b"]}, "novelty": 3}}},
    ],
)
def test_files_that_say_nothing_of_their_training(metadata: dict) -> None:
    found = suggest(NAMES, metadata)
    assert (found.low, found.high, found.sigma, found.novelty_wall) == (0.0, 1.0, 0.02, 1.0)
    unknown = suggest(["s"], metadata)
    assert unknown.output == "s" and "a guess" in unknown.source and unknown.novelty_wall is None


def test_outputs_that_the_model_lacks() -> None:
    with pytest.raises(InvalidArgument, match="the model has no output 'size'; it has latent-1, progress"):
        suggest(NAMES, {}, "size")
