"""The recipe of a committee in PLUMED gives the mean, the spread and the forces of `gnncv.Committee`."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from plumed_driver import Plumed, in_species_order, species_lines
from test_documentation import COMMITTEE, PLACE

import gnncv
from core_model import write_core_model

KAPPA = 10.0


def test_mean_spread_and_forces(plumed: Plumed, trajectory, tmp_path: Path) -> None:
    files = [write_core_model(tmp_path / f"cv-{number}.pt", seed=number) for number in (1, 2, 3)]
    frames = trajectory("triclinic", n_frames=3)
    (recipe,) = re.findall(r"```text\n# committee\.dat\n(.*?)```", COMMITTEE.read_text(), re.DOTALL)
    assert recipe.startswith(PLACE)
    recipe = recipe.removeprefix(PLACE).replace("progress", "mixed")
    recipe = recipe.replace("ATOMS=1-500", species_lines(frames[0]))
    recipe = recipe.replace("AT=0.01 KAPPA=100000", f"AT=0 KAPPA={KAPPA}")
    recipe = re.sub(r"^metad:.*\n", "", recipe, flags=re.MULTILINE).replace(",metad.bias", "")
    text = "UNITS LENGTH=A\n" + recipe.replace("STRIDE=100", "STRIDE=1 FMT=%.14e")
    options = ["--dump-forces", "forces", "--dump-forces-fmt", "%.12e"]
    run = plumed.driver(tmp_path, text, frames, options)
    committee, table = gnncv.Committee(files, num_threads=1), run.table()
    for t, frame in enumerate(frames):
        result = committee.compute(in_species_order(frame), outputs=["mixed", "std-mixed"])
        assert np.isclose(table["mixed"][t], result["mixed"], rtol=1e-9)
        assert np.isclose(table["std-mixed"][t], result["std-mixed"], rtol=1e-9)
        assert np.isclose(table["cv2.mixed"][t], result.members("mixed")[1], rtol=1e-9)
        spread = result["std-mixed"]  # V = kappa spread^4, dV = 4 kappa spread^3 dspread
        expected = -4.0 * KAPPA * spread**3 * result.gradient("std-mixed")
        assert np.abs(expected).max() > 1e-6
        order = np.argsort(np.array(frame.symbols), kind="stable")
        assert np.allclose(run.forces()[t][order], expected, rtol=1e-6, atol=1e-9)
