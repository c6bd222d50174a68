"""Real models of mlcolvar against mlcolvar's own evaluation, where an interpreter that has it is named.

    GNNCV_MLCOLVAR_PYTHON=/path/to/python pytest tests/python/core/test_guests_of_mlcolvar.py

benchmarks/README.md says how to make one. Without it everything here is skipped, and said so.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import gnncv
from systems import random_structure

PEER = os.environ.get("GNNCV_MLCOLVAR_PYTHON")
REFERENCE = Path(__file__).resolve().parents[2] / "mlcolvar_reference.py"
CUTOFF = 4.0
SPECIES = ["C", "Ar"]
NETWORKS = ["schnet", "schnet-sum", "schnet-max", "schnet-attention", "painn", "gvp", "gvp-smooth"]
pytestmark = pytest.mark.skipif(
    not PEER,
    reason="mlcolvar's own values are not compared: set GNNCV_MLCOLVAR_PYTHON to a Python that imports "
    "mlcolvar (branch release/2.0)",
)


def structures() -> list[Atoms]:
    generator = np.random.default_rng(0)
    shapes = [("cubic", 64), ("triclinic", 64), ("thin", 30), ("slab", 30), ("open", 30), ("cubic", 3)]
    return [random_structure(box, n_atoms, SPECIES, CUTOFF, generator) for box, n_atoms in shapes]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """What mlcolvar wrote: models, and their values and gradients for the structures."""
    folder = tmp_path_factory.mktemp("mlcolvar")
    arrays = {}
    for i, atoms in enumerate(structures()):
        arrays[f"positions-{i}"], arrays[f"cell-{i}"] = atoms.positions, atoms.cell.array
        arrays[f"pbc-{i}"], arrays[f"numbers-{i}"] = atoms.pbc, atoms.numbers
    np.savez(folder / "structures.npz", **arrays)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(PEER), str(REFERENCE), str(folder)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return folder


def evaluated(path, precision=None) -> tuple[np.ndarray, list[np.ndarray]]:
    """Values (T, K) and gradients (K, N, 3) of the T structures, by the core."""
    cv = gnncv.CollectiveVariable(path, num_threads=1, precision=precision)
    results = [cv.compute(atoms) for atoms in structures()]
    return np.array([result.values for result in results]), [result.gradients for result in results]


def stored(path) -> tuple[np.ndarray, list[np.ndarray]]:
    """The same as mlcolvar evaluated them."""
    arrays = np.load(path)
    numbers = range(len(arrays.files) // 2)
    return np.array([arrays[f"values-{i}"] for i in numbers]), [arrays[f"gradients-{i}"] for i in numbers]


def distance(ours, theirs) -> np.ndarray:
    """Largest differences of values and of gradients, in units of the largest value, and of each gradient."""
    size = np.abs(theirs[0]).max()
    slopes = [
        np.abs(our - their).max() / max(np.abs(their).max(), 1e-3 * size)
        for our, their in zip(ours[1], theirs[1], strict=True)
    ]
    return np.array([np.abs(ours[0] - theirs[0]).max() / size, max(slopes)])


@pytest.mark.parametrize("network", NETWORKS)
def test_in_double_precision_it_is_mlcolvars(folder, network):
    error = distance(evaluated(folder / f"{network}-float64.pt"), stored(folder / f"{network}-float64.npz"))
    print(f"{network} float64: values {error[0]:.1e}, gradients {error[1]:.1e}", file=sys.stderr)
    assert (error < [1e-12, 1e-11]).all()


@pytest.mark.parametrize("network", NETWORKS)
def test_in_single_precision_it_is_mlcolvars_to_rounding(folder, network):
    """Rounding is what mlcolvar's own evaluation in single precision is off by; ten times that at most."""
    theirs = stored(folder / f"{network}-float32.npz")
    ours = evaluated(folder / f"{network}-float32.pt")
    exact = evaluated(folder / f"{network}-float32.pt", "float64")
    error, rounding = distance(ours, theirs), distance(theirs, exact)
    print(
        f"{network} float32: values {error[0]:.1e}, gradients {error[1]:.1e}; "
        f"mlcolvar's own rounding {rounding[0]:.1e}, {rounding[1]:.1e}",
        file=sys.stderr,
    )
    assert (error < 10 * rounding + [1e-6, 1e-5]).all()
    assert (distance(ours, exact) < 10 * rounding + [1e-6, 1e-5]).all()
    assert (rounding < 1e-3).all()


def test_what_is_said_of_the_cutoff(folder):
    """The default models average over neighbors and jump; sums with a smooth cutoff do not."""

    def sentence(network):
        cv = gnncv.CollectiveVariable(folder / f"{network}-float64.pt", num_threads=1)
        return next(remark for remark in cv.remarks if "at the cutoff" in remark)

    for network in ("schnet", "schnet-max", "schnet-attention", "gvp", "gvp-smooth"):
        assert sentence(network).startswith("Not continuous"), network
    for network in ("schnet-sum", "painn"):
        assert sentence(network).startswith("Continuous"), network
