"""The inputs of the how-to run as they stand, but for the place of the plugin."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from plumed_driver import Plumed
from test_molecules import BENZENE

from benzene_runs import benzene_frames
from molecule_models import write_molecule_model

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto" / "plumed.md"
REFERENCE = HOWTO.parents[1] / "reference" / "plumed.md"
COMMITTEE = HOWTO.with_name("committee.md")
PAGES = HOWTO.read_text() + COMMITTEE.read_text()
BLOCKS = dict(re.findall(r"```text\n# (\w+\.dat)\n(.*?)```", PAGES, re.DOTALL))
PLACE = "LOAD FILE=/path/to/libgnncv_plumed.so\n"


def input_of(name: str) -> str:
    """What comes after the LOAD line, and the line itself is the driver's."""
    text = BLOCKS[name]
    assert text.count(PLACE) == 1
    return text.replace(PLACE, "")


@pytest.mark.parametrize("name", BLOCKS)
def test_inputs_of_the_howto_run(
    plumed: Plumed, model: Path, one_species_model: Path, generator, tmp_path: Path, name: str
) -> None:
    molecules = name == "molecules.dat"
    atoms = benzene_frames("0")[0] if molecules else bulk("Ar", cubic=True, a=5.3).repeat(5)
    frames = []
    for _ in range(3):
        frames.append(atoms.copy())
        frames[-1].positions += (0.02 if molecules else 0.1) * generator.normal(size=atoms.positions.shape)
    for walker in ("first", "second"):
        folder = tmp_path / walker
        folder.mkdir()
        shutil.copy(one_species_model, folder / "cv.pt")
        shutil.copy(model, folder / "alloy.pt")
        for number in (1, 2, 3):
            shutil.copy(one_species_model, folder / f"cv-{number}.pt")
        if molecules:
            write_molecule_model(folder / "benzene.pt", topology=BENZENE)
        if name == "restart.dat":
            plumed.driver(folder, input_of("metadynamics.dat"), frames)
        run = plumed.driver(folder, input_of(name), frames, ["--trajectory-stride", "100"])
        assert len(run.table()["time"]) >= len(frames)
        assert np.isfinite(list(run.table().values())).all()
        if name != "walker.dat":
            return


def test_the_howto_covers_what_it_promises() -> None:
    wanted = "monitor metadynamics molecules opes umbrella pull restart walker npt geometric alloy committee"
    assert set(BLOCKS) == {f"{word}.dat" for word in wanted.split()}


def test_the_reference_names_every_keyword() -> None:
    source = (HOWTO.parents[2] / "plumed_plugin" / "action.cpp").read_text()
    keywords = set(re.findall(r'keys\.(?:add\(\s*"\w+",|addFlag\()\s*"([A-Z_]+)"', source))
    assert len(keywords) == 11
    table = REFERENCE.read_text().partition("## Components")[0]
    assert not [name for name in keywords if f"`{name}" not in table]
