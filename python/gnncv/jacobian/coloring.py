"""Groups of rows or columns that one product evaluates together."""

from __future__ import annotations

import numpy as np

from gnncv.jacobian.pattern import SparsityPattern


def color_rows(pattern: SparsityPattern) -> np.ndarray:
    """Colors (D,) such that rows of one color have no atom in common: one J^T v gives all rows of a color.

    Greedy, rows with most entries first; the number of colors is at least that of the rows of the busiest
    atom, and for pairs of atoms less than twice that. Curtis, Powell and Reid, IMA J. Appl. Math. 13, 117
    (1974), doi:10.1093/imamat/13.1.117.
    """
    return _greedy(pattern.row_ptr.cpu().numpy(), pattern.atoms.cpu().numpy(), pattern.n_atoms)


def color_atoms(pattern: SparsityPattern) -> np.ndarray:
    """Colors (N,) such that atoms of one color have no row in common: three J w give all atoms of a color."""
    _, atom_ptr, rows = pattern.by_atom
    return _greedy(atom_ptr.cpu().numpy(), rows.cpu().numpy(), pattern.n_rows)


def _greedy(ptr: np.ndarray, members: np.ndarray, n_members: int) -> np.ndarray:
    """First color that no member of a set has yet, set by set; each set is members[ptr[s] : ptr[s + 1]]."""
    lengths = np.diff(ptr)
    colors = np.zeros(len(lengths), dtype=np.int64)
    taken = np.zeros((n_members, 16), dtype=bool)
    for s in np.argsort(-lengths, kind="stable"):
        if lengths[s] == 0:
            continue
        own = members[ptr[s] : ptr[s + 1]]
        busy = taken[own].any(0)
        color = int(busy.argmin())
        if busy[color]:
            color = taken.shape[1]
            taken = np.pad(taken, ((0, 0), (0, color)))
        taken[own, color] = True
        colors[s] = color
    return colors
