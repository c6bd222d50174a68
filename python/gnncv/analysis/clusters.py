"""The largest cluster of crystal-like sites: the size of a nucleus, for analysis.

Sites whose crystallinity exceeds a threshold and that are closer than a cutoff belong together; connected
components of this graph are the clusters (ten Wolde, Ruiz-Montero, Frenkel, JCP 104, 9932, 1996,
doi:10.1063/1.471721). Sizes are integers and jump as sites move: this judges a run, it is nothing to bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gnncv.errors import InvalidArgument

if TYPE_CHECKING:
    from ase import Atoms

    from gnncv.cv import CollectiveVariable
    from gnncv.topology import Topology

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Cluster:
    """The largest cluster of a frame.

    Attributes
    ----------
    members : (size,) int64
        Its sites, ascending: molecules, or atoms where those are the sites.
    atoms : (n,) int64
        Its atoms, ascending; the members themselves where atoms are the sites.
    sizes : (C,) int64
        Sites in each of the C clusters of the frame, the largest first.
    """

    members: Indices
    atoms: Indices
    sizes: Indices

    @property
    def size(self) -> int:
        """Number of its sites; 0 if no site is crystal-like."""
        return len(self.members)


def largest_cluster(
    crystallinity: CollectiveVariable | ArrayLike,
    atoms: Atoms,
    cutoff: float,
    threshold: float = 0.5,
    topology: Topology | None = None,
) -> Cluster:
    """The largest cluster of crystal-like sites in a frame.

    Parameters
    ----------
    crystallinity : CollectiveVariable or (M,) array_like
        A model with the per-site output `crystallinity`, evaluated here, or values of the M sites.
    atoms : ase.Atoms
        The frame, with any cell and periodicity.
    cutoff : float
        Sites closer than this are joined, angstrom: the first minimum of their radial distribution function.
    threshold : float
        Sites above it are crystal-like.
    topology : Topology, optional
        Molecules of the frame, whose centers are the sites; that of the model if one is given.

    Returns
    -------
    Cluster
        Of several that are equally large, that with the first site.

    Raises
    ------
    InvalidArgument
        A model without the output, a number of values that is not that of the sites, values that are not
        finite, a cutoff that is not positive.
    """
    from gnncv.topology import Topology, center_frame

    if not (np.isfinite(cutoff) and cutoff > 0.0):
        raise InvalidArgument(f"the cutoff is {cutoff}; it must be positive")
    model: Any = crystallinity if hasattr(crystallinity, "per_site") else None
    if model is not None:
        facts = model.metadata.get("topology")
        topology = Topology.from_dict(facts) if facts else None
    sites, site_of_atom = atoms, np.arange(len(atoms))
    if topology is not None:
        sites = center_frame(atoms, topology)
        site_of_atom = topology.match(atoms.get_chemical_symbols()).site_of_atom
    values = np.asarray(crystallinity if model is None else _of_model(model, atoms), dtype=np.float64)
    if values.shape != (len(sites),):
        kind = "atoms" if topology is None else "molecules and atoms beside them"
        raise InvalidArgument(f"crystallinity has shape {values.shape}; the frame has {len(sites)} {kind}")
    if not np.all(np.isfinite(values)):
        bad = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InvalidArgument(f"the crystallinity of site {bad} is {values[bad]}")
    members, sizes = _components(sites, np.flatnonzero(values > threshold), cutoff)
    return Cluster(members, np.flatnonzero(np.isin(site_of_atom, members)).astype(np.int64), sizes)


def _of_model(model: CollectiveVariable, atoms: Atoms) -> NDArray[np.float64]:
    if "crystallinity" not in model.site_names:
        there = ", ".join(model.site_names) or "none"
        raise InvalidArgument(
            f"{model.path} has no per-site output 'crystallinity' (it has {there}); train with labeled phases"
        )
    return model.per_site(atoms)["crystallinity"]


def _components(sites: Atoms, chosen: Indices, cutoff: float) -> tuple[Indices, Indices]:
    """Members of the largest component of the chosen sites, and all sizes, the largest first."""
    from ase.neighborlist import neighbor_list
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if len(chosen) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    first, second = neighbor_list("ij", sites[chosen], cutoff)
    n = len(chosen)
    joined = coo_array((np.ones(len(first)), (first, second)), shape=(n, n))
    labels = connected_components(joined, directed=False)[1]
    sizes = np.bincount(labels)
    members: Indices = np.asarray(chosen, dtype=np.int64)[labels == np.argmax(sizes)]
    return members, np.sort(sizes)[::-1].astype(np.int64)
