"""Affine maps of a frame that leave its molecules as they are."""

import numpy as np
import torch
from ase import Atoms
from numpy.typing import NDArray

from gnncv.topology import SiteLayout, Topology, make_whole, site_geometry

Vectors = NDArray[np.float64]


def whole_molecules(atoms: Atoms, topology: Topology, layout: SiteLayout) -> tuple[Vectors, Vectors]:
    """Positions ``(N, 3)`` with each molecule in one piece, and centers ``(M, 3)``, angstrom."""
    whole = make_whole(atoms.positions, atoms.cell.array, atoms.pbc, topology, layout)
    centers: Vectors = site_geometry(torch.from_numpy(whole), topology, layout).centers.numpy()
    return whole, centers


def deform(atoms: Atoms, deformation: Vectors, topology: Topology | None = None) -> Atoms:
    """A copy with its cell and sites deformed: molecules are moved as wholes, not strained or turned.

    Parameters
    ----------
    atoms
        The frame.
    deformation
        ``(3, 3)``; rows of cell and positions are multiplied with it from the right.
    topology
        Molecules of the frame; ``None``: each atom is a site.
    """
    changed = atoms.copy()
    if atoms.cell.rank == 3:
        changed.set_cell(atoms.cell.array @ deformation, scale_atoms=False)
    if topology is None:
        changed.positions = atoms.positions @ deformation
        return changed
    layout = topology.match(atoms.get_chemical_symbols())
    whole, centers = whole_molecules(atoms, topology, layout)
    moved: Vectors = centers @ deformation - centers
    changed.positions = whole + moved[layout.site_of_atom]
    return changed


def rescaled_to(atoms: Atoms, volume_per_site: float, topology: Topology | None = None) -> Atoms:
    """A copy scaled to a volume per site, cubic angstrom, the same along all directions.

    Frames of two phases rescaled to one density can no longer be told apart by density alone: the control
    that goes with any claim that a collective variable sees order.
    """
    n_sites = len(atoms) if topology is None else topology.match(atoms.get_chemical_symbols()).n_sites
    factor = (volume_per_site * n_sites / atoms.get_volume()) ** (1.0 / 3.0)
    return deform(atoms, factor * np.eye(3), topology)
