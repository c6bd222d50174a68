"""PLUMED's units of length and energy are converted, whatever UNITS says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from plumed_driver import Plumed, in_species_order, species_lines

import gnncv

DIGITS = "FMT=%.14e"
ANGSTROM_IN = {"nm": 0.1, "A": 1.0, "0.0529177249": 1.0 / 0.529177249}


@pytest.mark.parametrize("unit", ANGSTROM_IN)
def test_lengths_are_converted(
    plumed: Plumed, model: Path, cv: gnncv.CollectiveVariable, trajectory, tmp_path: Path, unit: str
) -> None:
    frames = trajectory("triclinic", n_atoms=8, n_frames=2)
    skin = 0.3 * ANGSTROM_IN[unit]
    run = plumed.driver(
        tmp_path,
        f"UNITS LENGTH={unit}\ncv: GNNCV MODEL={model} NL_SKIN={skin} {species_lines(frames[0])}\n"
        f"DUMPDERIVATIVES ARG=cv.mixed FILE=derivatives {DIGITS}\nPRINT ARG=cv.mixed FILE=COLVAR {DIGITS}\n",
        frames,
    )
    rows = run.table("derivatives")["cv.mixed"].reshape(len(frames), -1)
    for t, frame in enumerate(frames):
        result = cv.compute(in_species_order(frame), outputs=["mixed"])
        assert np.isclose(run.table()["cv.mixed"][t], result.values[cv.names.index("mixed")], rtol=1e-10)
        gradient = result.gradients[0].ravel() / ANGSTROM_IN[unit]
        assert np.allclose(rows[t][:-9], gradient, rtol=0, atol=1e-9 * np.abs(gradient).max())
        strain = result.strain_gradient[0].T.ravel()
        assert np.allclose(rows[t][-9:], -strain, rtol=0, atol=1e-9 * np.abs(strain).max())
    assert f"skin of {skin:.3g}"[:10] in run.log


def test_natural_units_pass_numbers_as_they_are(
    plumed: Plumed, model: Path, cv: gnncv.CollectiveVariable, trajectory, tmp_path: Path
) -> None:
    frames = trajectory("triclinic", n_atoms=8, n_frames=1)
    run = plumed.driver(
        tmp_path,
        f"UNITS NATURAL\ncv: GNNCV MODEL={model} {species_lines(frames[0])}\n"
        f"PRINT ARG=cv.mixed FILE=COLVAR {DIGITS}\n",
        frames,
        length="1",
    )
    value = cv.compute(in_species_order(frames[0]), outputs=[]).values[cv.names.index("mixed")]
    assert np.isclose(run.table()["cv.mixed"][0], value, rtol=1e-10)
    assert "natural units" in run.log


def test_an_energy_is_converted_from_electronvolt(
    plumed: Plumed, energy_model: Path, trajectory, tmp_path: Path
) -> None:
    """The output `bias` is an energy; all others are pure numbers."""
    frames = trajectory("triclinic", n_atoms=8, n_frames=1)
    columns = {}
    for unit in ("kj/mol", "kcal/mol", "eV"):
        run = plumed.driver(
            tmp_path / unit.replace("/", "-"),
            f"UNITS LENGTH=A ENERGY={unit}\ncv: GNNCV MODEL={energy_model} {species_lines(frames[0])}\n"
            f"b: BIASVALUE ARG=cv.bias\nPRINT ARG=cv.bias,cv.mixed,b.bias FILE=COLVAR {DIGITS}\n",
            frames,
            ["--dump-forces", "forces", "--dump-forces-fmt", "%.12e"],
        )
        columns[unit] = (run.table(), run.forces())
    in_eV, forces = columns["eV"]  # noqa: N806
    for unit, size in (("kj/mol", 96.48530749925792), ("kcal/mol", 96.48530749925792 / 4.184)):
        table, same_forces = columns[unit]
        assert np.isclose(table["cv.bias"][0], size * in_eV["cv.bias"][0], rtol=1e-9)
        assert np.isclose(table["b.bias"][0], table["cv.bias"][0])
        assert np.isclose(table["cv.mixed"][0], in_eV["cv.mixed"][0], rtol=1e-12)
        assert np.allclose(same_forces, forces, rtol=1e-8)  # the driver's units are the same


def test_lengths_that_no_matter_has_are_refused(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path
) -> None:
    frames = trajectory("triclinic")
    for frame in frames:
        frame.set_cell(frame.cell.array / 10, scale_atoms=True)
    text = f"UNITS LENGTH=A\ncv: GNNCV MODEL={model} {species_lines(frames[0])}\nPRINT ARG=cv.* FILE=COLVAR\n"
    run = plumed.driver(tmp_path, text, frames, fails=True)
    assert "the unit of length must be wrong" in run.log + run.errors
    assert "UNITS LENGTH=" in run.log + run.errors


def test_atoms_without_neighbors_are_refused_unless_they_are_meant(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path
) -> None:
    """Angstrom read as nanometers, as the driver does unless it is told."""
    frames = trajectory("triclinic")
    text = "cv: GNNCV MODEL={} {} {}\nPRINT ARG=cv.* FILE=COLVAR\n"
    lines = [text.format(model, species_lines(frames[0]), flag) for flag in ("", "DILUTE")]
    run = plumed.driver(tmp_path / "refused", lines[0], frames, fails=True, length="nm")
    assert "no atom has another within the cutoff, 0.34 (nm)" in run.log + run.errors
    assert "UNITS LENGTH=" in run.log + run.errors and "add the flag DILUTE" in run.log + run.errors
    plumed.driver(tmp_path / "meant", lines[1], frames, length="nm")
