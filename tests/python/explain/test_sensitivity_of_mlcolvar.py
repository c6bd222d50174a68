"""Sensitivities beside mlcolvar's own, where an interpreter that has it is named.

    GNNCV_MLCOLVAR_PYTHON=/path/to/python pytest tests/python/explain/test_sensitivity_of_mlcolvar.py

benchmarks/README.md says how to make one. Without it everything here is skipped, and said so.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from gnncv.explain import graph_node_sensitivity

PEER = os.environ.get("GNNCV_MLCOLVAR_PYTHON")
ROOT = Path(__file__).resolve().parents[3]
REFERENCE = ROOT / "tests" / "mlcolvar_sensitivity.py"
N_ATOMS, N_FRAMES, N_SYSTEM = 20, 5, 6
KINDS = ["full", "without-isolated", "truncated", "truncated-whole"]
pytestmark = pytest.mark.skipif(
    not PEER,
    reason="mlcolvar's own graph_node_sensitivity is not compared: set GNNCV_MLCOLVAR_PYTHON to a Python "
    "that imports mlcolvar (branch release/2.0)",
)


def structures() -> dict[str, np.ndarray]:
    """A dilute box, in which some atoms are isolated in some frames, none of them of the system."""
    generator = np.random.default_rng(8)
    edge = 13.0
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) * edge / 3
    sites = grid[generator.permutation(27)[:N_ATOMS]]
    sites[:N_SYSTEM] = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2], [2, 2, 0], [2, 0, 2]]) + 0.1
    positions = sites + generator.normal(0.0, 0.5, (N_FRAMES, N_ATOMS, 3))
    # one dense frame: mlcolvar fails (IndexError) where an atom is isolated in all of them
    positions[0] = 0.55 * sites + generator.normal(0.0, 0.2, (N_ATOMS, 3))
    return {
        "positions": positions,
        "cell": np.array([[edge, 0, 0], [1.0, edge, 0], [0, -1.5, edge]]),
        "pbc": np.array([True] * 3),
        "numbers": np.array([6, 18] * (N_ATOMS // 2)),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """What both said in mlcolvar's interpreter."""
    folder = tmp_path_factory.mktemp("sensitivity")
    np.savez(folder / "structures.npz", **structures())
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "python")}
    command = [str(PEER), str(REFERENCE), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_of_their_cv_and_data_set(folder, kind):
    """Their Python objects in both: labels, values, averages over all frames, scores of every node."""
    found = np.load(folder / f"{kind}.npz")
    assert found["our-labels"].tolist() == found["their-labels"].tolist()
    assert found["our-atoms"].tolist() == found["their-atoms"].tolist()
    assert np.allclose(found["our-values"], found["their-values"], rtol=1e-12)
    frames = found["their-frames"]
    assert frames.shape == (N_FRAMES, len(found["their-labels"]))
    size = frames.mean()
    assert size > 0
    assert np.abs(found["our-average"] - frames.mean(axis=0)).max() < 1e-12 * size
    counts = []
    for k in range(N_FRAMES):
        ours, theirs = found[f"our-raw-{k}"], found[f"their-raw-{k}"].reshape(-1)
        counts.append(len(ours))
        if kind == "without-isolated":  # theirs are put in the order of the names, with zeros
            assert np.allclose(np.sort(ours), np.sort(theirs)[len(theirs) - len(ours) :], atol=1e-12 * size)
        else:  # theirs have (N, 3) or, of truncated graphs, (n, 1)
            assert np.allclose(ours, theirs[-len(ours) :], atol=1e-12 * size)
    isolated = "full" not in kind and "whole" not in kind
    assert (min(counts) < N_ATOMS) == isolated


def test_of_the_exported_file_through_the_core(folder):
    """Frames and the exported file on our side: exactly the pairs of their graphs."""
    found, stored = np.load(folder / "full.npz"), structures()
    frames = [
        Atoms(stored["numbers"], positions=positions, cell=stored["cell"], pbc=True)
        for positions in stored["positions"]
    ]
    ours = graph_node_sensitivity(folder / "full.pt", frames, 1, show_progress=False)
    theirs = found["their-frames"]
    assert np.allclose(ours["values"], found["their-values"], rtol=1e-12)
    assert np.abs(ours["raw_sensitivities"] - theirs).max() < 1e-6 * theirs.max()
    assert np.abs(ours["avg_sensitivities"] - theirs.mean(axis=0)).max() < 1e-6 * theirs.max()
