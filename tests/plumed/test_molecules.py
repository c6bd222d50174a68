"""The action on molecules: their atoms may be at any image, and must be in the order of the template."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from plumed_driver import Plumed, species_lines
from test_derivatives import DIGITS, close, dumped

import gnncv
from gnncv.topology import Axis, Topology
from molecule_models import molecular_system, write_molecule_model
from molecules import template

BENZENE = Topology([template("C6H6", [Axis("normal", ring=(0, 1, 2, 3, 4, 5))])])
PRINTED = f"DUMPDERIVATIVES ARG=cv.* FILE=derivatives {DIGITS}\nPRINT ARG=cv.* FILE=COLVAR {DIGITS}\n"


@pytest.fixture(scope="module")
def benzene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model that knows one kind of molecule, and no atoms beside it."""
    return write_molecule_model(tmp_path_factory.mktemp("benzene") / "cv.pt", topology=BENZENE)


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_molecule_model(tmp_path_factory.mktemp("mixture") / "cv.pt")


def moved(atoms: Atoms, generator: np.random.Generator) -> list[Atoms]:
    """The frame, and two more in which all atoms and the cell have moved and atoms changed their images."""
    frames = [atoms]
    for _ in range(2):
        frame = frames[-1].copy()
        frame.positions += 0.03 * generator.normal(size=frame.positions.shape)
        strain = np.eye(3) + 0.01 * generator.normal(size=(3, 3))
        frame.set_cell(frame.cell.array @ strain)
        frame.positions = frame.positions @ strain
        frame.positions += (generator.integers(-1, 2, size=(len(frame), 3)) * frame.pbc) @ frame.cell.array
        frames.append(frame)
    return frames


def assert_as_python(run, model: Path, frames: list[Atoms]) -> None:
    cv = gnncv.CollectiveVariable(model, num_threads=1)
    found = dumped(run.table("derivatives"), "cv", len(frames[0]))
    assert list(found) == cv.names
    for t, frame in enumerate(frames):
        result = cv.compute(frame)
        for k, name in enumerate(cv.names):
            gradient, strain = found[name]
            assert np.isclose(run.table()[f"cv.{name}"][t], result.values[k], rtol=1e-10, atol=1e-12)
            assert close(gradient[t], result.gradients[k], 1e-9)
            assert close(-strain[t], result.strain_gradient[k], 1e-8)


@pytest.mark.parametrize("box", ["triclinic", "thin", "open"])
def test_one_kind_of_molecule_needs_no_species(plumed: Plumed, benzene, tmp_path, box, generator) -> None:
    frames = moved(molecular_system(box, 6, generator, BENZENE)[0], generator)
    text = f"UNITS LENGTH=A\ncv: GNNCV MODEL={benzene} ATOMS=1-{len(frames[0])}\n{PRINTED}"
    run = plumed.driver(tmp_path, text, frames)
    assert_as_python(run, benzene, frames)
    assert "the template of 'C6H6', the only kind of molecule the model knows" in run.log


def test_several_kinds_by_their_species(plumed: Plumed, mixture, tmp_path, generator) -> None:
    """ATOMS says the order, SPECIESn what the atoms are."""
    frames = moved(molecular_system("triclinic", 9, generator)[0], generator)
    atoms = f"ATOMS=1-{len(frames[0])} {species_lines(frames[0])}"
    run = plumed.driver(tmp_path, f"UNITS LENGTH=A\ncv: GNNCV MODEL={mixture} {atoms}\n{PRINTED}", frames)
    assert_as_python(run, mixture, frames)


def test_atoms_that_are_no_molecules_are_refused(plumed: Plumed, benzene, tmp_path, generator) -> None:
    frame = molecular_system("triclinic", 3, generator, BENZENE)[0]
    for atoms, complaint in (
        ("1-35", "35 atoms are no whole number of molecules 'C6H6', which have 12"),
        ("1,4,3,2,5-36", "atoms 0 and 1 are bonded in the model's template"),
        ("13-24,2-12,1,25-36", "site 1, atoms 12 to 23"),
    ):
        text = f"UNITS LENGTH=A\ncv: GNNCV MODEL={benzene} ATOMS={atoms}\nPRINT ARG=cv.progress FILE=COLVAR\n"
        run = plumed.driver(tmp_path / atoms, text, [frame], fails=True)
        assert complaint in " ".join((run.log + run.errors).split()), run.errors
