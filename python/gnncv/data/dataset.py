"""A data set of frames that become graphs when drawn, augmented anew each epoch."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from ase import Atoms
from numpy.typing import NDArray
from torch import Tensor

from gnncv.errors import InvalidArgument
from gnncv.topology import Topology

from .augmentation import Augmentation
from .graph import NO_PHASE, Graph, GraphBatch, build_graph
from .node_features import node_features

KEPT_BYTES = 2**30


class GraphDataset(torch.utils.data.Dataset[Graph]):
    """Frames as graphs.

    Frame ``k`` of epoch ``e`` is augmented with the random numbers of ``(seed, e, k)``: a run is
    reproduced exactly, also after a resume, whatever the order in which frames are drawn.

    Parameters
    ----------
    frames
        Training or validation frames.
    cutoff
        Angstrom.
    species, phases
        Names in the order of the integer types; frames with another species are refused, frames whose
        ``info["phase"]`` is absent are unlabeled.
    augmentation
        ``None`` leaves the frames as they are.
    volume_range
        Volumes per atom the augmentation draws from; default: those of ``frames``, widened.
    seed
        Of the augmentation.
    topology
        Molecules of the frames: sites are theirs then, and ``species`` the kinds of sites.
    node_features
        What nodes hold besides, for analysis: ``position``, ``velocity``.
    fixed
        The epoch stays what it is, as for validation: every graph is kept once it was drawn, as those of
        unchanged frames always are (up to 1 GiB).

    Attributes
    ----------
    describe
        What computes a graph's invariants beforehand, where that is wanted.

    Raises
    ------
    InvalidArgument
        No frame, no pair within the cutoff in any frame, an unknown species or phase.
    """

    def __init__(
        self,
        frames: Sequence[Atoms],
        cutoff: float,
        species: Sequence[str] | None = None,
        phases: Sequence[str] = (),
        augmentation: Augmentation | None = None,
        volume_range: tuple[float, float] | None = None,
        seed: int = 0,
        fixed: bool = False,
        topology: Topology | None = None,
        node_features: Sequence[str] = (),
    ) -> None:
        if not frames:
            raise InvalidArgument("a data set needs at least one frame")
        self.frames = list(frames)
        self.cutoff = float(cutoff)
        self.topology = topology
        self.node_features = tuple(node_features)
        if species is None:
            found = {symbol for atoms in frames for symbol in atoms.get_chemical_symbols()}
            species = sorted(found) if topology is None else topology.kinds
        self.species = list(species)
        self.phases = list(phases)
        self.augmentation = augmentation
        self.volume_range = volume_range
        if augmentation is not None and volume_range is None:
            self.volume_range = augmentation.volume_range(self.frames)
        self.seed = seed
        self.epoch = 0
        self.fixed = fixed
        self.describe: Callable[[Graph], Tensor] | None = None
        self._kept: dict[int, Graph] = {}
        self._kept_bytes = 0
        self._labels = [self._label(atoms) for atoms in self.frames]
        if all(len(self._graph(atoms).center) == 0 for atoms in self.frames[:3]):
            closest = min(_smallest_distance(atoms) for atoms in self.frames[:3])
            raise InvalidArgument(
                f"no pair of atoms is closer than the cutoff of {cutoff} A (closest: {closest:.3g} A);"
                " raise it"
            )

    def _label(self, atoms: Atoms) -> int:
        phase = atoms.info.get("phase")
        if phase is None or not self.phases:
            return NO_PHASE
        if phase not in self.phases:
            raise InvalidArgument(f"phase {phase!r} is none of {', '.join(self.phases)}")
        return self.phases.index(phase)

    @property
    def labels(self) -> list[int]:
        """Phase of each frame, an index into ``phases`` or ``NO_PHASE``."""
        return list(self._labels)

    def set_labels(self, phases: Sequence[str], labels: Sequence[int] | NDArray[np.int64]) -> None:
        """Give the frames other phases than their own; ``labels`` are indices or ``NO_PHASE``."""
        if len(labels) != len(self.frames):
            raise InvalidArgument(f"{len(labels)} labels were given for {len(self.frames)} frames")
        self.phases = list(phases)
        self._labels = [int(label) for label in labels]
        self._kept, self._kept_bytes = {}, 0

    def set_epoch(self, epoch: int) -> None:
        """Draw the augmentation of this epoch from now on."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.frames)

    def atoms(self, index: int) -> Atoms:
        """The frame as drawn in this epoch, augmentation included."""
        atoms = self.frames[index]
        if self.augmentation is None:
            return atoms
        generator = np.random.default_rng([self.seed, self.epoch, index])
        return self.augmentation.apply(atoms, self.volume_range, generator, self.topology)

    def _graph(self, atoms: Atoms, label: int = NO_PHASE) -> Graph:
        graph = build_graph(atoms, self.cutoff, self.species, label, self.topology)
        if self.node_features:
            graph.node_features = node_features(atoms, self.node_features, self.cutoff, self.topology)
        return graph

    def __getitem__(self, index: int) -> Graph:
        if self.fixed and index in self._kept:
            return self._kept[index]
        atoms = self.atoms(index)
        lasting = self.fixed or atoms is self.frames[index]
        if lasting and index in self._kept:
            return self._kept[index]
        graph = self._graph(atoms, self._labels[index])
        if self.describe is not None:
            graph.invariants = self.describe(graph)
        if lasting and self._kept_bytes + graph.n_bytes <= KEPT_BYTES:
            self._kept[index] = graph
            self._kept_bytes += graph.n_bytes
        return graph


def collate(graphs: Sequence[Graph]) -> GraphBatch:
    """Join graphs into a batch: the ``collate_fn`` of a data loader."""
    return GraphBatch.from_graphs(graphs)


def _smallest_distance(atoms: Atoms) -> float:
    if len(atoms) < 2:
        return float("inf")
    distances = atoms.get_all_distances(mic=bool(atoms.pbc.any()))
    return float(distances[np.triu_indices(len(atoms), 1)].min())
