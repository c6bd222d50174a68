"""The nodes of an explanation: their species, places and distances, and what was scored among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.geometry import find_mic
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument

if TYPE_CHECKING:
    from gnncv.explain.explanation import Explanation

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


def need_nodes(explanation: Explanation, what: str) -> None:
    """InvalidArgument unless nodes, their features or their edges were scored."""
    if explanation.over not in ("nodes", "node_features", "edges"):
        raise InvalidArgument(
            f"{what} needs scores over nodes, node_features or edges; {explanation.method} scored "
            f"{explanation.over}"
        )


def need_edges(explanation: Explanation, what: str) -> Integers:
    """The edge index; InvalidArgument unless edges were scored."""
    if explanation.over != "edges" or explanation.edge_index is None:
        raise InvalidArgument(
            f"{what} needs scores over edges; {explanation.method} scored {explanation.over}"
        )
    return explanation.edge_index


def atoms_of_nodes(explanation: Explanation) -> Integers:
    """(N,) node of each atom: itself, where nodes are the atoms."""
    if explanation.node_of_atom is not None:
        return explanation.node_of_atom
    return np.arange(len(explanation.node_labels))


def node_scores(explanation: Explanation, magnitudes: bool = False) -> Array:
    """(n,) scores of nodes: features summed to their node, half of each directed edge given to each end.

    With `magnitudes` the absolute scores are summed, so that nothing cancels. The sum over the nodes is the
    sum of all scores (of all absolute scores).
    """
    need_nodes(explanation, "a score per node")
    scores = explanation.magnitudes if magnitudes else explanation.scores
    if explanation.over == "nodes":
        return scores
    if explanation.over == "node_features":
        return np.asarray(scores.sum(axis=1))
    ends = need_edges(explanation, "a score per node")
    n = len(explanation.node_labels)
    halves = 0.5 * scores
    return np.asarray(np.bincount(ends.reshape(-1), np.tile(halves, 2), minlength=n), dtype=np.float64)


def undirected(explanation: Explanation, magnitudes: bool = False) -> dict[tuple[int, int], float]:
    """Scores of unordered pairs (u, v), u <= v: both directions, and all periodic images, added up.

    Parameters
    ----------
    explanation
        Over edges.
    magnitudes
        Whether absolute scores are added, as the molecules of torch_geometric's tutorials are drawn.

    Returns
    -------
    Pairs of node numbers (from 0) in the order of their first edge.
    """
    ends = need_edges(explanation, "a score per pair")
    scores = explanation.magnitudes if magnitudes else explanation.scores
    sums: dict[tuple[int, int], float] = {}
    for u, v, score in zip(*np.sort(ends, axis=0).tolist(), scores.tolist(), strict=True):
        sums[u, v] = sums.get((u, v), 0.0) + score
    return sums


def node_species(explanation: Explanation) -> list[str]:
    """Species of the n nodes: the element of an atom, else the node's label without its number."""
    symbols: dict[int, str] = {}
    if explanation.atoms is not None:
        owners = atoms_of_nodes(explanation)
        sizes = np.bincount(owners, minlength=len(explanation.node_labels))
        listed = explanation.atoms.get_chemical_symbols()
        symbols = {int(node): listed[a] for a, node in enumerate(owners) if sizes[node] == 1}
    names = []
    for node, label in enumerate(explanation.node_labels):
        # a formula ends in a number of its own: C6H6 and number 3 make C6H63
        plain = label.removesuffix(str(node + 1))
        plain = plain if plain != label else label.rstrip("0123456789")
        names.append(symbols.get(node) or plain.rstrip(" _-#:") or label)
    return names


def node_positions(explanation: Explanation) -> Array:
    """(n, 3) angstrom: atoms, or the mean position of a site's atoms (whole across boundaries).

    Raises
    ------
    InvalidArgument
        Without a frame.
    """
    atoms = explanation.atoms
    if atoms is None:
        raise InvalidArgument(
            f"positions of nodes need a frame; this explanation by {explanation.method} has none"
        )
    if explanation.node_of_atom is None:
        return np.array(atoms.positions)
    owners, n = explanation.node_of_atom, len(explanation.node_labels)
    known, where = np.unique(owners, return_index=True)
    if len(known) != n:
        raise InvalidArgument(f"{n - len(known)} of {n} nodes have no atom, hence no position")
    first = atoms.positions[where]
    offsets, _ = find_mic(atoms.positions - first[owners], atoms.cell, atoms.pbc)
    sums = np.stack([np.bincount(owners, offsets[:, axis], minlength=n) for axis in range(3)], axis=1)
    return first + sums / np.bincount(owners, minlength=n)[:, None]


def edge_vectors(explanation: Explanation) -> Array:
    """(E, 3) angstrom, sender minus receiver: as given, else between the closest images of the nodes."""
    ends = need_edges(explanation, "a vector per edge")
    if explanation.edge_vectors is not None:
        return explanation.edge_vectors
    if explanation.atoms is None:
        raise InvalidArgument(
            "lengths and directions of edges need edge_vectors or a frame; there are neither"
        )
    positions = node_positions(explanation)
    vectors, _ = find_mic(
        positions[ends[0]] - positions[ends[1]], explanation.atoms.cell, explanation.atoms.pbc
    )
    return np.asarray(vectors)


def center_distances(explanation: Explanation, center: int | Array) -> Array:
    """(n,) angstrom: distance of each node from a node (its number, from 0) or from a point (3,)."""
    positions = node_positions(explanation)
    assert explanation.atoms is not None
    if np.ndim(center) == 0:
        number = int(np.asarray(center))
        if not -len(positions) <= number < len(positions):
            raise InvalidArgument(f"center is node {number} of {len(positions)}")
        point = positions[number]
    else:
        point = np.asarray(center, dtype=np.float64)
        if point.shape != (3,):
            raise InvalidArgument(
                f"center has shape {point.shape}; give the number of a node or a point (3,)"
            )
    _, distances = find_mic(positions - point, explanation.atoms.cell, explanation.atoms.pbc)
    return np.asarray(distances)
