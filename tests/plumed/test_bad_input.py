"""Every mistake in the input line stops at start-up, with a message that says what to write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from plumed_driver import Plumed

from core_model import write_core_model

SPECIES = "SPECIES1=1-3 SPECIES2=4-6 SPECIES_TO_TYPES=Cu,Zr"

# The line after `cv: GNNCV `, with MODEL in front, and what the error says.
MISTAKES = {
    SPECIES.replace("4-6", "3-6"): "atom 3 is in SPECIES1 and in SPECIES2: name each atom once",
    SPECIES.replace("Zr", "Xe"): "'Xe', which the model does not know: it knows Cu, Zr",
    SPECIES.replace("Zr", "8"): "'8', which the model does not know: it knows Cu, Zr (write these names, or",
    SPECIES.replace("Cu,Zr", "Cu"): "SPECIES_TO_TYPES names 1 types and there are 2 SPECIESn: write one type",
    "SPECIES1=1-3 SPECIES2=4-6": "SPECIES_TO_TYPES names 0 types and there are 2 SPECIESn",
    "ATOMS=1-6": "write SPECIES1=.. SPECIES2=.. (atoms) and SPECIES_TO_TYPES=Cu, Zr",
    "ATOMS=1-6 SPECIES_TO_TYPES=Cu,Zr": "SPECIES_TO_TYPES is given without SPECIES1=..",
    "ATOMS=1-6,2": "atom 2 is in ATOMS twice: name each atom once",
    f"ATOMS=1-5 {SPECIES}": "atom 6 is in SPECIES2 but not in ATOMS: leave ATOMS out, or add it",
    "ATOMS=1-6 SPECIES1=1-5 SPECIES_TO_TYPES=Cu": "atom 6 is in ATOMS but in none of the SPECIESn",
    "": "there are no atoms: write ATOMS=1-500, ATOMS=@mdatoms for all of them",
    "SPECIES1=1-9 SPECIES_TO_TYPES=Cu": "out of range",
    f"{SPECIES} DEVICE=gpu": "device 'gpu'",
    f"{SPECIES} DEVICE=cuda:9": "device 'cuda:9'",
    f"{SPECIES} PRECISION=half": "half",
    f"{SPECIES} NUM_THREADS=0": "NUM_THREADS=0 is not a number of threads: write NUM_THREADS=1 or more",
    f"{SPECIES} NUM_THREADS=two": "NUM_THREADS=two is not a number of threads",
    f"{SPECIES} NL_SKIN=-1": "NL_SKIN=-1 is not a length: write 0 (a new list each step) or a positive",
    f"{SPECIES} NL_SKIN=nan": "NL_SKIN=nan is not a length",
    f"{SPECIES} NL_SKIN=5": "is longer than the cutoff, 3.4",
    f"{SPECIES} COMPONENTS=mixed,latent": "'latent', which the model does not have: it has mean-1,",
    f"{SPECIES} COMPONENTS=mixed,mixed": "'mixed' twice",
    f"{SPECIES} CUTOFF=3": "CUTOFF",
}


@pytest.fixture
def frame() -> Atoms:
    positions = 2.4 * np.indices((2, 3, 1)).reshape(3, -1).T
    return Atoms("Cu3Zr3", positions, cell=[9, 9, 9], pbc=True)


def said(plumed: Plumed, folder: Path, text: str, frame: Atoms) -> str:
    """What PLUMED says of an input that stops it before the first step."""
    run = plumed.driver(folder, f"UNITS LENGTH=A\n{text}\n", [frame], fails=True)
    assert not (folder / "COLVAR").exists() or "FIELDS" not in (folder / "COLVAR").read_text()
    return " ".join((run.log + run.errors).replace("PLUMED: ", "").split())


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_named_with_the_way_out(
    plumed: Plumed, model: Path, tmp_path: Path, frame: Atoms, line: str
) -> None:
    text = f"cv: GNNCV MODEL={model} {line}\nPRINT ARG=cv.* FILE=COLVAR"
    assert MISTAKES[line] in said(plumed, tmp_path, text, frame)


def test_a_component_that_is_not_there_lists_those_that_are(
    plumed: Plumed, model: Path, tmp_path: Path, frame: Atoms
) -> None:
    text = f"cv: GNNCV MODEL={model} {SPECIES}\nPRINT ARG=cv.latent FILE=COLVAR"
    message = said(plumed, tmp_path, text, frame)
    assert "action cv has no component named latent" in message
    assert "cv.mean-1 cv.mean-2 cv.mixed cv.total" in message


@pytest.mark.parametrize("content", [None, b"", b"not a model", b"cut"])
def test_a_file_that_is_no_model_is_named(
    plumed: Plumed, model: Path, tmp_path: Path, frame: Atoms, content: bytes | None
) -> None:
    path = tmp_path / "other.pt"
    if content is not None:
        path.write_bytes(model.read_bytes()[:2000] if content == b"cut" else content)
    assert "other.pt" in said(plumed, tmp_path, f"cv: GNNCV MODEL={path} {SPECIES}", frame)


def test_model_is_asked_for(plumed: Plumed, tmp_path: Path, frame: Atoms) -> None:
    assert "MODEL" in said(plumed, tmp_path, f"cv: GNNCV {SPECIES}", frame)


def test_a_value_that_is_not_finite_stops_with_step_and_atom(
    plumed: Plumed, model: Path, tmp_path: Path, frame: Atoms
) -> None:
    """Atoms have the numbers of PLUMED, not their places in ATOMS."""
    frame.positions[3] = np.nan
    good = frame.copy()
    good.positions[3] = [0.0, 0.0, 2.4]
    text = (
        f"UNITS LENGTH=A\ncv: GNNCV MODEL={model} ATOMS=6,5,4 SPECIES1=4-6 SPECIES_TO_TYPES=Zr\n"
        "PRINT ARG=cv.* FILE=COLVAR\n"
    )
    run = plumed.driver(tmp_path, text, [good, good, frame], ["--trajectory-stride", "10"], fails=True)
    message = run.log + run.errors
    assert "GNNCV cv at step 20" in message
    assert "atom 4" in message


def test_species_of_a_structure(plumed: Plumed, model: Path, tmp_path: Path, frame: Atoms) -> None:
    """Without SPECIES, the names of the atoms in MOLINFO's structure say which is which."""
    names = ["CU1", "Cu", "CU", "ZR", " ZR2", "Zr"]
    lines = [
        f"ATOM  {i:5d} {name:<4s} CRY A   1    {0.0:8.3f}{0.0:8.3f}{0.0:8.3f}  1.00  1.00"
        for i, name in enumerate(names, start=1)
    ]
    (tmp_path / "structure.pdb").write_text("\n".join([*lines, "END", ""]))
    text = (
        "UNITS LENGTH=A\nMOLINFO STRUCTURE=structure.pdb MOLTYPE=protein\n"
        f"cv: GNNCV MODEL={model} ATOMS=1-6\nother: GNNCV MODEL={model} {SPECIES}\n"
        "PRINT ARG=cv.*,other.* FILE=COLVAR FMT=%.12e\n"
    )
    run = plumed.driver(tmp_path, text, [frame])
    table = run.table()
    assert table["cv.mixed"] == table["other.mixed"]
    assert "3 Cu 3 Zr, species from the names of the atoms in MOLINFO's structure" in run.log
    assert "shares its evaluation with cv" in run.log
    structure = (tmp_path / "structure.pdb").read_text()
    (tmp_path / "structure.pdb").write_text(structure.replace(" Zr ", " OW "))
    run = plumed.driver(tmp_path, text, [frame], fails=True)
    assert "atom 6 is called 'OW' in MOLINFO's structure, which fits no species" in run.log + run.errors


def test_a_model_of_one_species_needs_no_more_than_atoms(
    plumed: Plumed, tmp_path: Path, one_species_model: Path, frame: Atoms
) -> None:
    text = f"UNITS LENGTH=A\ncv: GNNCV MODEL={one_species_model} ATOMS=@mdatoms\nPRINT ARG=cv.* FILE=COLVAR\n"
    assert (
        "6 atoms: 6 Ar, species from the model, which knows one" in plumed.driver(tmp_path, text, [frame]).log
    )


def test_a_single_precision_file_says_so(plumed: Plumed, tmp_path: Path, frame: Atoms) -> None:
    path = write_core_model(tmp_path / "single.pt", "float32")
    text = f"UNITS LENGTH=A\ncv: GNNCV MODEL={path} {SPECIES}\nPRINT ARG=cv.* FILE=COLVAR\n"
    assert "device cpu, float32, 1 thread" in plumed.driver(tmp_path, text, [frame]).log
