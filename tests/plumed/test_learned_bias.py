"""A learned bias as a static bias in PLUMED: values, forces and virial in PLUMED's units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from plumed_driver import Plumed, in_species_order, species_lines

import gnncv
from learned_biases import write_random_bias

KJ_MOL_PER_EV = 96.48530749925792  # as PLUMED has it


@pytest.mark.parametrize(("unit", "size"), [("kj/mol", KJ_MOL_PER_EV), ("kcal/mol", KJ_MOL_PER_EV / 4.184)])
def test_values_forces_and_virial(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path, unit: str, size: float
) -> None:
    frames = trajectory("triclinic", n_atoms=12, n_frames=3)
    ordered = [in_species_order(frame) for frame in frames]
    biased = write_random_bias(model, tmp_path / "biased.pt", ["mixed", "mean-1"], ordered, 3, 0.4)
    cv = gnncv.CollectiveVariable(biased, num_threads=1)
    run = plumed.driver(
        tmp_path / "run",
        f"UNITS LENGTH=A ENERGY={unit}\ncv: GNNCV MODEL={biased} {species_lines(frames[0])}\n"
        "b: BIASVALUE ARG=cv.bias\nPRINT ARG=cv.bias,b.bias FILE=COLVAR FMT=%.14e\n"
        "DUMPDERIVATIVES ARG=cv.bias FILE=derivatives FMT=%.14e\n",
        frames,
    )
    rows = run.table("derivatives")["cv.bias"].reshape(len(frames), -1)
    for t, frame in enumerate(ordered):
        result = cv.compute(frame, outputs=["bias"])
        assert result["bias"] > 0.01
        assert np.isclose(run.table()["cv.bias"][t], size * result["bias"], rtol=1e-8)
        assert np.isclose(run.table()["b.bias"][t], run.table()["cv.bias"][t], rtol=1e-12)
        gradient, strain = size * result.gradients[0].ravel(), size * result.strain_gradient[0].T.ravel()
        assert np.allclose(rows[t][:-9], gradient, rtol=0, atol=1e-8 * np.abs(gradient).max())
        assert np.allclose(rows[t][-9:], -strain, rtol=0, atol=1e-8 * np.abs(strain).max())


def test_forces_on_the_atoms(plumed: Plumed, model: Path, trajectory, tmp_path: Path) -> None:
    """BIASVALUE hands them over through the single backward pass of the action."""
    frames = trajectory("triclinic", n_atoms=12, n_frames=2)
    ordered = [in_species_order(frame) for frame in frames]
    biased = write_random_bias(model, tmp_path / "biased.pt", ["mixed", "total"], ordered, 5, 0.4)
    cv = gnncv.CollectiveVariable(biased, num_threads=1)
    run = plumed.driver(
        tmp_path / "run",
        f"UNITS LENGTH=A ENERGY=kj/mol\ncv: GNNCV MODEL={biased} {species_lines(frames[0])}\n"
        "b: BIASVALUE ARG=cv.bias\n",
        frames,
        ["--dump-forces", "forces", "--dump-forces-fmt", "%.12e"],
    )
    for t, frame in enumerate(frames):
        gradient = KJ_MOL_PER_EV * cv.compute(ordered[t], outputs=["bias"]).gradients[0]
        found = run.forces()[t]
        order = np.argsort(np.array(frame.symbols), kind="stable")
        assert np.allclose(found[order], -gradient, rtol=0, atol=1e-6 * np.abs(gradient).max())
