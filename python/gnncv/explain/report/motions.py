"""How much of a slope moves sites, turns them, or deforms them."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


def motion_parts(atoms: Atoms, gradient: Array, owner: Indices, centers: Array) -> Array:
    """What each site adds to the squared thermal speed of the output, by kind of motion, ``(M, 3)``.

    With masses m the mean of (ds/dt)^2 is kT times the sum of |g_a|^2 / m_a. Of each site's part, moving it
    as a whole has |sum g|^2 / sum m; turning it t . I^-1 . t with t the sum of x cross g and I the tensor of
    inertia about the center of mass; deforming it the rest. An atom as a site only moves.

    Returns
    -------
    (M, 3) float64, 1/(dalton angstrom^2): moving, turning, deforming.
    """
    n_sites = len(centers)
    masses = atoms.get_masses()
    total = summed(gradient, owner, n_sites)
    site_masses = np.bincount(owner, weights=masses, minlength=n_sites)
    moving = (total**2).sum(axis=1) / site_masses
    if len(owner) == n_sites:
        return np.stack([moving, np.zeros(n_sites), np.zeros(n_sites)], axis=1)
    everything = np.bincount(owner, weights=(gradient**2).sum(axis=1) / masses, minlength=n_sites)
    arms = atoms_around(atoms, owner, centers) - centers[owner]
    arms -= (summed(masses[:, None] * arms, owner, n_sites) / site_masses[:, None])[owner]
    torque = summed(np.cross(arms, gradient), owner, n_sites)
    inertia = (arms**2).sum(axis=1)[:, None, None] * np.eye(3) - arms[:, :, None] * arms[:, None, :]
    inertia = summed(masses[:, None] * inertia.reshape(-1, 9), owner, n_sites).reshape(-1, 3, 3)
    turning = np.einsum("ma,mab,mb->m", torque, np.linalg.pinv(inertia, hermitian=True), torque)
    return np.stack([moving, turning, np.maximum(everything - moving - turning, 0.0)], axis=1)


def summed(rows: Array, owner: Indices, n_sites: int) -> Array:
    """Sums of ``(N, K)`` rows over the atoms of each site, ``(M, K)``."""
    return np.stack([np.bincount(owner, weights=column, minlength=n_sites) for column in rows.T], axis=1)


def atoms_around(atoms: Atoms, owner: Indices, centers: Array) -> Array:
    """Positions of the atoms at the image nearest to their site's center, ``(N, 3)``."""
    from ase.geometry import find_mic

    apart = find_mic(atoms.positions - centers[owner], atoms.cell, atoms.pbc)[0]
    nearest: Array = centers[owner] + apart
    return nearest
