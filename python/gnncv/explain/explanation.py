"""The one result of every explainer: scores of nodes, edges, features, frames or groups of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument

Over = Literal["nodes", "node_features", "edges", "frames", "groups"]


@dataclass(frozen=True, eq=False)
class Explanation:
    """Who was given how much of one output of a model, by which method.

    Attributes
    ----------
    scores
        float64: ``(n,)`` for nodes, ``(E,)`` for edges, ``(n, F)`` for node features, ``(T,)`` for training
        frames, ``(G,)`` for groups. Signed where the method is (a positive score raises the output).
    over
        What was scored: ``"nodes"``, ``"node_features"``, ``"edges"``, ``"frames"`` or ``"groups"``.
    node_labels
        Names of the n nodes (atoms, or sites): species and 1-based number.
    output, method, units
        Name of the explained output; name of the method; unit of the scores (``"1/Å"``, or ``"1"``).
    model_hash
        SHA-256 of the model file, see :meth:`gnncv.CollectiveVariable.hash`; without a file, of its weights.
    value
        The output's value on the frame, or its average over frames.
    labels
        Names of what was scored, where that is not nodes: features, frames, groups; of edges none.
    edge_index
        ``(2, E)`` int64, where the graph has edges: sender (neighbor), receiver (center).
    edge_vectors
        ``(E, 3)`` angstrom, ``r_sender - r_receiver``, where they are known.
    atoms
        The frame, where there is one.
    node_of_atom
        ``(N,)`` int64: the node each atom belongs to, where nodes are not the atoms.
    spread
        Standard deviation over frames, of the scores' shape, where they are averages over `n_frames` frames.
    completeness_gap
        For methods that share out a difference of values: sum of the scores minus that difference.
    details
        What else a method has to say: numbers by name.
    """

    scores: NDArray[np.float64]
    over: Over
    node_labels: Sequence[str]
    output: str
    method: str
    units: str
    model_hash: str
    value: float
    labels: Sequence[str] = ()
    edge_index: NDArray[np.int64] | None = None
    edge_vectors: NDArray[np.float64] | None = None
    atoms: Atoms | None = None
    node_of_atom: NDArray[np.int64] | None = None
    n_frames: int = 1
    spread: NDArray[np.float64] | None = None
    completeness_gap: float | None = None
    details: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.over not in get_args(Over):
            raise InvalidArgument(f"over is {self.over!r}; scores are over {', '.join(get_args(Over))}")
        expected = self._expected_shape()
        if self.scores.shape != expected:
            raise InvalidArgument(
                f"scores over {self.over} have shape {self.scores.shape}, expected {expected}"
            )
        if not np.isfinite(self.scores).all():
            bad = np.argwhere(~np.isfinite(self.scores))[0].tolist()
            raise InvalidArgument(f"{self.method}: the score {bad} of {self.output} is not finite")

    def _expected_shape(self) -> tuple[int, ...]:
        n_nodes = len(self.node_labels)
        if self.over == "nodes":
            return (n_nodes,)
        if self.over == "node_features":
            return (n_nodes, len(self.labels))
        if self.over == "edges":
            if self.edge_index is None:
                raise InvalidArgument("scores over edges need their edge_index")
            return (self.edge_index.shape[1],)
        return (len(self.labels),)

    @property
    def magnitudes(self) -> NDArray[np.float64]:
        """Absolute scores, of the same shape: what ranks and colors."""
        return np.abs(self.scores)

    @property
    def names(self) -> list[str]:
        """One name for each row of the scores: nodes, labels, or ``sender-receiver`` of edges."""
        if self.over in ("nodes", "node_features"):
            return list(self.node_labels)
        if self.over == "edges":
            assert self.edge_index is not None
            return [f"{self.node_labels[i]}-{self.node_labels[j]}" for i, j in self.edge_index.T]
        return list(self.labels)
