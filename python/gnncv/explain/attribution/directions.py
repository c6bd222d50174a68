"""The two directions of a pair: one vector, so one score for the two."""

from __future__ import annotations

import torch
from torch import Tensor

from gnncv.errors import InvalidArgument
from gnncv.explain.attribution.graph_function import GraphFunction

TOLERANCE = 1e-6  # angstrom


def both_directions(function: GraphFunction, by_vector: Tensor) -> Tensor:
    """What belongs to a pair's vector, taken from both of its directions: half of it to each.

    The vectors of the two directions are opposite, so a model may read either, and tables and networks of the
    same model do so differently: single derivatives by ``r_ij`` and by ``r_ji`` depend on how it is written,
    the derivative by the one vector, ``dF/dr_ij - dF/dr_ji``, does not.

    Parameters
    ----------
    function : GraphFunction
    by_vector : Tensor
        ``(E, 3)`` derivatives by vectors.

    Returns
    -------
    Tensor
        ``(E, 3)``: half of ``dF/dr_ij - dF/dr_ji``.

    Raises
    ------
    InvalidArgument
        If an edge has no reverse.
    """
    return 0.5 * (by_vector - by_vector[reverse_edges(function)])


def reverse_edges(function: GraphFunction) -> Tensor:
    """``(E,)`` the edge of opposite vector between the same nodes; `InvalidArgument` without one."""
    sender, receiver = function.edge_index
    vectors = function.inputs["vectors"].detach()
    # periodic images of a pair differ by their vectors, of which a length along no special direction tells
    along = vectors @ torch.tensor([0.36, 0.48, 0.80], dtype=vectors.dtype, device=vectors.device)
    forward, backward = _order(sender, receiver, along), _order(receiver, sender, -along)
    reverse = torch.empty_like(forward)
    reverse[forward] = backward
    matched = (sender == receiver[reverse]) & (receiver == sender[reverse])
    apart = (vectors + vectors[reverse]).norm(dim=1)
    if not bool((matched & (apart < TOLERANCE)).all()):
        bad = int(torch.nonzero(~(matched & (apart < TOLERANCE)))[0])
        names = [function.node_labels[int(ends[bad])] for ends in (sender, receiver)]
        raise InvalidArgument(f"the edge {'-'.join(names)} is there in one direction only")
    return reverse


def _order(first: Tensor, second: Tensor, third: Tensor) -> Tensor:
    """Sorted by the first, then the second, then the third."""
    order = third.argsort(stable=True)
    order = order[second[order].argsort(stable=True)]
    return order[first[order].argsort(stable=True)]
