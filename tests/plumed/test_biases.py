"""Biases and functions of components push the atoms as the chain rule says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from plumed_driver import Plumed, in_species_order, read_fields, species_lines

import gnncv

KJ_PER_MOL_IN_EV = 96.48530749925792
DIGITS = ["--dump-forces-fmt", "%.12e"]
FORCES = ["--dump-forces", "forces", *DIGITS]

# What follows the line of cv, and its forces on the outputs in eV: F_k = -dV/dCV_k.
HARMONIC = {
    "RESTRAINT ARG=cv.mixed,cv.total AT=0.3,-1 KAPPA=2,0.5": lambda v: {
        "mixed": -2 * (v["mixed"] - 0.3),
        "total": -0.5 * (v["total"] + 1),
    },
    "MOVINGRESTRAINT ARG=cv.mean-1 STEP0=0 AT0=0.5 KAPPA0=4 STEP1=100 AT1=0.5 KAPPA1=4": lambda v: {
        "mean-1": -4 * (v["mean-1"] - 0.5)
    },
    "BIASVALUE ARG=cv.total": lambda v: {"total": -1.0},
    "c: COMBINE ARG=cv.mean-1,cv.mixed COEFFICIENTS=2,-3 POWERS=1,2 PERIODIC=NO\nBIASVALUE ARG=c": lambda v: {
        "mean-1": -2.0,
        "mixed": 6 * v["mixed"],
    },
    "f: CUSTOM ARG=cv.mixed,cv.total FUNC=x*y^2 PERIODIC=NO\nRESTRAINT ARG=f AT=0 SLOPE=1": lambda v: {
        "mixed": -(v["total"] ** 2),
        "total": -2 * v["mixed"] * v["total"],
    },
    "UPPER_WALLS ARG=cv.mixed AT=-1 KAPPA=3 EXP=3": lambda v: {"mixed": -9 * (v["mixed"] + 1) ** 2},
}


@pytest.mark.parametrize("text", HARMONIC, ids=lambda text: text.split()[0].rstrip(":"))
@pytest.mark.parametrize("box", ["triclinic", "open"])
def test_forces_and_virial_follow_the_chain_rule(
    plumed: Plumed, model: Path, cv: gnncv.CollectiveVariable, trajectory, tmp_path: Path, text: str, box: str
) -> None:
    frames = trajectory(box)
    line = f"UNITS LENGTH=A ENERGY=eV\ncv: GNNCV MODEL={model} {species_lines(frames[0])}\n"
    run = plumed.driver(tmp_path, line + text + "\n", frames, FORCES)
    forces, virials = run.forces(), run.virials()
    for t, frame in enumerate(frames):
        result = cv.compute(in_species_order(frame))
        on_outputs = HARMONIC[text](dict(zip(cv.names, result.values, strict=True)))
        push = np.array([on_outputs.get(name, 0.0) for name in cv.names])
        order = np.argsort(np.array(frame.symbols), kind="stable")
        expected = np.empty((len(frame), 3))  # the driver speaks kJ/mol and, as told, angstrom
        expected[order] = KJ_PER_MOL_IN_EV * np.einsum("k,kna->na", push, result.gradients)
        assert np.allclose(forces[t], expected, rtol=0, atol=1e-8 * np.abs(expected).max())
        if run.virials().shape[1] == 3:
            virial = KJ_PER_MOL_IN_EV * np.einsum("k,kaa->a", -push, result.strain_gradient)
            assert np.allclose(virials[t], virial, rtol=0, atol=1e-8 * np.abs(virial).max())


HISTORY = [
    "METAD ARG=cv.mixed,cv.mean-1 SIGMA=0.02,0.02 HEIGHT=1.2 PACE=1 BIASFACTOR=5 TEMP=300 FILE=HILLS",
    "METAD ARG=cv.mixed SIGMA=0.3 HEIGHT=1.2 PACE=1 BIASFACTOR=5 TEMP=300 ADAPTIVE=GEOM SIGMA_MIN=0.001",
    "OPES_METAD ARG=cv.mixed,cv.mean-1 SIGMA=0.02,0.02 PACE=1 BARRIER=20 TEMP=300",
]


@pytest.mark.parametrize("text", HISTORY, ids=["METAD", "METAD-GEOM", "OPES_METAD"])
def test_forces_of_a_growing_bias_are_its_slope(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path, text: str
) -> None:
    frames = trajectory("triclinic", n_atoms=10, n_frames=4, shake=0.05)
    line = f"UNITS LENGTH=A\ncv: GNNCV MODEL={model} {species_lines(frames[0])}\n"
    run = plumed.driver(
        tmp_path, line + text + "\n", frames, ["--kt", "2.5", "--debug-forces", "debug", *DIGITS]
    )
    table = read_debugged(run.folder / "debug")
    assert np.abs(table[:, 0]).max() > 0.1
    error = np.abs(table[:, 0] - table[:, 1]).max()
    # The slope of OPES' truncated kernels is not exactly that of their values, by a constant factor near one.
    tolerance = 1e-3 if text.startswith("OPES") else 2e-5
    assert error < tolerance * np.abs(table[:, 0]).max(), (error, np.abs(table[:, 0]).max())


def read_debugged(path: Path) -> np.ndarray:
    """Analytic and numerical forces of `--debug-forces`, for all atoms and the box."""
    table = read_fields(path)
    return np.array([table["analytical"], table["numerical"]]).T


def test_projections_are_products_of_gradients(
    plumed: Plumed, model: Path, cv: gnncv.CollectiveVariable, trajectory, tmp_path: Path
) -> None:
    frames = trajectory("triclinic", n_atoms=10)
    run = plumed.driver(
        tmp_path,
        f"UNITS LENGTH=A\ncv: GNNCV MODEL={model} {species_lines(frames[0])}\n"
        "twice: COMBINE ARG=cv.total COEFFICIENTS=2 PERIODIC=NO\n"
        "DUMPPROJECTIONS ARG=cv.mixed,twice FILE=projections FMT=%.14e\n",
        frames,
    )
    table = read_fields(run.folder / "projections")
    for t, frame in enumerate(frames):
        result = cv.compute(in_species_order(frame), outputs=["mixed", "total"])
        gradients = result.gradients * np.array([1.0, 2.0])[:, None, None]
        for i, one in enumerate(("cv.mixed", "twice")):
            for j, other in enumerate(("cv.mixed", "twice")):
                expected = np.sum(gradients[i] * gradients[j])
                assert np.isclose(table[f"{one}-{other}"][t], expected, rtol=1e-10)
