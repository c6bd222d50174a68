"""Perturbation: the output without a part of the frame, ground truth for the other methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation
from gnncv.explain.frames import with_progress
from gnncv.explain.perturbed.groups import Groups, Wanted, groups_of
from gnncv.explain.perturbed.target import GraphTarget, Target, target_of
from gnncv.explain.selection import Selected

Array = NDArray[np.float64]


def perturbation(
    model: Any,
    graph: Any = None,
    by: str | Mapping[str, Selected] = "atom",
    output: int | str = 0,
    *,
    freeze: Atoms | None = None,
    only: Sequence[str | int] | str | int | None = None,
    center: int | None = None,
    within: float | None = None,
    boundaries: Sequence[float] | None = None,
    molecules: Sequence[int] | NDArray[np.int64] | None = None,
    device: str = "cpu",
    show_progress: bool = True,
) -> Explanation:
    """Remove parts of a frame one after the other, or hold them where they were, and look at the output.

    The score of a group is F(frame) - F(perturbed frame): what the output owes to it. Nothing is
    approximated; it costs one evaluation (without gradients) for each group.

    Parameters
    ----------
    model : path-like, CollectiveVariable, callable, GraphFunction, trained model or torch module
        An exported model, or a function of `ase.Atoms` that returns the value (or value and gradient): atoms
        are deleted from the frame, and what is left is evaluated anew. A function of a graph, or a model that
        has only one: edges are taken out by their gates, or, where there are none, stretched to where they no
        longer act; nodes stay.
    graph : ase.Atoms or torch_geometric.data.Data
        The frame, or what the model's graph functions take; not needed with a GraphFunction.
    by : str or mapping
        What is perturbed together:

        - ``"atom"``: each node; of a model of molecules each molecule, whole.
        - ``"molecule"``: by ``molecules=`` ((N,) numbers), else as sites or bonds say (`Explanation.by`).
        - ``"species"``: all nodes of a species, or of a kind of molecule.
        - ``"neighbor"``: each neighbor of ``center=`` (a node's number, from 0): nodes ``within=`` angstrom
          (by default the model's cutoff); of a graph function only the edges from it to the center.
        - ``"shell"``: the neighbors of ``center=`` by distance, up to ``boundaries=`` (angstrom) or between
          minima of the pair distances; of a graph function edges by length, those to the center where one is
          given.
        - ``"edge"``, ``"pair"``: each directed edge; each pair of nodes with both directions and all images.
        - A mapping of names to atoms (indices, species, or masks; of a graph function its nodes).

        Of a graph function, removing nodes takes out all edges that end at them.
    output : int or str
        Which output.
    freeze : ase.Atoms, optional
        A reference frame of the same atoms and cell. Instead of being removed, each group is held at the
        reference's positions while the rest is as in the frame: how the change between the two is shared out.
    only : names or numbers of groups, optional
        Evaluate only these.
    center, within, boundaries, molecules
        See `by`.
    device : str
        Of a model that is loaded here.
    show_progress : bool
        Whether to show a progress bar on standard error.

    Returns
    -------
    Explanation
        Over nodes (by atom), edges (by edge) or groups. Where the groups share out all that there is,
        `details` has the value with all of it perturbed (``"all removed"``, of edges; ``"reference"``, of a
        frozen frame) and `completeness_gap` is the sum of the scores minus that change: zero for a sum of
        contributions, the interaction of groups otherwise.

    Raises
    ------
    InvalidArgument
        Groups that are not there or cut a molecule, a group that is the whole frame, a reference of other
        atoms or another cell, a model that has no edges.

    Notes
    -----
    An output that is an average over sites changes when any atom is removed, as the others then count for
    more: an atom beyond every cutoff scores (F_i - F) / (N - 1) with F_i its own contribution. Of sums over
    sites, and with gates or frozen atoms, such an atom scores zero.

    Examples
    --------
    >>> perturbation(cv, atoms, "shell", "progress", center=0)  # doctest: +SKIP
    >>> perturbation(cv, atoms, {"water": water}, "progress", freeze=first_frame)  # doctest: +SKIP
    """
    target = target_of(model, graph, output, device, edges=by in ("edge", "pair"))
    wanted = Wanted(by, center, within, boundaries, molecules, frozen=freeze is not None)
    every = groups_of(target, wanted)
    groups = every.only(only)
    positions = None if freeze is None else _reference(target, freeze)
    scores = np.zeros(len(groups.names))
    for k, members in enumerate(with_progress(groups.members, "perturbation", show_progress, unit="group")):
        if len(members):
            scores[k] = target.value - _perturbed(target, members, positions)
    whole = None
    if every.complete and only is None:
        whole = _all_perturbed(target, groups, positions)
    return _explanation(target, groups, scores, whole, frozen=positions is not None)


def _perturbed(target: Target, members: NDArray[np.int64], positions: Array | None) -> float:
    return target.without(members) if positions is None else target.moved(members, positions)


def _reference(target: Target, freeze: Any) -> Array:
    """Positions to hold atoms at (N, 3)."""
    atoms = target.atoms
    if not isinstance(freeze, Atoms):
        raise InvalidArgument(f"freeze is a {type(freeze).__name__}; give the reference frame, ase.Atoms")
    if atoms is None:
        raise InvalidArgument("only atoms can be frozen; this graph has no frame")
    if not np.array_equal(freeze.numbers, atoms.numbers):
        raise InvalidArgument(
            f"the reference is {freeze.get_chemical_formula()} and the frame "
            f"{atoms.get_chemical_formula()}, or their atoms are in another order"
        )
    same = np.allclose(freeze.cell.array, atoms.cell.array, rtol=0.0, atol=1e-8)
    if not same or not np.array_equal(freeze.pbc, atoms.pbc):
        raise InvalidArgument(
            "the reference has another cell than the frame: bring it there, "
            "reference.set_cell(frame.cell, scale_atoms=True)"
        )
    return np.array(freeze.positions, dtype=np.float64)


def _all_perturbed(target: Target, groups: Groups, positions: Array | None) -> float | None:
    """The output with everything perturbed; of a frame with nothing left there is none."""
    if positions is None and not isinstance(target, GraphTarget):
        return None
    members = np.concatenate([*groups.members, np.zeros(0, dtype=np.int64)])
    return _perturbed(target, members, positions) if len(members) else target.value


def _explanation(
    target: Target, groups: Groups, scores: Array, whole: float | None, frozen: bool
) -> Explanation:
    blank = target.blank
    gap, details = None, {}
    if whole is not None:
        gap = float(scores.sum() - (target.value - whole))
        details["reference" if frozen else "all removed"] = whole
    edges = target.edges if groups.over == "edges" and isinstance(target, GraphTarget) else None
    return Explanation(
        scores=scores,
        over=groups.over,
        node_labels=blank.node_labels,
        labels=groups.names if groups.over == "groups" else (),
        output=blank.output,
        method="freezing" if frozen else "removal",
        units="1",
        model_hash=blank.model_hash,
        value=target.value,
        edge_index=None if edges is None else edges.edge_index,
        edge_vectors=None if edges is None else edges.edge_vectors,
        atoms=blank.atoms,
        node_of_atom=blank.node_of_atom,
        completeness_gap=gap,
        details=details,
    )
