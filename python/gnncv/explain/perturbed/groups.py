"""Which nodes, edges or atoms are perturbed together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation, Over
from gnncv.explain.grouping.kinds import assign
from gnncv.explain.nodes import atoms_of_nodes, center_distances, edge_vectors, node_species
from gnncv.explain.perturbed.target import FrameTarget, GraphTarget, Target
from gnncv.explain.selection import Selected, chosen

Integers = NDArray[np.int64]
By = Literal["atom", "neighbor", "molecule", "species", "shell", "edge", "pair"]


@dataclass(frozen=True)
class Groups:
    """Names and members: nodes of a frame, edges of a graph, or, where positions change, atoms.

    Attributes
    ----------
    names, members
        Of the G groups.
    over
        What the scores of all of them are over.
    complete
        Whether each node, edge or atom is in one group and one only.
    """

    names: list[str]
    members: list[Integers]
    over: Over = "groups"
    complete: bool = False

    def only(self, chosen: Sequence[str | int] | str | int | None) -> Groups:
        """Some of them, by name or number."""
        if chosen is None:
            return self
        wanted = [chosen] if isinstance(chosen, str | int | np.integer) else list(chosen)
        numbers = [self._number(one) for one in wanted]
        return Groups([self.names[k] for k in numbers], [self.members[k] for k in numbers])

    def _number(self, one: str | int) -> int:
        if isinstance(one, str):
            if one not in self.names:
                shown = ", ".join(self.names[:10]) + (", ..." if len(self.names) > 10 else "")
                raise InvalidArgument(f"there is no group {one!r}; there are {shown or 'none'}")
            return self.names.index(one)
        if not 0 <= one < len(self.names):
            raise InvalidArgument(f"there is no group number {one}; there are {len(self.names)}, from 0")
        return int(one)


@dataclass(frozen=True)
class Wanted:
    """How groups are made; see `perturbation`."""

    by: str | Mapping[str, Selected]
    center: int | None = None
    within: float | None = None
    boundaries: Sequence[float] | None = None
    molecules: Any = None
    frozen: bool = False


def groups_of(target: Target, wanted: Wanted) -> Groups:
    """The groups of a target, their members as `Target` takes them."""
    _check(wanted, len(target.blank.node_labels))
    cutoff = target.cutoff if isinstance(target, FrameTarget) else None
    if wanted.frozen:
        return _of_atoms(target.blank, wanted, cutoff)
    if isinstance(target, GraphTarget):
        return _of_edges(target, wanted)
    if not isinstance(wanted.by, str):
        return _whole_nodes(target.blank, _given(wanted.by, _symbols(target.blank)))
    return _of_nodes(target.blank, wanted, cutoff)


def _check(wanted: Wanted, n_nodes: int) -> None:
    if wanted.center is not None and not -n_nodes <= wanted.center < n_nodes:
        raise InvalidArgument(f"center is node {wanted.center} of {n_nodes}")
    if isinstance(wanted.by, str):
        if wanted.by not in get_args(By):
            raise InvalidArgument(
                f"by is {wanted.by!r}; choose {', '.join(get_args(By))}, or give groups: name -> atoms"
            )
        if wanted.by == "neighbor" and wanted.center is None:
            raise InvalidArgument("neighbors are those of a center: give center, the number of a node from 0")
        if wanted.frozen and wanted.by in ("edge", "pair"):
            raise InvalidArgument(
                f"a frozen {wanted.by} has no meaning: atoms are held, by atom or in groups"
            )
    allowed = {
        "neighbor": {"center", "within"},
        "shell": {"center", "boundaries"},
        "molecule": {"molecules"},
    }
    for option in ("center", "within", "boundaries", "molecules"):
        kinds = [kind for kind, options in allowed.items() if option in options]
        if getattr(wanted, option) is not None and wanted.by not in kinds:
            raise InvalidArgument(f"{option} is for by={' or '.join(map(repr, kinds))}, not {wanted.by!r}")


def _of_nodes(blank: Explanation, wanted: Wanted, cutoff: float | None = None) -> Groups:
    """Groups of nodes, by what is known of the frame or graph."""
    labels = list(blank.node_labels)
    if wanted.by == "atom":
        return Groups(labels, [np.array([k]) for k in range(len(labels))], "nodes", True)
    if wanted.by == "neighbor":
        return _neighbors(blank, wanted, cutoff)
    options: dict[str, Any] = {"molecules": wanted.molecules} if wanted.by == "molecule" else {}
    if wanted.by == "shell":
        options = {"center": wanted.center, "boundaries": wanted.boundaries}
    found = assign(blank, str(wanted.by), **options)
    if len(found.entry) != len(labels):
        raise InvalidArgument("molecules that are parts of sites cannot be taken out; leave molecules out")
    group = found.group
    if wanted.center is not None:  # the center itself stays
        group = np.where(np.arange(len(group)) == wanted.center % len(group), -1, group)
    return _numbered(group, list(found.names), complete=wanted.center is None)


def _given(by: Mapping[str, Selected], species: Sequence[str]) -> Groups:
    """Groups that were given, of atoms or nodes."""
    members = [chosen(some, species, f"the group {name!r}") for name, some in by.items()]
    every = np.concatenate([*members, np.zeros(0, dtype=np.int64)])
    complete = np.array_equal(np.sort(every), np.arange(len(species)))
    return Groups(list(by), members, "groups", complete)


def _symbols(blank: Explanation) -> list[str]:
    assert blank.atoms is not None
    return list(blank.atoms.get_chemical_symbols())


def _whole_nodes(blank: Explanation, groups: Groups) -> Groups:
    """The nodes whose atoms were given; an atom of a molecule does not go alone."""
    owners = atoms_of_nodes(blank)
    sizes = np.bincount(owners)
    members = []
    for name, some in zip(groups.names, groups.members, strict=True):
        counts = np.bincount(owners[some], minlength=len(sizes))
        cut = np.flatnonzero((counts > 0) & (counts < sizes))
        if len(cut):
            raise InvalidArgument(f"the group {name!r} cuts {blank.node_labels[cut[0]]}: molecules go whole")
        members.append(np.flatnonzero(counts))
    return Groups(groups.names, members)


def _of_atoms(blank: Explanation, wanted: Wanted, cutoff: float | None) -> Groups:
    """Groups of atoms that are held together."""
    if blank.atoms is None:
        raise InvalidArgument("only atoms can be frozen; this graph has no frame")
    if not isinstance(wanted.by, str):
        return _given(wanted.by, _symbols(blank))
    nodes = _of_nodes(blank, wanted, cutoff)
    owners = atoms_of_nodes(blank)
    members = [np.flatnonzero(np.isin(owners, some)) for some in nodes.members]
    return Groups(nodes.names, members, nodes.over, nodes.complete)


def _neighbors(blank: Explanation, wanted: Wanted, cutoff: float | None) -> Groups:
    reach = cutoff if wanted.within is None else wanted.within
    if reach is None:
        raise InvalidArgument("how far a neighbor may be is not known of this model: give within, angstrom")
    assert wanted.center is not None
    distances = center_distances(blank, wanted.center)
    near = np.flatnonzero(distances <= reach)
    near = near[near != wanted.center % len(distances)]
    return Groups([blank.node_labels[k] for k in near], [np.array([k]) for k in near])


def _numbered(group: Integers, names: list[str], complete: bool) -> Groups:
    """Members of each numbered group, also of those that have none; negative numbers are in no group."""
    order = np.argsort(group, kind="stable")
    ends = np.searchsorted(group[order], np.arange(len(names) + 1))
    members = [order[start:end] for start, end in pairwise(ends)]
    return Groups(names, members, "groups", complete)


def _of_edges(target: GraphTarget, wanted: Wanted) -> Groups:
    """Edges of a graph function: each, by pair or length, those to a center, or all that touch nodes."""
    senders, receivers = target.function.edge_index.detach().cpu().numpy()
    if not isinstance(wanted.by, str):
        return _touching(_given(wanted.by, node_species(target.blank)), senders, receivers)
    if wanted.by == "edge":
        return Groups(target.edges.names, [np.array([k]) for k in range(len(senders))], "edges", True)
    if wanted.by in ("pair", "shell"):
        options = {"boundaries": wanted.boundaries} if wanted.by == "shell" else {}
        found = assign(target.edges, wanted.by, **options)
        group = found.group
        if wanted.center is not None:
            group = np.where(receivers == wanted.center % len(target.blank.node_labels), group, -1)
        return _numbered(group, list(found.names), complete=wanted.center is None)
    if wanted.by == "neighbor":
        assert wanted.center is not None
        received = receivers == wanted.center % len(target.blank.node_labels)
        if wanted.within is not None:
            received &= np.linalg.norm(edge_vectors(target.edges), axis=1) <= wanted.within
        near = np.unique(senders[received])
        members = [np.flatnonzero(received & (senders == sender)) for sender in near]
        return Groups([target.blank.node_labels[sender] for sender in near], members)
    return _touching(_of_nodes(target.blank, wanted), senders, receivers)


def _touching(nodes: Groups, senders: Integers, receivers: Integers) -> Groups:
    """All edges with an end among the nodes of each group."""
    members = [np.flatnonzero(np.isin(senders, some) | np.isin(receivers, some)) for some in nodes.members]
    return Groups(nodes.names, members, nodes.over)
