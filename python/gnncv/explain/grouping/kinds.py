"""By what scores can be grouped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation
from gnncv.explain.grouping.angles import axis_angles, bond_angles
from gnncv.explain.grouping.assignment import Assignment, first_come, to_nodes
from gnncv.explain.grouping.bonds import pairs, species_pairs
from gnncv.explain.grouping.molecules import by_molecule
from gnncv.explain.grouping.shells import edge_shells, node_shells
from gnncv.explain.grouping.table import ScoreTable
from gnncv.explain.nodes import atoms_of_nodes, need_nodes, node_species

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

Kind = Literal[
    "site", "atom", "pair", "species", "species pair", "molecule", "shell", "angle", "feature", "label"
]
KINDS: tuple[str, ...] = get_args(Kind)

# What each kind can be told; anything else given is a mistake.
_OPTIONS = {
    "molecule": {"molecules"},
    "shell": {"boundaries", "center"},
    "angle": {"within", "width", "axis"},
}


def group(
    explanation: Explanation,
    by: str,
    *,
    molecules: Sequence[int] | Integers | None = None,
    boundaries: Sequence[float] | Array | None = None,
    center: int | Array | None = None,
    within: float | None = None,
    width: float | None = None,
    axis: Sequence[float] | Array | None = None,
) -> ScoreTable:
    """Add the scores of an explanation up by groups, see `Explanation.by`."""
    if by not in KINDS:
        raise InvalidArgument(f"cannot group by {by!r}; group by {', '.join(KINDS)}")
    options = {
        "molecules": molecules,
        "boundaries": boundaries,
        "center": center,
        "within": within,
        "width": width,
        "axis": axis,
    }
    given = {name: value for name, value in options.items() if value is not None}
    if unknown := sorted(set(given) - _OPTIONS.get(by, set())):
        raise InvalidArgument(f"groups by {by} take no {', '.join(unknown)}")
    return assign(explanation, by, **given).table(explanation, by)


def assign(explanation: Explanation, by: str, **options: Any) -> Assignment:
    """Which part of each score goes to which group."""
    if by == "label":
        return _labels(explanation)
    need_nodes(explanation, f"grouping by {by}")
    if by == "site":
        return to_nodes(explanation)
    if by == "atom":
        return _atoms(explanation)
    if by == "species":
        number, names = first_come(node_species(explanation))
        return to_nodes(explanation).regroup(number, names)
    if by == "molecule":
        return by_molecule(explanation, options.get("molecules"))
    if by == "feature":
        return _features(explanation)
    if by == "pair":
        return pairs(explanation)
    if by == "species pair":
        return species_pairs(explanation)
    if by == "shell":
        return _shells(explanation, **options)
    return _angles(explanation, **options)


def _shells(
    explanation: Explanation,
    boundaries: Sequence[float] | Array | None = None,
    center: int | Array | None = None,
) -> Assignment:
    if center is not None:
        return node_shells(explanation, center, boundaries)
    if explanation.over != "edges":
        raise InvalidArgument(
            f"shells of {explanation.over} need center=: the number of a node or a point; only edges have "
            "lengths of their own"
        )
    return edge_shells(explanation, boundaries)


def _angles(
    explanation: Explanation,
    within: float | None = None,
    width: float | None = None,
    axis: Sequence[float] | Array | None = None,
) -> Assignment:
    if axis is None:
        return bond_angles(explanation, within, width if width is not None else 15.0)
    if within is not None:
        raise InvalidArgument("angles with an axis take all edges: leave out within, or axis")
    return axis_angles(explanation, axis, width if width is not None else 10.0)


def _atoms(explanation: Explanation) -> Assignment:
    nodes = to_nodes(explanation)
    if explanation.node_of_atom is None:
        return Assignment(
            nodes.entry, nodes.group, nodes.weight, nodes.names, nodes.count, "atoms", members=nodes.members
        )
    owners = atoms_of_nodes(explanation)
    symbols = explanation.atoms.get_chemical_symbols() if explanation.atoms is not None else []
    names = [f"{symbol}{i}" for i, symbol in enumerate(symbols or ["atom "] * len(owners), start=1)]
    return nodes.split(owners, names, "atoms")


def _features(explanation: Explanation) -> Assignment:
    if explanation.over != "node_features":
        raise InvalidArgument(f"feature needs scores over node_features; these are over {explanation.over}")
    n, n_features = explanation.scores.shape
    every = np.arange(n * n_features)
    count = np.full(n_features, n, dtype=np.int64)
    return Assignment(
        every,
        np.tile(np.arange(n_features), n),
        np.ones(len(every)),
        list(explanation.labels),
        count,
        "nodes",
    )


def _labels(explanation: Explanation) -> Assignment:
    """Every score by itself: nodes, features of nodes, edges, frames or groups."""
    names = explanation.names
    if explanation.over == "node_features":
        names = [f"{node} {feature}" for node in names for feature in explanation.labels]
    every, ones = np.arange(len(names)), np.ones(len(names), dtype=np.int64)
    return Assignment(every, every, np.ones(len(names)), names, ones, "scores", members=every)
