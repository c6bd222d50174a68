"""SmartDerivatives against mlcolvar's own, where an interpreter that has mlcolvar 1.3.1 is named.

    GNNCV_MLCOLVAR_PYTHON=/path/to/python pytest tests/python/jacobian/test_smart_derivatives_of_mlcolvar.py

benchmarks/README.md says how to make one. Without it everything here is skipped, and said so.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import gnncv
from gnncv.jacobian import CoordinationNumbers, Descriptor, PairDistances, Torsions

PEER = os.environ.get("GNNCV_MLCOLVAR_PYTHON")
SCRIPT = Path(__file__).resolve().parents[2] / "smart_derivatives_of_mlcolvar.py"
N_ATOMS, BOX = 8, 3.0
NAMES = [
    "distances", "open", "scaled", "pairs", "coordination", "dmax", "eigenvalues", "torsion", "several",
]  # fmt: skip
pytestmark = pytest.mark.skipif(
    not PEER,
    reason="mlcolvar's SmartDerivatives is not compared: set GNNCV_MLCOLVAR_PYTHON to a Python that imports "
    "mlcolvar 1.3.1",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """What mlcolvar computed, alone and with gnncv's class in its place."""
    folder = tmp_path_factory.mktemp("smart_derivatives")
    places = [
        str(Path(gnncv.__file__).parents[1]),
        *(path for path in sys.path if path.endswith("site-packages")),
    ]
    done = subprocess.run(
        [str(PEER), str(SCRIPT), str(folder), ":".join(places)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


def rational(d: torch.Tensor) -> torch.Tensor:
    x = d / 0.8
    return (1 - x**2 + 1.0) / (1 - x**6 + 2.0)


OWN: dict[str, Descriptor] = {
    "distances": PairDistances(N_ATOMS, cell=BOX),
    "open": PairDistances(N_ATOMS),
    "pairs": PairDistances(N_ATOMS, [[0, 1], [5, 2], [1, 4]], cell=BOX),
    "coordination": CoordinationNumbers(N_ATOMS, [0, 3, 1], [2, 4, 5, 6, 7], switching=rational, cell=BOX),
    "torsion": Torsions(N_ATOMS, [[1, 3, 4, 6]], ["sin", "angle"], cell=BOX),
}


def slopes(n_frames: int, n_descriptors: int, n_outputs: int) -> torch.Tensor:
    shape = (n_frames, n_descriptors) if n_outputs == 0 else (n_frames, n_descriptors, n_outputs)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("name", OWN)
def test_descriptors_of_gnncv_give_what_mlcolvars_give(folder, name, separate):
    theirs = np.load(folder / "references.npz")
    entries = {key: torch.from_numpy(theirs[key]) for key in ("positions", "labels", "weights")}
    dataset = {"data": entries["positions"], "labels": entries["labels"], "weights": entries["weights"]}
    smart = gnncv.SmartDerivatives(force_all_atoms=True)
    described = smart.setup(dataset, OWN[name], N_ATOMS, separate, 5)
    key = f"{name}-{separate}"
    np.testing.assert_allclose(described["data"].numpy(), theirs[f"{key}-data"], rtol=0, atol=1e-10)
    np.testing.assert_array_equal(described["ref_idx"].numpy(), theirs[f"{key}-ref_idx"])
    chosen = described["ref_idx"][described["ref_idx"] >= 0]
    for n_outputs in (0, 1, 2):
        ours = smart(slopes(len(chosen), described["data"].shape[1], n_outputs), chosen)
        expected = theirs[f"{key}-{n_outputs}"]
        assert ours.shape == expected.shape
        np.testing.assert_allclose(ours.numpy(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_descriptors_of_mlcolvar_are_taken_as_they_are(folder, name, separate):
    theirs, ours = np.load(folder / "references.npz"), np.load(folder / "guest.npz")
    names = [key for key in theirs.files if key.startswith(f"{name}-{separate}-")]
    assert len(names) == 6
    for key in names:
        assert ours[key].shape == theirs[key].shape and ours[key].dtype == theirs[key].dtype
        np.testing.assert_allclose(ours[key], theirs[key], rtol=0, atol=1e-6, err_msg=key)


def test_mlcolvars_committor_loss_trains_through_it(folder):
    arrays = np.load(folder / "guest.npz")
    names = [key.removeprefix("ours-") for key in arrays.files if key.startswith("ours-")]
    assert any(name.startswith("loss") for name in names)
    for name in names:
        ours, theirs = arrays[f"ours-{name}"], arrays[f"theirs-{name}"]
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * np.abs(theirs).max(), err_msg=name)
