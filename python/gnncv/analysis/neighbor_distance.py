"""How far the first shell of neighbors reaches: the first minimum of g(r), whatever the substance."""

from __future__ import annotations

from typing import Any

import numpy as np

from gnncv.errors import InvalidArgument

SMEARING = 0.09  # of the spacing (V/N)^(1/3): joins the two nearest shells of bcc, keeps those of fcc apart
_REACH = 2.2
_FEWEST = 32


def neighbor_distance(atoms: Any) -> float:
    """The first minimum of g(r) of one frame, angstrom: the cutoff of `order_parameters` for it.

    Distances are smeared by a Gaussian of 0.09 (V/N)^(1/3), so that one frame is enough, warm or a perfect
    lattice.

    Parameters
    ----------
    atoms : ase.Atoms
        A bulk phase, periodic in all directions, of at least 32 atoms of one kind.

    Returns
    -------
    float
        4.9 A for the crystal of argon near melting, 3.3 A for copper, 3.0 A for silicon (diamond lattice).

    Raises
    ------
    InvalidArgument
        Fewer atoms, an open direction, no minimum within 2.2 spacings.
    """
    n_atoms = len(atoms)
    if n_atoms < _FEWEST or not np.all(atoms.pbc):
        raise InvalidArgument(
            f"the first minimum of g(r) needs at least {_FEWEST} atoms in a box that is periodic in all "
            f"directions; there are {n_atoms} with pbc {[bool(p) for p in atoms.pbc]}"
        )
    from vesin import ase_neighbor_list

    spacing = float((atoms.get_volume() / n_atoms) ** (1.0 / 3.0))
    width = SMEARING * spacing
    distances = np.ravel(ase_neighbor_list("d", atoms, _REACH * spacing + 4.0 * width))
    step = 0.05 * width
    edges = np.arange(0.0, _REACH * spacing + 4.0 * width, step)
    counts, _ = np.histogram(distances, edges)
    offsets = np.arange(-80, 81) * step
    smooth = np.convolve(counts, np.exp(-0.5 * (offsets / width) ** 2), mode="same")
    middles = 0.5 * (edges[1:] + edges[:-1])
    density = smooth / middles**2
    inside = np.flatnonzero((middles > 0.4 * spacing) & (middles < _REACH * spacing))
    rises = np.diff(density[inside]) > 0.0
    peaks = np.flatnonzero(rises[:-1] & ~rises[1:])
    if len(peaks):
        valleys = np.flatnonzero(~rises[peaks[0] + 1 : -1] & rises[peaks[0] + 2 :])
        if len(valleys):
            return float(middles[inside[peaks[0] + 2 + valleys[0]]])
    raise InvalidArgument(
        f"g(r) has no first minimum within {_REACH * spacing:.3g} A: give the cutoff of the order parameters"
    )
