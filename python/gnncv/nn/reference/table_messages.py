"""Message passing whose filters are tabulated functions of distance, for each pair of species."""

import torch
from torch import Tensor

from .half_lists import both_directions
from .message_passing import message_passing
from .segment_sum import segment_centers
from .tables import table_functions


def table_messages(
    distances: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    types: Tensor,
    table: Tensor,
    cutoff: float,
    features: Tensor,
    half_begin: Tensor | None = None,
) -> Tensor:
    """``sum_j F_c(d_ij) x_jc`` with the filters ``F`` of the species of both ends from a table.

    The continuous-filter convolution of SchNet (K. T. Schuett et al., J. Chem. Phys. 148, 241722, 2018,
    eq. 7). The fused operator's gradients need each bond in both directions, or half a list.

    Parameters
    ----------
    distances
        ``(P,)``, angstrom, from zero to the cutoff.
    neighbor, row_ptr
        Integers ``(P,)`` and ``(N+1,)``.
    types
        ``(N,)`` int64; not looked at if there is one table.
    table
        ``(1, intervals, 6, C)`` for all species alike, or ``(S^2, intervals, 6, C)`` with the filters of
        center's and neighbor's species at ``types[i] S + types[j]``. Terms as in :func:`table_functions`.
    cutoff
        Angstrom, where the last interval ends.
    features
        ``(N, C)``.
    half_begin
        ``(N,)`` int64, or None for a list of both directions: see :func:`both_directions`.

    Returns
    -------
    Tensor
        ``(N, C)``.
    """
    if half_begin is not None:
        bonds, neighbor, row_ptr = both_directions(neighbor, row_ptr, half_begin)
        distances = distances[bonds]
    n_tables = table.shape[0]
    n_species = round(n_tables**0.5)
    if n_tables == 1:
        filters = table_functions(distances, table[0], cutoff)
    else:
        pair = types[segment_centers(row_ptr)] * n_species + types[neighbor]
        at_each = torch.stack([table_functions(distances, one, cutoff) for one in table])
        filters = at_each[pair, torch.arange(len(distances), device=pair.device)]
    return message_passing(filters, features, neighbor, row_ptr)
