"""What a node may hold besides its surroundings, for analysis: where a site is and how it moves."""

from collections.abc import Sequence

import numpy as np
import torch
from ase import Atoms, units
from torch import Tensor

from gnncv.errors import InvalidArgument
from gnncv.topology import Topology, site_geometry

from .deformation import Vectors, whole_molecules

PER_PICOSECOND = 1000.0 * units.fs  # angstrom in ASE's unit of time, to angstrom per picosecond


def node_features(
    atoms: Atoms, names: Sequence[str], cutoff: float, topology: Topology | None = None
) -> Tensor:
    """Positions and velocities of the sites of a frame, as they are.

    Neither is invariant, and velocities are no function of the positions: a model that is given them serves
    analysis and is refused by export.

    Parameters
    ----------
    atoms
        A frame, with momenta if velocities are asked for.
    names
        ``position`` (in units of the cutoff) and ``velocity`` (angstrom per picosecond), in this order.
    cutoff
        Angstrom.
    topology
        Molecules, whose centers are the sites.

    Returns
    -------
    Tensor
        ``(M, 3 len(names))``, float64.

    Raises
    ------
    InvalidArgument
        The frame has no velocities, or there is no such feature.
    """
    columns = []
    for name in names:
        if name == "position":
            columns.append(_centers(atoms, topology) / cutoff)
        elif name == "velocity":
            columns.append(_velocities(atoms, topology) * PER_PICOSECOND)
        else:
            raise InvalidArgument(f"node feature {name!r} is unknown; allowed: position, velocity")
    return torch.from_numpy(np.concatenate(columns, axis=1))


def _centers(atoms: Atoms, topology: Topology | None) -> Vectors:
    if topology is None:
        positions: Vectors = atoms.positions.copy()
        return positions
    return whole_molecules(atoms, topology, topology.match(atoms.get_chemical_symbols()))[1]


def _velocities(atoms: Atoms, topology: Topology | None) -> Vectors:
    if not atoms.has("momenta"):
        raise InvalidArgument(
            "node_features 'velocity' needs the momenta of the atoms, which this frame does not have"
        )
    velocities: Vectors = atoms.get_velocities()
    if topology is None:
        return velocities
    # centers are linear in the positions: their velocities are the same sums
    layout = topology.match(atoms.get_chemical_symbols())
    whole, centers = whole_molecules(atoms, topology, layout)
    moved: Vectors = site_geometry(torch.from_numpy(whole + velocities), topology, layout).centers.numpy()
    return moved - centers
