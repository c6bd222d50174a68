"""The graph of a frame: pairs within the cutoff as tensors, and batches of such graphs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from ase import Atoms
from numpy.typing import NDArray
from torch import Tensor

from gnncv.errors import InvalidArgument
from gnncv.topology import Topology, make_whole, site_geometry

NO_PHASE = -1


@dataclass
class Graph:
    """Pairs of one frame, sorted by (center, neighbor, shift); both directions of every pair.

    Attributes
    ----------
    vectors
        ``(P, 3)`` float64, ``r_neighbor - r_center``, angstrom.
    center, neighbor
        int64 ``(P,)``.
    row_ptr
        int64 ``(N+1,)``: the pairs of center ``i`` are ``row_ptr[i]`` to ``row_ptr[i+1]``.
    types
        int64 ``(N,)``, index into the model's species, or into its kinds of sites.
    phase
        Index into the phases, or ``NO_PHASE``.
    invariants
        ``(N, F)`` float64, where they were computed beforehand.
    axes
        ``(N, A, 3)`` float64: of molecules, see :func:`gnncv.topology.site_geometry`.
    descriptors
        Of molecules: ``(N_k, D_k)`` float64 for each kind.
    node_features
        ``(N, F)`` float64: what nodes hold besides, for analysis; see :func:`gnncv.data.node_features`.
    """

    vectors: Tensor
    center: Tensor
    neighbor: Tensor
    row_ptr: Tensor
    types: Tensor
    phase: int = NO_PHASE
    invariants: Tensor | None = None
    axes: Tensor | None = None
    descriptors: list[Tensor] = field(default_factory=list)
    node_features: Tensor | None = None

    @property
    def n_bytes(self) -> int:
        """Memory of the tensors."""
        pairs = (self.vectors, self.center, self.neighbor, self.row_ptr)
        tensors = (*pairs, self.types, self.invariants, self.axes, *self.descriptors, self.node_features)
        return sum(tensor.nbytes for tensor in tensors if tensor is not None)


@dataclass
class GraphBatch:
    """Several graphs as one, with ``frame`` (N,) naming the frame of each site and ``phase`` (B,).

    ``invariants`` are there if all the graphs have them. ``descriptors`` (D,) are those of all molecules,
    kind after kind.
    """

    vectors: Tensor
    center: Tensor
    neighbor: Tensor
    row_ptr: Tensor
    types: Tensor
    frame: Tensor
    phase: Tensor
    invariants: Tensor | None = None
    axes: Tensor | None = None
    descriptors: Tensor | None = None
    node_features: Tensor | None = None

    @property
    def n_frames(self) -> int:
        """Number of frames in the batch."""
        return self.phase.shape[0]

    @classmethod
    def from_graphs(cls, graphs: Sequence[Graph]) -> "GraphBatch":
        """Join graphs, renumbering their sites."""
        n_sites = [len(graph.types) for graph in graphs]
        n_pairs = [len(graph.center) for graph in graphs]
        first_site = np.cumsum([0, *n_sites])
        first_pair = np.cumsum([0, *n_pairs])
        invariants = [graph.invariants for graph in graphs if graph.invariants is not None]
        axes = [graph.axes for graph in graphs if graph.axes is not None]
        nodes = [graph.node_features for graph in graphs if graph.node_features is not None]
        kinds = zip(*(graph.descriptors for graph in graphs), strict=True)
        return cls(
            vectors=torch.cat([graph.vectors for graph in graphs]),
            center=torch.cat([g.center + int(s) for g, s in zip(graphs, first_site, strict=False)]),
            neighbor=torch.cat([g.neighbor + int(s) for g, s in zip(graphs, first_site, strict=False)]),
            row_ptr=torch.cat(
                [
                    *(g.row_ptr[:-1] + int(p) for g, p in zip(graphs, first_pair, strict=False)),
                    torch.tensor([int(first_pair[-1])]),
                ]
            ),
            types=torch.cat([graph.types for graph in graphs]),
            frame=torch.repeat_interleave(torch.arange(len(graphs)), torch.tensor(n_sites)),
            phase=torch.tensor([graph.phase for graph in graphs]),
            invariants=torch.cat(invariants) if len(invariants) == len(graphs) else None,
            axes=torch.cat(axes) if axes else None,
            descriptors=torch.cat([torch.cat(kind).flatten() for kind in kinds]) if axes else None,
            node_features=torch.cat(nodes) if nodes else None,
        )

    @property
    def molecules(self) -> list[Tensor]:
        """What a model of molecules takes besides: axes and descriptors; empty without molecules."""
        return [] if self.axes is None or self.descriptors is None else [self.axes, self.descriptors]

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> "GraphBatch":
        """The batch on a device, its vectors in ``dtype``."""
        present = {name: getattr(self, name) for name in self.__dataclass_fields__}
        moved = {name: tensor.to(device) for name, tensor in present.items() if tensor is not None}
        if dtype is not None:
            moved["vectors"] = moved["vectors"].to(dtype)
        return replace(self, **moved)


def species_types(atoms: Atoms, species: Sequence[str]) -> np.ndarray:
    """Integer type ``(N,)`` of each atom; :class:`InvalidArgument` names an unknown species."""
    index = {name: k for k, name in enumerate(species)}
    symbols = atoms.get_chemical_symbols()
    for number, symbol in enumerate(symbols):
        if symbol not in index:
            raise InvalidArgument(f"atom {number} is {symbol}; the model knows {', '.join(species)}")
    return np.fromiter((index[symbol] for symbol in symbols), dtype=np.int64, count=len(symbols))


def build_graph(
    atoms: Atoms,
    cutoff: float,
    species: Sequence[str],
    phase: int = NO_PHASE,
    topology: Topology | None = None,
) -> Graph:
    """Neighbor pairs of a frame within ``cutoff`` (angstrom), periodic images included.

    With a topology the sites are its molecules and single atoms, and ``species`` their kinds.
    """
    if topology is None:
        types = torch.from_numpy(species_types(atoms, species))
        return _graph_of_points(atoms, atoms.positions, cutoff, types, phase)
    layout = topology.match(atoms.get_chemical_symbols())
    whole = make_whole(atoms.positions, atoms.cell.array, atoms.pbc, topology, layout)
    geometry = site_geometry(torch.from_numpy(whole), topology, layout)
    graph = _graph_of_points(
        atoms, geometry.centers.numpy(), cutoff, torch.from_numpy(layout.kind.copy()), phase
    )
    return replace(graph, axes=geometry.axes, descriptors=list(geometry.descriptors))


def _graph_of_points(
    atoms: Atoms, points: NDArray[np.float64], cutoff: float, types: Tensor, phase: int
) -> Graph:
    from vesin import ase_neighbor_list

    sites = Atoms(positions=points, cell=atoms.cell, pbc=atoms.pbc)
    center, neighbor, shift = ase_neighbor_list("ijS", sites, cutoff)
    center, neighbor = center.astype(np.int64), neighbor.astype(np.int64)
    order = np.lexsort((shift[:, 2], shift[:, 1], shift[:, 0], neighbor, center))
    center, neighbor, shift = center[order], neighbor[order], shift[order]
    vectors = points[neighbor] - points[center] + shift @ atoms.cell.array
    counts = np.bincount(center, minlength=len(points))
    return Graph(
        vectors=torch.from_numpy(np.ascontiguousarray(vectors)),
        center=torch.from_numpy(center),
        neighbor=torch.from_numpy(neighbor),
        row_ptr=torch.from_numpy(np.concatenate([[0], np.cumsum(counts)])),
        types=types,
        phase=phase,
    )
