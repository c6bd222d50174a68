"""Python drives PLUMED with its lock held, and a bias needs a backward pass, which libtorch refuses so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from plumed_driver import Plumed

PROGRAM = """
import sys
import numpy as np
import torch  # whose backward, in Python, refuses a caller that holds the lock
import plumed

kernel, *lines = sys.argv[1:]
atoms = np.load("atoms.npz")


def evaluate():
    p = plumed.Plumed(kernel=kernel)
    p.cmd("setNatoms", len(atoms["positions"]))
    p.cmd("setLogFile", "log")
    p.cmd("init")
    for line in lines:
        p.cmd("readInputLine", line)
    forces, virial, bias = np.zeros_like(atoms["positions"]), np.zeros((3, 3)), np.zeros(1)
    p.cmd("setStep", 0)
    p.cmd("setPositions", atoms["positions"] / 10)
    p.cmd("setBox", atoms["cell"] / 10)
    p.cmd("setMasses", np.ones(len(forces)))
    p.cmd("setForces", forces)
    p.cmd("setVirial", virial)
    p.cmd("calc")
    p.cmd("getBias", bias)
    return p, forces


objects = [evaluate(), evaluate()]
for p, _ in objects:
    p.finalize()
second_life, forces = evaluate()
assert all((one == forces).all() for _, one in objects)
np.save("forces.npy", forces)
"""


def test_biases_work_from_python_in_several_objects(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path
) -> None:
    pytest.importorskip("plumed", reason="PyPI's plumed is not installed")
    frame = trajectory("triclinic", n_atoms=24, n_frames=1)[0]
    frame = frame[np.argsort(np.array(frame.symbols), kind="stable")]
    n_first = sum(frame.symbols == "Cu")
    lines = [
        f"cv: GNNCV MODEL={model} SPECIES1=1-{n_first} SPECIES2={n_first + 1}-24 SPECIES_TO_TYPES=Cu,Zr",
        "RESTRAINT ARG=cv.mixed,cv.total AT=0,0 KAPPA=10,1",
    ]
    options = ["--dump-forces", "forces", "--dump-forces-fmt", "%.12e"]
    expected = plumed.driver(tmp_path, "\n".join(lines) + "\n", [frame], options).forces()[0] * 10
    np.savez(tmp_path / "atoms.npz", positions=frame.positions, cell=frame.cell.array)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(plumed.installation.kernel), plumed.load.strip(), *lines],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    forces = np.load(tmp_path / "forces.npy")
    assert np.allclose(forces, expected, rtol=0, atol=1e-9 * np.abs(expected).max())
