"""PLUMED's own tool reads our hills and finds our free energy."""

import shutil
import subprocess

import numpy as np
import pytest
import toy_metadynamics

from gnncv.analysis.estimators import free_energy_from_hills
from gnncv.files import read_colvar, read_hills

PLUMED = shutil.which("plumed")
pytestmark = pytest.mark.skipif(
    PLUMED is None, reason="NO PLUMED ON PATH: our HILLS files are not checked against plumed sum_hills"
)


@pytest.mark.parametrize("bias_factor", [None, 6.0])
def test_sum_hills(tmp_path, bias_factor):
    toy = toy_metadynamics.run(tmp_path, 12, n_steps=30_000, bias_factor=bias_factor)
    command = [PLUMED, "--no-mpi", "sum_hills", "--hills", str(toy.hills), "--outfile", "fes.dat"]
    command += ["--min", "-1.8", "--max", "1.8", "--bin", "360", "--mintozero"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    theirs = read_colvar(tmp_path / "fes.dat")
    hills = read_hills(toy.hills)
    ours = free_energy_from_hills(hills, 361, (-1.8, 1.8), plumed_cutoff=True)
    grid, values = theirs["x"], theirs["file.free"]
    assert len(grid) == 361 and np.allclose(grid, ours.grid, atol=1e-6)
    assert np.ptp(values) > 5.0
    assert np.abs(values - ours.values).max() < 1e-3 * np.ptp(values)
    # the Gaussians that were really deposited (OpenMM's) are not cut: the difference stays small
    full = free_energy_from_hills(hills, 361, (-1.8, 1.8))
    assert np.abs(values - full.values).max() < 2e-2 * np.ptp(values)
