"""A run frame by frame: what the report keeps of each frame, which does not grow with its atoms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gnncv.analysis.blocks import ratio_error
from gnncv.errors import InvalidArgument
from gnncv.explain.report.frame_view import (
    CRYSTAL,
    LAYERS,
    MELT,
    Array,
    ExplainedModel,
    FrameView,
    Indices,
    order_coordinate,
    view_frame,
)

N_DISTANCES = 40
N_ORDERS = 10
MOST_BLOCKS = 10
FEWEST_SITES = 20
"""Of a layer, over all frames, for its mean to be told."""
BOTH_PHASES = 0.05
"""Share of the sites that either bulk must have for a frame to show two phases."""


@dataclass(frozen=True)
class FrameRow:
    """One frame's sums: over sites of the four layers, atoms of S species, pairs in D bins of distance.

    Attributes
    ----------
    layer_sites, layer_scores
        ``(4,)`` number of sites, and sum of their scores.
    species_atoms, species_scores
        ``(S,)`` of atoms.
    order_sites, order_scores
        ``(10,)`` of sites by crystallinity, from 0 to 1.
    pairs, strength, outward
        ``(4, D)`` number of pairs by the center's layer and their distance, sums of their slopes' size and
        of the outward part.
    kinds_strength
        ``(K, K)`` sums of the slopes' size by the kinds of center and neighbor.
    motions
        ``(3,)`` sums over sites, see :func:`gnncv.explain.report.motions.motion_parts`.
    """

    number: int
    time: float
    value: float
    progress: float
    novelty: float
    layer_sites: Array
    layer_scores: Array
    species_atoms: Array
    species_scores: Array
    order_sites: Array
    order_scores: Array
    pairs: Array
    strength: Array
    outward: Array
    kinds_strength: Array
    motions: Array


@dataclass
class AlongRun:
    """What the report knows of a run.

    Attributes
    ----------
    output, progress_name
        The explained output, and the one that frames are ordered by.
    model_hash, kinds, species, cutoff
        Of the model and its frames.
    rows
        One for each frame.
    at_face, face_scores
        ``(M,)`` in how many frames a site was at the face, and the sum of its scores there; empty where
        frames have different sites.
    shown
        Of the frames with both phases that with the largest share of its sites at the face, and its place
        among the rows.
    ordered
        Whether the model knows crystalline sites.
    """

    output: str
    progress_name: str
    model_hash: str
    kinds: list[str]
    species: list[str]
    cutoff: float
    ordered: bool
    shown: FrameView
    shown_row: int = 0
    rows: list[FrameRow] = field(default_factory=list)
    at_face: Indices = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    face_scores: Array = field(default_factory=lambda: np.zeros(0))

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> Array:
        """One quantity of all T frames: ``(T, ...)``."""
        return np.array([getattr(row, name) for row in self.rows], dtype=np.float64)

    @property
    def distance_edges(self) -> Array:
        """``(D + 1,)`` angstrom."""
        return np.linspace(0.0, self.cutoff, N_DISTANCES + 1)

    @property
    def n_blocks(self) -> int:
        """Blocks of consecutive frames behind error bars."""
        return min(MOST_BLOCKS, len(self.rows))

    def averaged(self, sums: Array, counts: Array) -> tuple[Array, Array]:
        """Mean and standard error of ``(T, K)`` sums over ``(T, K)`` counts; NaN where nothing was counted.

        The error is that of means over blocks of consecutive frames, see :func:`gnncv.analysis.blocks`.
        """
        means, errors = np.full(sums.shape[1], np.nan), np.full(sums.shape[1], np.nan)
        parts = np.array_split(np.arange(len(sums)), self.n_blocks)
        for k in range(sums.shape[1]):
            numerators = np.array([sums[part, k].sum() for part in parts])
            weights = np.array([counts[part, k].sum() for part in parts])
            there = weights > 0
            if there.any():
                mean, error = ratio_error(numerators[there, None], weights[there])
                means[k], errors[k] = mean[0], error[0] if np.isfinite(error[0]) else np.nan
        return means, errors

    def layers(self) -> tuple[Array, Array]:
        """Mean score of sites of each layer, (4,), and standard errors; NaN for layers with few sites."""
        sites = self.column("layer_sites")
        means, errors = self.averaged(self.column("layer_scores"), sites)
        few = sites.sum(axis=0) < FEWEST_SITES
        return np.where(few, np.nan, means), np.where(few, np.nan, errors)


def go_through(model: ExplainedModel, frames: Iterable[Atoms], output: str) -> AlongRun:
    """Evaluate frames one after the other and keep their sums.

    Raises
    ------
    InvalidArgument
        No frames, an unknown output, or what the model does not accept.
    """
    if output not in model.names:
        raise InvalidArgument(f"the model has no output {output!r}; its outputs are {', '.join(model.names)}")
    run: AlongRun | None = None
    for number, (atoms, view) in enumerate(_views(model, frames, output)):
        if run is None:
            species = list(dict.fromkeys(atoms.get_chemical_symbols()))
            ordered = view.crystallinity is not None
            name = order_coordinate(model.names, output)
            kinds = list(model.kinds)
            run = AlongRun(output, name, model.hash, kinds, species, float(model.cutoff), ordered, view)
            run.at_face = np.zeros(len(view.scores), dtype=np.int64)
            run.face_scores = np.zeros(len(view.scores))
        run.rows.append(frame_row(run, view, number))
        _remember_face(run, view)
        if _worth_showing(view) > _worth_showing(run.shown):
            run.shown, run.shown_row = view, number
    if run is None:
        raise InvalidArgument("there are no frames to explain")
    return run


def _views(model: ExplainedModel, frames: Iterable[Atoms], output: str) -> Iterator[tuple[Atoms, FrameView]]:
    for atoms in frames:
        yield atoms, view_frame(model, atoms, output)


def both_phases(view: FrameView) -> bool:
    """Whether a good part of the frame is inside the melt, and another inside the crystal."""
    return all(float(np.mean(view.layer == layer)) > BOTH_PHASES for layer in (MELT, CRYSTAL))


def _worth_showing(view: FrameView) -> tuple[bool, float, float]:
    """Both phases first, then the share of the sites at the face, then the mean score."""
    return both_phases(view), float(np.mean(view.face)), float(view.scores.mean())


def _remember_face(run: AlongRun, view: FrameView) -> None:
    if len(view.scores) != len(run.at_face):
        run.at_face, run.face_scores = np.zeros(0, dtype=np.int64), np.zeros(0)
        return
    there = view.face
    run.at_face += there
    run.face_scores[there] += view.scores[there]


def frame_row(run: AlongRun, view: FrameView, number: int) -> FrameRow:
    """The sums of one frame."""
    symbols = np.array(view.atoms.get_chemical_symbols())
    new = [symbol for symbol in dict.fromkeys(symbols.tolist()) if symbol not in run.species]
    if new:
        raise InvalidArgument(f"frame {number} has {new[0]}, which the first frame has not; use one system")
    species = np.array([run.species.index(symbol) for symbol in symbols])
    order = np.zeros(0) if view.crystallinity is None else view.crystallinity
    slot = np.minimum((order * N_ORDERS).astype(int), N_ORDERS - 1)
    pairs = view.pairs
    which = np.minimum((pairs.distance / run.cutoff * N_DISTANCES).astype(int), N_DISTANCES - 1)
    place = view.layer[pairs.center] * N_DISTANCES + which
    shape = (len(LAYERS), N_DISTANCES)
    n_kinds = len(run.kinds)
    kinds = view.kinds[pairs.center] * n_kinds + view.kinds[pairs.neighbor]
    return FrameRow(
        number=number,
        time=float(view.atoms.info.get("time", number)),
        value=view.value,
        progress=view.progress,
        novelty=view.novelty,
        layer_sites=totals(view.layer, None, len(LAYERS)),
        layer_scores=totals(view.layer, view.scores, len(LAYERS)),
        species_atoms=totals(species, None, len(run.species)),
        species_scores=totals(species, view.atom_scores, len(run.species)),
        order_sites=totals(slot, None, N_ORDERS),
        order_scores=totals(slot, view.scores[: len(slot)], N_ORDERS),
        pairs=totals(place, None, shape[0] * shape[1]).reshape(shape),
        strength=totals(place, pairs.strength, shape[0] * shape[1]).reshape(shape),
        outward=totals(place, pairs.outward, shape[0] * shape[1]).reshape(shape),
        kinds_strength=totals(kinds, pairs.strength, n_kinds**2).reshape(n_kinds, n_kinds),
        motions=view.motions.sum(axis=0),
    )


def totals(slot: NDArray[np.integer], weights: Array | None, length: int) -> Array:
    """Counts, or sums of weights, in each slot: float64."""
    return np.bincount(slot, weights=weights, minlength=length).astype(np.float64)
