"""Sensitivities frame after frame: what every sensitivity stands on, in the memory of one frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.frames import count_of, frame_iterator
from gnncv.explain.mlcolvar_graphs import GraphDataSet, GraphModule, is_graph_data_set
from gnncv.explain.model import (
    CollectiveVariableModel,
    DifferentiableModel,
    as_model,
    choose_output,
    model_hash,
)
from gnncv.explain.selection import ENVIRONMENT, ENVIRONMENT_LABELS, Rows, Selection

Array = NDArray[np.float64]
GRAPHS_AT_ONCE = 32  # of small molecules: enough to keep torch busy, little memory


@dataclass(frozen=True)
class ScoredFrame:
    """The sensitivities of one frame.

    Attributes
    ----------
    number
        Of the frame, from 0.
    atoms
        The frame as it was given.
    value
        Of the output.
    scores
        (N,) norm of the output's gradient on each atom, per angstrom.
    labels
        Names of the rows of the averages.
    rows
        (N,) row of each atom, -1 in the environment, -2 in neither; ``None``: atom i is row i.
    per_site
        Values per atom that were asked for: name -> (N,).
    """

    number: int
    atoms: Atoms
    value: float
    scores: Array
    labels: Sequence[str]
    rows: Rows | None = None
    per_site: dict[str, Array] = field(default_factory=dict)

    @property
    def averaged(self) -> Array:
        """What this frame adds to the averages: a score for each label.

        With an environment the last two are mean and sum of its scores, both zero in a frame where it is
        empty (mlcolvar's mean is not a number there). A row whose atom is not in the frame gets zero: an
        isolated atom that was removed has no say.
        """
        if self.rows is None:
            return self.scores
        entries = np.zeros(len(self.labels))
        own = self.rows >= 0
        entries[self.rows[own]] = self.scores[own]
        if list(self.labels[-2:]) == ENVIRONMENT_LABELS:
            environment = self.scores[self.rows == ENVIRONMENT]
            entries[-2:] = environment.sum() / max(len(environment), 1), environment.sum()
        return entries


class ScoredFrames:
    """Go through frames, or through mlcolvar's graphs, and score each; nothing of a frame is kept.

    Parameters
    ----------
    model, frames, device
        As in `graph_node_sensitivity`.
    output
        Name or index.
    batch_size
        How many graphs of a data set a Python module evaluates at once: ``None`` a few, 0 all.
    selection
        System and environment, of frames; a data set says itself which they are.
    per_site
        Names of the values per atom that are wanted; those the model does not have are left out.

    Attributes
    ----------
    output
        Name of the output.
    labels
        Names of the rows of the averages; known once the first frame was scored.
    total
        Number of frames, where it is known.
    """

    def __init__(
        self,
        model: Any,
        frames: Any,
        output: int | str = 0,
        *,
        device: str = "cpu",
        batch_size: int | None = None,
        selection: Selection | None = None,
        per_site: tuple[str, ...] = (),
    ) -> None:
        if batch_size is not None and batch_size < 0:
            raise InvalidArgument(f"batch_size is {batch_size}; it must be positive (0: all frames at once)")
        self._graphs = GraphDataSet(frames) if is_graph_data_set(frames) else None
        if self._graphs is not None and selection is not None:
            raise InvalidArgument(
                "a data set of graphs says itself which atoms are the system; leave system out"
            )
        self._frames = frames
        self._selection = selection
        self._batch_size = GRAPHS_AT_ONCE if batch_size is None else batch_size
        self._view = as_model(model, device)
        self.output = choose_output(self._view, output)
        self.labels: list[str] = []
        self.total = count_of(frames if self._graphs is None else self._graphs.graphs)
        self._per_site = [name for name in per_site if name in _site_names(self._view)]

    @property
    def model_hash(self) -> str:
        """Hash of the model's file or weights."""
        return model_hash(self._view)

    def __iter__(self) -> Iterator[ScoredFrame]:
        if self._graphs is not None:
            yield from self._of_graphs(self._graphs)
            return
        first: NDArray[np.int64] | None = None
        for number, atoms in enumerate(frame_iterator(self._frames)):
            rows = None
            if self._selection is not None:
                rows = self._selection.rows(atoms, number)
            elif first is None:
                first = atoms.numbers.copy()
            else:
                _check_same_atoms(first, atoms, number)
            self._label(atoms)
            yield self._scored(atoms, number, rows)

    def _label(self, atoms: Atoms) -> None:
        if self.labels:
            return
        if self._selection is not None:
            self.labels = [*self._selection.labels, *ENVIRONMENT_LABELS]
        else:
            self.labels = atom_labels(atoms)

    def _of_graphs(self, data: GraphDataSet) -> Iterator[ScoredFrame]:
        self.labels = data.labels
        n_graphs = len(data.graphs)
        if not isinstance(self._view, GraphModule):
            for number in range(n_graphs):
                yield self._scored(data.frame(number), number, data.rows(number))
            return
        at_once = self._batch_size or n_graphs
        for start in range(0, n_graphs, at_once):
            graphs = data.graphs[start : start + at_once]
            for number, found in enumerate(self._view.on_graphs(graphs, self.output), start=start):
                value, scores = _norms(*found, self.output, number)
                yield ScoredFrame(number, data.frame(number), value, scores, self.labels, data.rows(number))

    def _scored(self, atoms: Atoms, number: int, rows: Rows | None) -> ScoredFrame:
        value, gradient = self._view.value_and_gradient(atoms, self.output)
        if gradient.shape != (len(atoms), 3):
            raise InvalidArgument(
                f"the gradient of {self.output} has shape {gradient.shape} for {len(atoms)} atoms"
            )
        value, scores = _norms(value, gradient, self.output, number)
        sites: dict[str, Array] = {}
        if self._per_site and isinstance(self._view, CollectiveVariableModel):
            columns = self._view.per_site(atoms)
            sites = {name: columns[name] for name in self._per_site}
        return ScoredFrame(number, atoms, value, scores, self.labels, rows, sites)


def atom_labels(atoms: Atoms) -> list[str]:
    """Species and number from 1 of each atom."""
    return list(_labels(atoms.numbers.tobytes(), atoms.numbers.dtype.str))


@lru_cache(maxsize=4)
def _labels(numbers: bytes, dtype: str) -> tuple[str, ...]:
    """Made once for frames explained one by one: thousands of names take as long as much of a small model."""
    known = np.frombuffer(numbers, dtype=dtype).tolist()
    return tuple(f"{chemical_symbols[number]}{i}" for i, number in enumerate(known, start=1))


def _site_names(view: DifferentiableModel) -> list[str]:
    return list(view.site_names) if isinstance(view, CollectiveVariableModel) else []


def _check_same_atoms(first: NDArray[np.int64], atoms: Atoms, number: int) -> None:
    """Averages per atom need the same atoms in every frame."""
    if not np.array_equal(atoms.numbers, first):
        raise InvalidArgument(
            f"frame {number} has {atoms.get_chemical_formula()} and frame 0 has "
            f"{Atoms(first).get_chemical_formula()}, or another order of the atoms; averages per atom need "
            "the same atoms in every frame (or a system that is: see system)"
        )


def _norms(value: float, gradient: Array, name: str, number: int) -> tuple[float, Array]:
    """Value of the output and norm of its gradient on each atom, both finite."""
    scores = np.sqrt(np.einsum("ij,ij->i", gradient, gradient))
    if not np.isfinite(scores).all():
        bad = np.flatnonzero(~np.isfinite(scores))[0]
        raise InvalidArgument(f"the gradient of {name} on atom {bad} is not finite in frame {number}")
    if not np.isfinite(value):
        raise InvalidArgument(f"{name} is not finite in frame {number}")
    return value, scores
