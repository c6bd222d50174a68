"""Densities of the orientations of molecules around a site."""

import torch
from torch import Tensor

from .pair_geometry import pair_distances, pair_geometry
from .segment_sum import segment_centers, segment_sum
from .site_outcomes import standardized
from .tables import averaged_densities, table_functions


def count_orientation_terms(headless: list[int], degree: int) -> int:
    """How many terms :func:`orientation_terms` gives."""
    n_axes, n_polar = len(headless), sum(not sign for sign in headless)
    return (degree // 2) * (2 * n_axes + n_axes**2) + 2 * n_polar + n_polar**2 + n_axes**2


def legendre_polynomials(cosine: Tensor, square: Tensor, odd: bool, degree: int) -> list[Tensor]:
    """``P_1`` if odd ones are wanted, ``P_2`` and, of degree 4, ``P_4``, made homogeneous.

    ``square`` is the product of the squared lengths of the vectors whose product the cosine is: of unit
    vectors these are Legendre polynomials, and where a vector is zero so are they.
    """
    c2 = cosine * cosine
    polynomials: list[Tensor] = []
    if odd:
        polynomials.append(cosine)
    polynomials.append(1.5 * c2 - 0.5 * square)
    if degree == 4:
        polynomials.append((c2 * (35.0 * c2 - 30.0 * square) + 3.0 * square * square) / 8.0)
    return polynomials


def orientation_terms(
    directions: Tensor, own: Tensor, other: Tensor, headless: list[int], degree: int
) -> Tensor:
    """Functions of how a bond and the axes at its ends lie to each other, unchanged by rotations.

    Of the bond ``u``, the axes ``a`` of its center and ``b`` of its neighbor, these are the cosines ``x_a =
    u . a``, ``y_b = u . b``, ``z_ab = a . b``: even Legendre polynomials of each, of axes with a head also
    the cosines themselves, and the products ``x_a y_b z_ab``. They do not change when a headless axis is
    turned around, nor when everything is inverted, and those with an axis that is zero are zero.

    Parameters
    ----------
    directions
        ``(P, 3)``, unit vectors.
    own, other
        Axes ``(P, A, 3)`` of centers and of neighbors: unit vectors, or zero where there is none.
    headless
        For each of the A axes whether its sign has no meaning, 1 or 0.
    degree
        2 or 4: highest degree of the Legendre polynomials.

    Returns
    -------
    Tensor
        ``(P, T)``: those of ``x_a`` for each a, of ``y_b`` for each b, then of ``z_ab`` and the product for
        each pair, b running fastest. Each time ``P_1`` (only of axes with a head), ``P_2``, ``P_4``.
    """
    x = (directions[:, None, :] * own).sum(dim=2)
    y = (directions[:, None, :] * other).sum(dim=2)
    z = (own[:, :, None, :] * other[:, None, :, :]).sum(dim=3)
    own_square, other_square = own.square().sum(dim=2), other.square().sum(dim=2)
    terms: list[Tensor] = []
    for a in range(len(headless)):
        terms.extend(legendre_polynomials(x[:, a], own_square[:, a], headless[a] == 0, degree))
    for b in range(len(headless)):
        terms.extend(legendre_polynomials(y[:, b], other_square[:, b], headless[b] == 0, degree))
    for a in range(len(headless)):
        for b in range(len(headless)):
            square = own_square[:, a] * other_square[:, b]
            odd = headless[a] == 0 and headless[b] == 0
            terms.extend(legendre_polynomials(z[:, a, b], square, odd, degree))
            terms.append(x[:, a] * y[:, b] * z[:, a, b])
    return torch.stack(terms, dim=1)


def bond_orientations(
    vectors: Tensor,
    axes: Tensor,
    radial: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    headless: list[int],
    degree: int,
) -> Tensor:
    """``O_ikt = sum_p radial_pk T_t(p)`` over the pairs ``p`` of center ``i``.

    Parameters
    ----------
    vectors
        ``(P, 3)``, angstrom.
    axes
        ``(N, A, 3)``.
    radial
        ``(P, K)``.
    neighbor, row_ptr
        Integers ``(P,)`` and ``(N+1,)``.
    headless, degree
        As in :func:`orientation_terms`.

    Returns
    -------
    Tensor
        ``(N, K, T)``.
    """
    _, directions = pair_geometry(vectors)
    terms = orientation_terms(directions, axes[segment_centers(row_ptr)], axes[neighbor], headless, degree)
    products = radial[:, :, None] * terms[:, None, :]
    sums = segment_sum(products.reshape(len(products), radial.shape[1] * terms.shape[1]), row_ptr)
    return sums.reshape(-1, radial.shape[1], terms.shape[1])


def orientation_densities(
    vectors: Tensor,
    axes: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    types: Tensor,
    table: Tensor,
    cutoff: float,
    n_species: int,
    headless: list[int],
    degree: int,
) -> tuple[Tensor, Tensor]:
    """Orientations around each site for each species of neighbor, and the smooth coordination number.

    Parameters
    ----------
    vectors
        ``(P, 3)``, angstrom.
    axes
        ``(N, A, 3)``: unit vectors, or zero where a site has none.
    neighbor, row_ptr, types
        Integers ``(P,)``, ``(N+1,)`` and ``(N,)``.
    table
        Radial functions, then the switching function: ``(intervals, 6, K + 1)``.
    cutoff, n_species
        Angstrom; how many species there are.
    headless, degree
        As in :func:`orientation_terms`.

    Returns
    -------
    tuple
        Densities ``(N, S K, T)`` and coordination ``(N, 1)``.
    """
    functions = table_functions(pair_distances(vectors), table, cutoff)
    radial, switching = functions[:, :-1], functions[:, -1:]
    species = torch.nn.functional.one_hot(types, n_species).to(radial.dtype)[neighbor]
    spread = (species[:, :, None] * radial[:, None, :]).flatten(1)
    densities = bond_orientations(vectors, axes, spread, neighbor, row_ptr, headless, degree)
    return densities, segment_sum(switching, row_ptr)


def orientation_invariants(
    vectors: Tensor,
    axes: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    types: Tensor,
    table: Tensor,
    cutoff: float,
    n_species: int,
    headless: list[int],
    degree: int,
    average: bool,
    mean: Tensor,
    scale: Tensor,
) -> Tensor:
    """Standardized features of :class:`gnncv.nn.OrientationInvariants`, straight from pair vectors.

    The fused operator needs each bond in both directions.

    Parameters
    ----------
    vectors, axes, neighbor, row_ptr, types, table, cutoff, n_species, headless, degree
        As in :func:`orientation_densities`.
    average
        Whether the averages over neighbors follow the own densities.
    mean, scale
        ``(F,)`` float64.

    Returns
    -------
    Tensor
        ``(N, F)`` in the type of the table.
    """
    densities, coordination = orientation_densities(
        vectors, axes, neighbor, row_ptr, types, table, cutoff, n_species, headless, degree
    )
    norm = 1.0 + coordination
    features = densities.flatten(1) / norm
    if average:
        distances = pair_distances(vectors)
        averaged = averaged_densities(
            distances, neighbor, row_ptr, table, cutoff, densities, coordination
        ).flatten(1)
        features = torch.cat([features, averaged / (norm * norm)], dim=1)
    return standardized(features, mean, scale)
