"""Structures to time on: liquid-like argon at the density of the shipped melt frames."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from vesin import NeighborList

VOLUME_PER_ATOM = 46.62  # A^3, mean of the shipped melt frames
CLOSEST = 3.2  # A, about where the melt's radial distribution begins
SPEED = 1.306  # A/ps, thermal speed per direction sqrt(kT/m) of argon at 82 K
SIZES = {256: (4, 4, 4), 500: (5, 5, 5), 1000: (5, 5, 10), 4000: (10, 10, 10), 16000: (10, 20, 20)}
SIZES |= {1024: (8, 8, 4), 4096: (8, 8, 16), 16384: (16, 16, 16), 65536: (16, 32, 32), 262144: (32, 32, 64)}


def liquid_like(n_atoms: int, seed: int = 0) -> Atoms:
    """Build a disordered periodic box at the melt's density.

    An fcc lattice is shaken strongly, then atoms closer than 3.2 A are pushed apart until hardly any are
    left: the numbers of neighbors, which is what costs, are those of the liquid.

    Parameters
    ----------
    n_atoms
        One of ``SIZES``.
    seed
        Of the shaking.
    """
    repeats = np.array(SIZES[n_atoms])
    edge = (4.0 * VOLUME_PER_ATOM) ** (1.0 / 3.0)
    basis = np.array([[0.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
    corners = np.stack(np.meshgrid(*(np.arange(n) for n in repeats), indexing="ij"), axis=-1).reshape(-1, 3)
    positions = (corners[:, None, :] + basis).reshape(-1, 3) * edge
    cell = np.diag(repeats * edge)
    generator = np.random.default_rng([seed, n_atoms])
    positions += generator.normal(0.0, 0.9, positions.shape)
    neighbors = NeighborList(cutoff=CLOSEST, full_list=False)
    for _ in range(200):
        first, second, vectors, distances = neighbors.compute(positions, cell, True, "ijDd")
        if len(first) < 0.002 * n_atoms:
            break
        push = 0.3 * ((CLOSEST - distances) / np.maximum(distances, 1e-3))[:, None] * vectors
        np.add.at(positions, first, -push)
        np.add.at(positions, second, push)
    return Atoms(f"Ar{n_atoms}", positions=positions, cell=cell, pbc=True)


def moving(atoms: Atoms, n_calls: int, step_fs: float = 4.0, seed: int = 0) -> list[NDArray[np.float64]]:
    """Return positions of successive calls as molecular dynamics would ask for them, ``n_calls`` of (N, 3).

    Atoms fly straight with thermal velocities (argon, 82 K) and turn back every 25 calls, so that a neighbor
    list with a skin is rebuilt about as often as in a simulation.
    """
    velocity = np.random.default_rng(seed).normal(0.0, SPEED, atoms.positions.shape)
    turns = 25
    phase = [k % (2 * turns) for k in range(n_calls)]
    fold = [p if p <= turns else 2 * turns - p for p in phase]
    return [atoms.positions + velocity * (step_fs * 1e-3 * k) for k in fold]
