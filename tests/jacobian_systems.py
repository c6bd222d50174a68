"""Cells, positions and descriptors for the tests of sparse Jacobians."""

import numpy as np
import torch

from gnncv.jacobian import (
    AdjacencyEigenvalues,
    Angles,
    CentersOfMass,
    CombinedDescriptors,
    CoordinationNumbers,
    Descriptor,
    PairDistances,
    RationalSwitching,
    Torsions,
)

N_ATOMS = 8
CELLS = {
    "open": (None, None),
    "cubic": (4.0, None),
    "orthorhombic": ([3.1, 4.2, 5.3], None),
    "triclinic": ([[4.0, 0.0, 0.0], [2.1, 3.7, 0.0], [-1.6, 1.5, 3.9]], None),
    "skewed": ([[3.0, 0.0, 0.0], [4.3, 3.0, 0.0], [5.1, -4.4, 3.1]], None),
    "slab": ([[4.0, 0.0, 0.0], [1.9, 3.7, 0.0], [0.0, 0.0, 0.0]], [True, True, False]),
}
NAMES = (
    "distances",
    "some distances",
    "coordination",
    "overlapping groups",
    "angles",
    "torsions",
    "eigenvalues",
    "centers",
    "combined",
)


def random_positions(generator: np.random.Generator, n_frames: int, n_atoms: int = N_ATOMS) -> torch.Tensor:
    """(n_frames, n_atoms, 3) in double precision, over several cells of those above."""
    return torch.from_numpy(generator.uniform(-6, 6, size=(n_frames, n_atoms, 3)))


def fermi(distances: torch.Tensor) -> torch.Tensor:
    """A switching function made of torch operations."""
    return torch.sigmoid((1.6 - distances) / 0.5)


def make_descriptor(name: str, cell, pbc) -> Descriptor:
    """One of `NAMES` for frames of `N_ATOMS`."""
    box = {"cell": cell, "pbc": pbc}
    n, rational = N_ATOMS, RationalSwitching(1.5, 6, 10, 0.1)
    make = {
        "distances": lambda: PairDistances(n, **box),
        "some distances": lambda: PairDistances(n, [[5, 2], [0, 7], [2, 5]], **box),
        "coordination": lambda: CoordinationNumbers(n, [6, 1], [0, 2, 3], switching=rational, **box),
        "overlapping groups": lambda: CoordinationNumbers(n, [1, 2], [3, 2, 0], switching=fermi, **box),
        "angles": lambda: Angles(n, [[0, 1, 2], [7, 3, 5]], ["angle", "sin", "cos"], **box),
        "torsions": lambda: Torsions(n, [[0, 1, 2, 3], [7, 3, 5, 6]], ["sin", "angle"], **box),
        "eigenvalues": lambda: AdjacencyEigenvalues(n, [1, 2, 4, 7, 5], switching=rational, **box),
        "centers": lambda: CentersOfMass(n, [[0, 3, 1], [5]], np.arange(1.0, n + 1), **box),
        "combined": lambda: CombinedDescriptors(
            [PairDistances(n, [[0, 7]], **box), Torsions(n, [[0, 1, 2, 3]], "cos", **box)]
        ),
    }
    return make[name]()
