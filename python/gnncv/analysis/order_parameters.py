"""Steinhardt's order parameters, the judge of a transition that knows nothing of the learned variable.

    q_lm(i) = 1/N_i sum_j Y_lm(r_ij)    over the N_i neighbors of atom i
    q_l(i)  = sqrt(4 pi / (2l+1) sum_m |q_lm(i)|^2)
    Q_l     = the same of the mean of Y_lm over all bonds, sum_i N_i q_lm(i) / sum_i N_i
    averaged q_l(i) = the same of the mean of q_lm over i and its neighbors

Steinhardt, Nelson, Ronchetti, PRB 28, 784 (1983), doi:10.1103/PhysRevB.28.784; Lechner, Dellago, JCP 129,
114707 (2008), doi:10.1063/1.2977970. Computed by freud (freud-analysis on PyPI).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument

Array = NDArray[np.float64]


@dataclass
class OrderParameters:
    """Steinhardt's order parameters of one frame.

    Attributes
    ----------
    q6 : (N,) float64
        q_6 of each atom (0 for an atom without neighbors).
    averaged_q6 : (N,) float64
        Averaged q_6 of each atom: 0.43 and more in crystalline argon, 0.15 in the melt.
    global_q6 : float
        Q_6 of the system: 0.5745 in perfect fcc, about 1/sqrt(N neighbors) in a liquid.
    neighbors : (N,) int64
        Number of neighbors of each atom.
    """

    q6: Array
    averaged_q6: Array
    global_q6: float
    neighbors: NDArray[np.int64]


def _freud() -> Any:
    try:
        import freud
    except ImportError:
        raise InvalidArgument(
            "order parameters need freud: pip install freud-analysis (or the extra gnncv[analysis])"
        ) from None
    return freud


def _periodic_copy(atoms: Any, cutoff: float) -> tuple[Array, Array]:
    """Positions and lower triangular cell of a fully periodic system with the same neighbors.

    Open directions get a gap wider than the cutoff, and the box is repeated until its planes are more than
    two cutoffs apart, as nearest images need. The first N positions are those of the N atoms.
    """
    copy = atoms.copy()
    for axis in np.flatnonzero(~np.asarray(atoms.pbc)):
        copy.center(vacuum=cutoff, axis=int(axis))
    copy.pbc = True
    if abs(copy.cell.volume) < 1e-12:
        raise InvalidArgument(f"the cell {copy.cell.array.tolist()} is singular")
    heights = 1.0 / np.linalg.norm(np.linalg.inv(copy.cell.array), axis=0)
    copy = copy.repeat(np.maximum(1, np.ceil(2.001 * cutoff / heights)).astype(int))
    cell, rotation = copy.cell.standard_form()
    return np.ascontiguousarray(copy.positions @ rotation.T), np.asarray(cell.array)


def order_parameters(atoms: Any, cutoff: float) -> OrderParameters:
    """Order parameters of a frame.

    Parameters
    ----------
    atoms : ase.Atoms
        N atoms with any cell and periodicity.
    cutoff : float
        Neighbors are closer than this, angstrom; the first minimum of g(r): 5.1 (1.5 sigma) for argon.

    Returns
    -------
    OrderParameters

    Raises
    ------
    InvalidArgument
        A cutoff that is not positive, positions that are not finite, a singular cell, freud missing.
    """
    freud = _freud()
    if not (np.isfinite(cutoff) and cutoff > 0.0):
        raise InvalidArgument(f"the cutoff is {cutoff}; it must be positive")
    positions = np.asarray(atoms.get_positions(), dtype=np.float64)
    if not np.all(np.isfinite(positions)):
        bad = int(np.flatnonzero(~np.isfinite(positions).all(axis=1))[0])
        raise InvalidArgument(f"the position of atom {bad} is {positions[bad].tolist()}")
    n_atoms = len(positions)
    if n_atoms == 0:
        return OrderParameters(np.zeros(0), np.zeros(0), 0.0, np.zeros(0, dtype=np.int64))
    points, cell = _periodic_copy(atoms, cutoff)
    box = freud.box.Box.from_matrix(cell.T)
    system = (box, box.wrap(points))
    search = freud.locality.AABBQuery(*system).query(system[1], {"r_max": cutoff, "exclude_ii": True})
    pairs = search.toNeighborList()
    counts = np.asarray(pairs.neighbor_counts[:n_atoms], dtype=np.int64)
    if not counts.any():
        return OrderParameters(np.zeros(n_atoms), np.zeros(n_atoms), 0.0, counts)
    plain = freud.order.Steinhardt(l=6).compute(system, neighbors=pairs)
    harmonics = np.nan_to_num(np.asarray(plain.particle_harmonics[:n_atoms]))
    bond_mean = counts @ harmonics / counts.sum()
    averaged = freud.order.Steinhardt(l=6, average=True).compute(system, neighbors=pairs)
    return OrderParameters(
        np.nan_to_num(np.asarray(plain.particle_order[:n_atoms], dtype=np.float64)),
        np.nan_to_num(np.asarray(averaged.particle_order[:n_atoms], dtype=np.float64)),
        float(np.sqrt(4.0 * np.pi / 13.0 * np.sum(np.abs(bond_mean) ** 2))),
        counts,
    )


def order_parameter_table(frames: Iterable[Any], cutoff: float) -> dict[str, Array]:
    """Order parameters along a trajectory.

    Parameters
    ----------
    frames : iterable of ase.Atoms
        T frames.
    cutoff : float
        As in `order_parameters`, angstrom.

    Returns
    -------
    dict of str to (T,) float64
        Columns ``q6``, ``averaged_q6`` (means over atoms), ``global_q6``, ``neighbors`` (mean number) and
        ``volume_per_atom`` (cubic angstrom; NaN without a periodic box).
    """
    rows = []
    for atoms in frames:
        found = order_parameters(atoms, cutoff)
        full = len(atoms) > 0 and bool(np.all(atoms.pbc))
        volume = float(atoms.get_volume()) / len(atoms) if full else float("nan")
        empty = len(atoms) == 0
        q6, averaged, neighbors = (
            0.0 if empty else float(np.mean(part)) for part in (found.q6, found.averaged_q6, found.neighbors)
        )
        rows.append([q6, averaged, found.global_q6, neighbors, volume])
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 5)
    names = ["q6", "averaged_q6", "global_q6", "neighbors", "volume_per_atom"]
    return {name: np.ascontiguousarray(table[:, k]) for k, name in enumerate(names)}
