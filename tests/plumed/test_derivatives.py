"""Values and derivatives of every component are those of the Python core and of differences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from plumed_driver import Plumed, in_species_order, species_lines

import gnncv
from core_model import write_core_model

DIGITS = "FMT=%.15e"


def dumped(
    table: dict[str, np.ndarray], label: str, n_atoms: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Gradients (frames, N, 3) and box derivatives (frames, 3, 3) by component."""
    found = {}
    for name, column in table.items():
        if name.startswith(f"{label}."):
            rows = column.reshape(-1, 3 * n_atoms + 9)
            found[name.removeprefix(f"{label}.")] = (
                rows[:, :-9].reshape(-1, n_atoms, 3),
                rows[:, -9:].reshape(-1, 3, 3),
            )
    return found


def close(one: np.ndarray, other: np.ndarray, tolerance: float) -> bool:
    """Relative to the largest component, with a floor far below any signal."""
    return bool(np.abs(one - other).max() <= tolerance * max(np.abs(other).max(), 1e-3))


@pytest.mark.parametrize("box", ["triclinic", "open", "slab", "thin"])
def test_values_and_derivatives_are_those_of_python(
    plumed: Plumed, model: Path, cv: gnncv.CollectiveVariable, trajectory, tmp_path: Path, box: str
) -> None:
    frames = trajectory(box)
    run = plumed.driver(
        tmp_path,
        f"UNITS LENGTH=A\ncv: GNNCV MODEL={model} {species_lines(frames[0])}\n"
        f"DUMPDERIVATIVES ARG=cv.* FILE=derivatives {DIGITS}\nPRINT ARG=cv.* FILE=COLVAR {DIGITS}\n",
        frames,
    )
    found = dumped(run.table("derivatives"), "cv", len(frames[0]))
    assert list(found) == cv.names
    for t, frame in enumerate(frames):
        result = cv.compute(in_species_order(frame))
        for k, name in enumerate(cv.names):
            gradient, strain = found[name]
            assert np.isclose(run.table()[f"cv.{name}"][t], result.values[k], rtol=1e-12)
            assert close(gradient[t], result.gradients[k], 1e-10)
            assert close(-strain[t], result.strain_gradient[k], 1e-10)


@pytest.mark.parametrize("box", ["triclinic", "open"])
def test_derivatives_agree_with_differences(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path, box: str
) -> None:
    frames = trajectory(box, n_atoms=12, n_frames=2)
    action = f"GNNCV MODEL={model} {species_lines(frames[0])}"
    run = plumed.driver(
        tmp_path,
        f"UNITS LENGTH=A\ncv: {action}\nnumeric: {action} NUMERICAL_DERIVATIVES\n"
        f"DUMPDERIVATIVES ARG=cv.*,numeric.* FILE=derivatives {DIGITS}\n",
        frames,
    )
    table = run.table("derivatives")
    analytic, numeric = (dumped(table, label, 12) for label in ("cv", "numeric"))
    assert len(analytic) == 4
    for name, (gradient, strain) in analytic.items():
        # PLUMED's step is the root of the rounding of one: values near one leave 1.5e-8 in a difference.
        resolution = max(2e-6 * np.abs(gradient).max(), 1.5e-8)
        assert np.abs(numeric[name][0] - gradient).max() <= resolution, name
        assert close(numeric[name][1], strain, 2e-5), name  # a difference times a length of 10 A


def test_nopbc_takes_no_notice_of_the_box(
    plumed: Plumed, model: Path, cv: gnncv.CollectiveVariable, trajectory, tmp_path: Path
) -> None:
    frames = trajectory("triclinic")
    run = plumed.driver(
        tmp_path,
        f"UNITS LENGTH=A\ncv: GNNCV MODEL={model} NOPBC {species_lines(frames[0])}\n"
        f"PRINT ARG=cv.* FILE=COLVAR {DIGITS}\n",
        frames,
    )
    for t, frame in enumerate(frames):
        bare = Atoms(in_species_order(frame), pbc=False)
        for name, value in zip(cv.names, cv.compute(bare, outputs=[]).values, strict=True):
            assert np.isclose(run.table()[f"cv.{name}"][t], value, rtol=1e-12)


def test_numerical_derivatives_push_atoms_too(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path
) -> None:
    frames = trajectory("triclinic", n_atoms=8, n_frames=1)
    action = f"GNNCV MODEL={model} {species_lines(frames[0])}"
    text = "UNITS LENGTH=A\ncv: {} {}\nRESTRAINT ARG=cv.mixed,cv.total AT=0,0 KAPPA=1,2\n"
    forces = [
        plumed.driver(
            tmp_path / (flag or "analytic"),
            text.format(action, flag),
            frames,
            ["--dump-forces", "forces", "--dump-forces-fmt", "%.10e"],
        ).forces()
        for flag in ("", "NUMERICAL_DERIVATIVES")
    ]
    assert close(forces[1], forces[0], 2e-6)


def test_precision_is_chosen_in_the_input(plumed: Plumed, trajectory, tmp_path: Path) -> None:
    frames = trajectory("cubic", n_frames=1)
    action = f"GNNCV MODEL={write_core_model(tmp_path / 'single.pt', 'float32')} {species_lines(frames[0])}"
    run = plumed.driver(
        tmp_path,
        f"UNITS LENGTH=A\nsingle: {action}\ndouble: {action} PRECISION=float64\n"
        f"PRINT ARG=double.*,single.* FILE=COLVAR {DIGITS}\n",
        frames,
    )
    table = run.table()
    difference = [table[f"single.{name}"][0] / table[f"double.{name}"][0] - 1 for name in ("mixed", "total")]
    assert 0 < np.abs(difference).max() < 1e-4
    assert "float32" in run.log and "float64" in run.log
