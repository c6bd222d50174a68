"""Frames of the sites alone, for what knows points only."""

from __future__ import annotations

import torch
from ase import Atoms

from gnncv.topology.geometry import site_geometry
from gnncv.topology.layout import Topology
from gnncv.topology.whole import make_whole


def center_frame(atoms: Atoms, topology: Topology) -> Atoms:
    """One atom of no element (X) at the center of each site, in the same cell.

    Steinhardt's order parameters of a molecular crystal, for instance, are those of these points.

    Parameters
    ----------
    atoms
        The frame, its atoms as the topology wants them.
    topology
        Its molecules.

    Raises
    ------
    InvalidArgument
        Atoms that do not match the topology.
    """
    layout = topology.match(atoms.get_chemical_symbols())
    whole = make_whole(atoms.positions, atoms.cell.array, atoms.pbc, topology, layout)
    centers = site_geometry(torch.from_numpy(whole), topology, layout).centers.numpy()
    return Atoms(["X"] * layout.n_sites, centers, cell=atoms.cell, pbc=atoms.pbc)
