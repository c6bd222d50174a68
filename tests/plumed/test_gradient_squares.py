"""gradnorm2-NAME is the square of the gradient that Python computes, and a value without derivatives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from plumed_driver import Plumed, in_species_order, species_lines

import gnncv

DIGITS = "FMT=%.14e"
FORCES = ["--dump-forces", "forces", "--dump-forces-fmt", "%.12e"]
SQUARES = "COMPONENTS=gradnorm2-mixed,total,gradnorm2-total"


@pytest.mark.parametrize(("unit", "per_angstrom"), [("nm", 0.1), ("A", 1.0)])
def test_it_is_the_sum_of_squared_derivatives(
    plumed: Plumed,
    model: Path,
    cv: gnncv.CollectiveVariable,
    trajectory,
    tmp_path: Path,
    unit: str,
    per_angstrom: float,
) -> None:
    frames = trajectory("triclinic", n_frames=3)
    run = plumed.driver(
        tmp_path,
        f"UNITS LENGTH={unit}\ncv: GNNCV MODEL={model} {SQUARES} {species_lines(frames[0])}\n"
        f"PRINT ARG=cv.* FILE=COLVAR {DIGITS}\n",
        frames,
    )
    for t, frame in enumerate(frames):
        result = cv.compute(in_species_order(frame), outputs=["mixed", "total"])
        for name in ("mixed", "total"):
            expected = (result.gradient(name) ** 2).sum() / per_angstrom**2
            assert result.gradnorm2(name) == pytest.approx(expected * per_angstrom**2, rel=1e-12)
            assert np.isclose(run.table()[f"cv.gradnorm2-{name}"][t], expected, rtol=1e-9)
    counts = run.counts()
    assert (counts.evaluations, counts.backward) == (len(frames), 2 * len(frames))


def test_it_leaves_forces_alone_and_costs_a_pass_only_where_it_is_read(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path
) -> None:
    frames = trajectory("triclinic", n_frames=4)
    line = f"UNITS LENGTH=A\ncv: GNNCV MODEL={model} {SQUARES} {species_lines(frames[0])}\n"
    restraint = "RESTRAINT ARG=cv.total AT=0 KAPPA=1\n"
    printed = f"PRINT ARG=cv.gradnorm2-total STRIDE=2 FILE=COLVAR {DIGITS}\n"
    bare = plumed.driver(tmp_path / "bare", line + restraint, frames, FORCES)
    both = plumed.driver(tmp_path / "both", line + restraint + printed, frames, FORCES)
    assert bare.counts().backward == len(frames)
    assert both.counts().backward == len(frames) + len(frames) // 2
    assert np.array_equal(bare.forces(), both.forces())
    assert np.abs(bare.forces()).max() > 0.0


def test_it_is_the_same_in_several_processes(
    plumed_with_mpi: Plumed, model: Path, trajectory, tmp_path: Path
) -> None:
    frames = trajectory("triclinic", n_frames=2)
    text = (
        f"UNITS LENGTH=A\ncv: GNNCV MODEL={model} {SQUARES} {species_lines(frames[0])}\n"
        f"PRINT ARG=cv.* FILE=COLVAR {DIGITS}\n"
    )
    one, two = (
        plumed_with_mpi.driver(tmp_path / str(ranks), text, frames, ranks=ranks).table() for ranks in (1, 2)
    )
    assert np.allclose(one["cv.gradnorm2-mixed"], two["cv.gradnorm2-mixed"], rtol=1e-10)
    assert (one["cv.gradnorm2-mixed"] > 0.0).all()


@pytest.mark.parametrize(
    ("components", "more", "message"),
    [
        ("gradnorm2-mixed", "RESTRAINT ARG=cv.gradnorm2-mixed AT=0 KAPPA=1", "cannot be biased"),
        ("gradnorm2-mixd", "", "'gradnorm2-mixd', which the model does not have"),
        ("gradnorm2-mixed NUMERICAL_DERIVATIVES", "", "NUMERICAL_DERIVATIVES does not give"),
    ],
)
def test_what_it_cannot_do_is_said(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path, components: str, more: str, message: str
) -> None:
    frames = trajectory("triclinic", n_frames=1)
    line = f"cv: GNNCV MODEL={model} COMPONENTS={components} {species_lines(frames[0])}\n{more}\n"
    run = plumed.driver(tmp_path, "UNITS LENGTH=A\n" + line, frames, FORCES, fails=True)
    assert message in " ".join((run.log + run.errors).split())
