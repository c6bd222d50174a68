"""Operators on tabulated functions of distance, written with the plain ones."""

import torch
from torch import Tensor

from .attention_message_passing import attention_message_passing
from .bond_densities import bond_densities
from .density_invariants import density_invariants
from .half_lists import both_directions
from .message_passing import message_passing
from .pair_geometry import pair_distances
from .segment_sum import segment_centers, segment_sum


def table_functions(distances: Tensor, table: Tensor, cutoff: float) -> Tensor:
    """Evaluate a table: on each of equal intervals a polynomial of degree five in the place within it.

    Parameters
    ----------
    distances
        ``(P,)``, angstrom, from zero to the cutoff.
    table
        ``(intervals, 6, C)``, the constant term first.
    cutoff
        Angstrom, where the last interval ends.

    Returns
    -------
    Tensor
        ``(P, C)``.
    """
    place = distances * (table.shape[0] / cutoff)
    interval = place.detach().long().clamp(max=table.shape[0] - 1)
    terms = table[interval]
    t = (place - interval).to(table.dtype)[:, None]
    value = terms[:, 5]
    for k in range(4, -1, -1):
        value = terms[:, k] + t * value
    return value


def environment_densities(
    vectors: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    types: Tensor,
    table: Tensor,
    cutoff: float,
    n_species: int,
    l_max: int,
) -> tuple[Tensor, Tensor]:
    """Bond-orientational densities for each species of neighbor, and the smooth coordination number.

    Parameters
    ----------
    vectors
        ``(P, 3)``, angstrom.
    neighbor, row_ptr, types
        Integers ``(P,)``, ``(N+1,)`` and ``(N,)``.
    table
        Radial functions, then the switching function: ``(intervals, 6, K + 1)``.
    cutoff, n_species, l_max
        Angstrom; how many species there are; highest degree.

    Returns
    -------
    tuple
        Densities ``(N, S K, (l_max+1)^2)`` and coordination ``(N, 1)``.
    """
    distances = pair_distances(vectors)
    functions = table_functions(distances, table, cutoff)
    radial, switching = functions[:, :-1], functions[:, -1:]
    species = torch.nn.functional.one_hot(types, n_species).to(radial.dtype)[neighbor]
    spread = (species[:, :, None] * radial[:, None, :]).flatten(1)
    densities = bond_densities(vectors, spread, row_ptr, l_max)
    return densities, segment_sum(switching, row_ptr)


def averaged_densities(
    distances: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    table: Tensor,
    cutoff: float,
    densities: Tensor,
    coordination: Tensor,
) -> Tensor:
    """``A_i + sum_j f(d_ij) (1 + n_i)/(1 + n_j) A_j``: the site's densities with its neighbors'.

    Divided by ``(1 + n_i)^2`` it is the average of ``A/(1 + n)`` (Lechner and Dellago, J. Chem. Phys. 129,
    114707, 2008, eq. 6, made continuous). The fused operator needs each bond in both directions.

    Parameters
    ----------
    distances
        ``(P,)``, angstrom.
    neighbor, row_ptr, cutoff
        As in :func:`environment_densities`.
    table
        Its last channel is the switching function ``f``.
    densities, coordination
        ``(N, K, LM)`` and ``(N, 1)``.

    Returns
    -------
    Tensor
        In the shape of ``densities``.
    """
    switching = table_functions(distances, table, cutoff)[:, -1:]
    norm = 1.0 + coordination
    weights = switching * (norm[segment_centers(row_ptr)] / norm[neighbor])
    flat = densities.flatten(1)
    return (flat + message_passing(weights, flat, neighbor, row_ptr)).reshape(densities.shape)


def environment_features(
    densities: Tensor,
    averaged: Tensor,
    coordination: Tensor,
    mean: Tensor,
    scale: Tensor,
    l_max: int,
    floor: float,
) -> Tensor:
    """Standardized magnitudes of the invariants of own and averaged densities, and the coordination number.

    ``sqrt(p_l / (1 + n)^2 + e) - sqrt(e)`` of the own densities, ``(1 + n)^4`` in place of the square for the
    averaged ones; see :class:`gnncv.nn.EnvironmentInvariants`.

    Parameters
    ----------
    densities, averaged, coordination
        ``(N, K, LM)`` twice and ``(N, 1)``.
    mean, scale
        ``(F,)`` float64 with ``F = 2 K (l_max + 1) + 1``.
    l_max, floor
        Highest degree; ``e``.

    Returns
    -------
    Tensor
        ``(N, F)`` in the type of the densities.
    """
    squared = (1.0 + coordination.double()).square().unsqueeze(2)
    own = density_invariants(densities, l_max) / squared
    shared = density_invariants(averaged, l_max) / squared.square()
    magnitudes = [(torch.sqrt(x + floor) - floor**0.5).flatten(1) for x in (own, shared)]
    features = torch.cat([*magnitudes, coordination.double()], dim=1)
    return ((features - mean) / scale).to(densities.dtype)


def environment_invariants(
    vectors: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    types: Tensor,
    table: Tensor,
    cutoff: float,
    n_species: int,
    l_max: int,
    mean: Tensor,
    scale: Tensor,
    floor: float,
) -> Tensor:
    """Standardized invariants of each site's environment, straight from pair vectors.

    :func:`environment_features` of :func:`environment_densities` and :func:`averaged_densities`. The fused
    operator needs each bond in both directions.

    Parameters
    ----------
    vectors, neighbor, row_ptr, types, table, cutoff, n_species, l_max
        As in :func:`environment_densities`.
    mean, scale, floor
        As in :func:`environment_features`.

    Returns
    -------
    Tensor
        ``(N, F)`` in the type of the table.
    """
    densities, coordination = environment_densities(
        vectors, neighbor, row_ptr, types, table, cutoff, n_species, l_max
    )
    averaged = averaged_densities(
        pair_distances(vectors), neighbor, row_ptr, table, cutoff, densities, coordination
    )
    return environment_features(densities, averaged, coordination, mean, scale, l_max, floor)


def table_attention(
    distances: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    table: Tensor,
    cutoff: float,
    receiver: Tensor,
    sender: Tensor,
    value: Tensor,
    lone: float,
    bound: float,
    half_begin: Tensor | None = None,
) -> Tensor:
    """Attention message passing whose filters and distance logits are tabulated.

    The logits are ``b tanh((receiver_i + sender_j + w(d_ij))/b)``; see
    :func:`gnncv.nn.reference.attention_message_passing` for the rest. The fused operator needs each bond in
    both directions, or half a list.

    Parameters
    ----------
    distances
        ``(P,)``, angstrom.
    neighbor, row_ptr, cutoff
        As in :func:`environment_densities`.
    table
        Filters (C channels), logits ``w`` (H), switching function: ``(intervals, 6, C + H + 1)``.
    receiver, sender, value
        ``(N, H)``, ``(N, H)``, ``(N, C)``.
    lone, bound
        The constant in the denominator; ``b``.
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
    functions = table_functions(distances, table, cutoff)
    n_channels, n_heads = value.shape[1], receiver.shape[1]
    filters, distance_logits, switching = functions.split([n_channels, n_heads, 1], dim=1)
    logits = receiver[segment_centers(row_ptr)] + sender[neighbor] + distance_logits
    logits = bound * torch.tanh(logits / bound)
    return attention_message_passing(logits, switching[:, 0], filters, value, neighbor, row_ptr, lone)
