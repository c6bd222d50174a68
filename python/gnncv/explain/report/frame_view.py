"""One frame as the report sees it: scores of sites and atoms, their order, and the pairs they stand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gnncv.explain.attribution.graph_function import GraphFunction
from gnncv.explain.report.motions import motion_parts
from gnncv.topology import Topology, center_frame

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

MELT, MELT_SIDE, CRYSTAL_SIDE, CRYSTAL = 0, 1, 2, 3
LAYERS = ("melt", "face, melt side", "face, crystal side", "crystal")
CRYSTALLINE = 0.5
"""A site is crystalline where its crystallinity is above."""
LOWEST, HIGHEST = 0.1, 0.9
"""Of the share of crystalline sites around a site of the face."""


class ExplainedModel(Protocol):
    """What the report needs of a model: :class:`gnncv.CollectiveVariable` has it."""

    names: list[str]
    site_names: list[str]
    kinds: list[str]
    cutoff: float
    metadata: dict[str, Any]

    @property
    def hash(self) -> str:
        """SHA-256 of the model file."""

    @property
    def site_of_atom(self) -> Indices:
        """(N,) the site of each atom of the frame evaluated last."""

    @property
    def site_kinds(self) -> Indices:
        """(M,) the kind of each site of that frame."""

    def compute(self, atoms: Atoms, *, outputs: Sequence[str] | None = None) -> Any:
        """Values of all outputs, and gradients of those named."""

    def per_site(self, atoms: Atoms) -> dict[str, Array]:
        """Columns per site."""

    def graph_function(self, atoms: Atoms, output: str | int = 0) -> Any:
        """One output as a :class:`gnncv.explain.GraphFunction` with pair vectors."""


@dataclass(frozen=True)
class Pairs:
    """The E pairs of a frame, both directions of each.

    Attributes
    ----------
    center, neighbor
        ``(E,)`` sites.
    distance
        ``(E,)`` angstrom.
    strength
        ``(E,)`` |ds/dr_ij| of the output by the pair's one vector, 1/angstrom: the same from both ends.
    outward
        ``(E,)`` its part along the pair: what the output gains when the neighbor moves away, 1/angstrom.
    """

    center: Indices
    neighbor: Indices
    distance: Array
    strength: Array
    outward: Array


@dataclass(frozen=True)
class FrameView:
    """Scores and surroundings of the M sites of one frame.

    Attributes
    ----------
    value, progress, novelty
        Of the explained output, of the output that frames are ordered by, and of novelty (NaN without).
    atom_scores
        ``(N,)`` |ds/dr_a|, 1/angstrom.
    scores
        ``(M,)`` sqrt(sum of |ds/dr_a|^2 over a site's atoms): the slope along its steepest motion.
    motions
        ``(M, 3)`` what moving, turning and deforming a site add to the output's thermal speed.
    crystallinity
        ``(M,)`` sum of the probabilities of all crystals; ``None`` without labeled phases.
    surroundings
        ``(M,)`` share of sites of the largest crystalline cluster among a site and its neighbors.
    layer
        ``(M,)`` `MELT` and `CRYSTAL` where nearly all around is of one kind, in between `MELT_SIDE` or
        `CRYSTAL_SIDE` of the face, by what the site is; all `MELT` where `crystallinity` is ``None``.
    kinds
        ``(M,)`` place in the model's kinds.
    labels
        Names of the sites.
    centers
        ``(M, 3)`` angstrom.
    pairs
        Pairs of sites within the model's cutoff.
    """

    atoms: Atoms
    value: float
    progress: float
    novelty: float
    atom_scores: Array
    scores: Array
    motions: Array
    crystallinity: Array | None
    surroundings: Array
    layer: Indices
    kinds: Indices
    labels: Sequence[str]
    centers: Array
    site_of_atom: Indices
    pairs: Pairs

    @property
    def face(self) -> NDArray[np.bool_]:
        """``(M,)`` which sites are at the face, on either side."""
        return (self.layer == MELT_SIDE) | (self.layer == CRYSTAL_SIDE)


def order_coordinate(names: Sequence[str], output: str) -> str:
    """The output that frames are ordered by: progress, or that to the first crystal, or the output itself."""
    return next((name for name in names if name == "progress" or name.startswith("progress-")), output)


def view_frame(model: ExplainedModel, atoms: Atoms, output: str) -> FrameView:
    """Evaluate one frame: one gradient by the core, one by pair vectors, one evaluation per site.

    Raises
    ------
    InvalidArgument, ModelError
        Of the model: unknown species or output, values that are not finite, a file without pairs or sites.
    """
    result = model.compute(atoms, outputs=[output])
    gradient = np.asarray(result.gradient(output), dtype=np.float64)
    owner = model.site_of_atom
    columns = model.per_site(atoms)
    crystals = [np.asarray(columns[name]) for name in columns if name.startswith("crystallinity")]
    crystallinity: Array | None = np.sum(np.array(crystals), axis=0) if crystals else None
    function = model.graph_function(atoms, output)
    pairs = pair_slopes(function)
    facts = model.metadata.get("topology")
    topology = Topology.from_dict(facts) if facts else None
    centers = (atoms if topology is None else center_frame(atoms, topology)).positions.copy()
    surroundings = crystal_share(crystallinity, pairs, len(centers))
    squares = np.bincount(owner, weights=(gradient**2).sum(axis=1), minlength=len(centers))
    return FrameView(
        atoms=atoms,
        value=float(result[output]),
        progress=float(result[order_coordinate(model.names, output)]),
        novelty=float(result["novelty"]) if "novelty" in model.names else float("nan"),
        atom_scores=np.linalg.norm(gradient, axis=1),
        scores=np.sqrt(squares),
        motions=motion_parts(atoms, gradient, owner, centers),
        crystallinity=crystallinity,
        surroundings=surroundings,
        layer=layer_of(surroundings, crystallinity),
        kinds=np.asarray(model.site_kinds, dtype=np.int64),
        labels=function.node_labels,
        centers=centers,
        site_of_atom=owner,
        pairs=pairs,
    )


def pair_slopes(function: GraphFunction) -> Pairs:
    """The gradient of an output by its pair vectors, see :func:`gnncv.explain.attribution.directions`."""
    import torch

    from gnncv.explain.attribution.directions import both_directions

    vectors = function.inputs["vectors"].detach().clone().requires_grad_()
    value = function(vectors=vectors)
    halves = both_directions(function, torch.autograd.grad(value, vectors)[0])
    slope = 2.0 * halves.to(torch.float64).numpy()
    apart = vectors.detach().to(torch.float64).numpy()
    distance = np.linalg.norm(apart, axis=1)
    neighbor, center = function.edge_index.numpy().astype(np.int64)
    outward = (slope * apart).sum(axis=1) / distance
    return Pairs(center, neighbor, distance, np.linalg.norm(slope, axis=1), outward)


def crystal_share(crystallinity: Array | None, pairs: Pairs, n_sites: int) -> Array:
    """Share of the largest crystalline cluster among each site and its neighbors, (M,).

    Crystalline sites are joined where they are neighbors (ten Wolde, Ruiz-Montero, Frenkel, JCP 104, 9932,
    1996, doi:10.1063/1.471721); single sites that look crystalline in a melt are not counted.
    """
    if crystallinity is None:
        return np.zeros(n_sites)
    crystalline = crystallinity > CRYSTALLINE
    joined = crystalline[pairs.center] & crystalline[pairs.neighbor]
    ends = (pairs.center[joined], pairs.neighbor[joined])
    graph = coo_array((np.ones(int(joined.sum())), ends), shape=(n_sites, n_sites))
    component = connected_components(graph, directed=False)[1]
    sizes = np.bincount(component[crystalline], minlength=component.max(initial=0) + 1)
    inside = crystalline & (component == np.argmax(sizes))
    around = np.bincount(pairs.center, weights=inside[pairs.neighbor], minlength=n_sites)
    counts = np.bincount(pairs.center, minlength=n_sites)
    share: Array = (around + inside) / (counts + 1.0)
    return share


def layer_of(surroundings: Array, crystallinity: Array | None) -> Indices:
    """The layer of each site, (M,): see :class:`FrameView`.

    It goes by what is around a site and not by the site's own value between 0 and 1, where a classifier is
    steepest by its making: that would put the highest scores at the face by definition.
    """
    if crystallinity is None:
        return np.full(len(surroundings), MELT, dtype=np.int64)
    side = np.where(crystallinity > CRYSTALLINE, CRYSTAL_SIDE, MELT_SIDE)
    inside = np.where(surroundings > HIGHEST, CRYSTAL, side)
    return np.where(surroundings < LOWEST, MELT, inside).astype(np.int64)
