"""The one result of every explainer: scores of nodes, edges, features, frames or groups of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.files.atomic import PathLike

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from gnncv.explain.grouping import ScoreTable

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
        self._check_graph()

    def _check_graph(self) -> None:
        """Arrays beside the scores fit the nodes, edges and atoms."""
        n_nodes = len(self.node_labels)
        edges, owners = self.edge_index, self.node_of_atom
        if self.spread is not None and self.spread.shape != self.scores.shape:
            raise InvalidArgument(f"spread has shape {self.spread.shape}, the scores {self.scores.shape}")
        if edges is not None and edges.size and not 0 <= edges.min() <= edges.max() < n_nodes:
            raise InvalidArgument(f"edge_index has nodes {edges.min()} to {edges.max()} of {n_nodes}")
        if self.edge_vectors is not None and (
            edges is None or self.edge_vectors.shape != (edges.shape[1], 3)
        ):
            raise InvalidArgument(
                f"edge_vectors have shape {self.edge_vectors.shape}; one (3,) for each edge"
            )
        if owners is not None and owners.size and not 0 <= owners.min() <= owners.max() < n_nodes:
            raise InvalidArgument(f"node_of_atom has nodes {owners.min()} to {owners.max()} of {n_nodes}")
        if self.atoms is not None and self.over not in ("frames", "groups"):
            expected = n_nodes if owners is None else len(owners)
            if len(self.atoms) != expected:
                raise InvalidArgument(
                    f"the frame has {len(self.atoms)} atoms and the graph {expected}; where nodes are not "
                    "the atoms, give node_of_atom"
                )

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

    def undirected(self, magnitudes: bool = False) -> dict[tuple[int, int], float]:
        """Scores of unordered pairs of nodes, both directions of an edge (and its images) added up.

        Parameters
        ----------
        magnitudes
            Whether the absolute scores are added instead.

        Returns
        -------
        ``{(u, v): score}``, numbers of nodes from 0, u <= v.

        Raises
        ------
        InvalidArgument
            If the scores are not over edges.
        """
        from gnncv.explain.nodes import undirected

        return undirected(self, magnitudes)

    def by(self, kind: str, **options: Any) -> ScoreTable:
        """Add the scores up by groups; the groups' sums add up to the sum of all scores.

        Parameters
        ----------
        kind
            - ``"site"``: the nodes. Features count for their node; a directed edge gives half of its score to
              each of its two ends.
            - ``"atom"``: as ``"site"``, and a site's score in equal parts to its atoms.
            - ``"species"``: nodes by element, or by the name of the kind of site.
            - ``"molecule"``: nodes by molecule: those of ``molecules=`` ((N,) numbers, one for each atom);
              else the sites; else what bonds guessed from covalent radii join; without a frame, what edges
              join.
            - ``"pair"``, ``"species pair"``: edges by unordered pair, both directions added up.
            - ``"shell"``: edges by length; or nodes by distance from ``center=`` (a node's number, from 0, or
              a point). ``boundaries=`` (angstrom) end the shells; else they are found as minima of the
              histogram of pair distances, see :func:`gnncv.explain.shell_boundaries`. Of nodes they go on
              from the last minimum, each as wide as the first.
            - ``"angle"``: edges by the angles at their receiver that they make with its other bonds: an edge
              with m of them gives 1/m of its score to each, so an angle has what its two bonds give it. Bonds
              are edges shorter than ``within=`` (angstrom), by default the first shell; longer ones, and
              bonds without another at their center, are groups of their own. Bins are ``width=15`` degrees
              wide. With ``axis=`` (3,): edges by the angle they make with that axis, 0 to 90 degrees,
              ``width=10``.
            - ``"feature"``: node features by feature.
            - ``"label"``: every score by itself.
        options
            Those named above.

        Raises
        ------
        InvalidArgument
            An unknown kind or option, or one that the scores cannot be grouped by.
        """
        from gnncv.explain.grouping import group

        return group(self, kind, **options)

    def top(self, k: int, signed: bool = False) -> ScoreTable:
        """The k highest: nodes, node features, unordered pairs, frames or groups.

        Parameters
        ----------
        k
            How many, at most.
        signed
            Rank by score instead of by its magnitude.
        """
        return self.by("pair" if self.over == "edges" else "label").top(k, signed)

    def subgraph(self, k: int, data: Any = None, signed: bool = False) -> Any:
        """The top-k explanatory subgraph.

        Of scores over edges: the k unordered pairs with the highest scores, both directions added up, and
        the nodes they join; isolated nodes are removed. Of scores over nodes or their features: the k highest
        nodes and the edges among them; a high node stays, even if none of its neighbors is among them.

        Parameters
        ----------
        k
            How many pairs or nodes, at most.
        data
            The torch_geometric graph that was explained (`gnncv[explain]`).
        signed
            Rank by score instead of by its magnitude.

        Returns
        -------
        networkx.Graph; its nodes are numbers from 0 with ``label``, ``species`` and ``score``, its edges
        (of scores over edges) have ``score``. With `data` a torch_geometric.data.Data of its kind, with
        everything its nodes and edges have, and ``node_number``, the nodes' numbers in `data`.
        """
        from gnncv.explain.subgraph import explanatory_data, explanatory_subgraph

        if data is not None:
            return explanatory_data(self, k, data, signed)
        return explanatory_subgraph(self, k, signed)

    def to_extxyz(self, path: PathLike, overwrite: bool = False) -> Path:
        """Write the frame with scores as columns, see :func:`gnncv.explain.write_extxyz`."""
        from gnncv.explain.formats import write_extxyz

        return write_extxyz(self, path, overwrite)

    def to_pdb(self, path: PathLike, overwrite: bool = False) -> Path:
        """Write the frame as PDB with the scores of nodes as temperature factors (VMD: color by Beta).

        The factors go from 0 to 99.99: scores that are all positive from 0 on, signed ones around 49.995. The
        line ``REMARK   6 SCORE = (B - zero) * slope`` gives scores back, to 1e-4 of the largest. Sites are
        residues. Beyond 99999 atoms their numbers are hybrid-36 ones (A0000); residues begin anew beyond
        9999.

        Raises
        ------
        InvalidArgument
            Without a frame, of scores over training frames or groups, for coordinates that do not fit.
        OutputExists
            If the file exists and `overwrite` is false.
        """
        from gnncv.explain.formats import write_pdb

        return write_pdb(self, path, overwrite)

    def to_csv(self, path: PathLike, overwrite: bool = False) -> Path:
        """Write one row for each score as CSV, with the columns of :meth:`to_dataframe`."""
        from gnncv.explain.formats.table import to_columns, write_columns

        return write_columns(to_columns(self), path, overwrite)

    def to_dataframe(self) -> pandas.DataFrame:
        """One row for each score, as pandas.DataFrame (`gnncv[explain]`).

        Columns: of nodes ``node`` (label), ``number`` (from 1), ``species``, ``x``, ``y``, ``z`` (angstrom,
        where there is a frame), and ``feature`` for node features; of edges ``sender``, ``sender_number``,
        ``receiver``, ``receiver_number`` and ``distance`` (angstrom, where known); else ``frame`` or
        ``group``. Then ``score``, ``magnitude``, ``spread`` (where there is one), ``output``, ``method``,
        ``units``. Model hash, value and the like are in the frame's ``attrs``.
        """
        from gnncv.explain.formats.table import dataframe, to_columns

        attributes = {"model_hash": self.model_hash, "value": self.value, "n_frames": self.n_frames}
        return dataframe(to_columns(self), attributes | self.details)

    def plot(
        self, kind: str = "top", path: PathLike | None = None, overwrite: bool = False, **options: Any
    ) -> Figure:
        """Draw the scores.

        Parameters
        ----------
        kind
            - ``"top"``: the ``k=15`` highest as bars, with the spread over frames where known.
            - ``"species"``: by species and shell (``boundaries=``, ``center=`` as in :meth:`by`).
            - ``"profile"``: over distance, or angle (``over="angle"``).
            - ``"3d"``: the frame as shaded spheres (``view=(elevation, azimuth)``, ``axes=``, ...).
            - ``"graph"``: a molecular graph, its edges colored.
        path
            Where to save it; the suffix chooses the format.
        overwrite
            Whether that file may be replaced.
        options
            Of the kind, see `gnncv.explain.pictures`; and ``dpi=200``, of a saved picture.

        Returns
        -------
        The figure, which notebooks show.
        """
        from gnncv.explain.pictures import draw

        return draw(self, kind, path, overwrite, **options)
