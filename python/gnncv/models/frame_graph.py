"""One frame as a graph whose geometry is a differentiable function of the positions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from numpy.typing import NDArray
from torch import Tensor

from gnncv.data import build_graph
from gnncv.data.graph import Graph
from gnncv.topology import Topology, make_whole, site_geometry


@dataclass
class FrameGraph:
    """The sites of a frame, their pairs, and both from other positions.

    Attributes
    ----------
    atoms
        The frame.
    graph
        Its pairs, both directions of each.
    site_labels
        Name of each site: its kind and its 1-based number.
    site_of_atom
        ``(N,)`` the site of each atom where sites are molecules, else ``None``.
    """

    atoms: Atoms
    graph: Graph
    site_labels: list[str]
    site_of_atom: NDArray[np.int64] | None
    _topology: Topology | None
    _shifts: Tensor
    _whole: Tensor

    @classmethod
    def of(
        cls, atoms: Atoms, cutoff: float, species: Sequence[str], topology: Topology | None = None
    ) -> "FrameGraph":
        """Find the pairs of a frame; errors as of :func:`gnncv.data.build_graph`."""
        graph = build_graph(atoms, cutoff, species, topology=topology)
        labels = [f"{species[kind]}{number}" for number, kind in enumerate(graph.types.tolist(), start=1)]
        whole, owner, centers = torch.zeros(len(atoms), 3, dtype=torch.float64), None, None
        if topology is not None:
            layout = topology.match(atoms.get_chemical_symbols())
            owner = layout.site_of_atom
            joined = make_whole(atoms.positions, atoms.cell.array, atoms.pbc, topology, layout)
            whole = torch.from_numpy(joined - atoms.positions)
            centers = site_geometry(torch.from_numpy(joined), topology, layout).centers
        else:
            centers = torch.from_numpy(atoms.positions)
        shifts = graph.vectors - (centers[graph.neighbor] - centers[graph.center])
        return cls(atoms.copy(), graph, labels, owner, topology, shifts, whole)

    @property
    def positions(self) -> Tensor:
        """``(N, 3)`` angstrom, float64: those of the frame."""
        return torch.from_numpy(self.atoms.positions.copy())

    def at(self, positions: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Pair vectors ``(P, 3)``, and axes and descriptors of molecules, of the same pairs elsewhere."""
        if self._topology is None:
            centers, molecules = positions, []
        else:
            layout = self._topology.match(self.atoms.get_chemical_symbols())
            geometry = site_geometry(positions + self._whole, self._topology, layout)
            centers = geometry.centers
            molecules = [geometry.axes, torch.cat([part.flatten() for part in geometry.descriptors])]
        vectors = centers[self.graph.neighbor] - centers[self.graph.center] + self._shifts
        return vectors, molecules
