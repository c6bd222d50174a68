"""Bond-orientational densities: real spherical harmonics of the bonds, summed with radial weights."""

import math

import torch
from torch import Tensor

from .pair_geometry import pair_geometry
from .segment_sum import segment_sum


def spherical_harmonics(directions: Tensor, l_max: int) -> Tensor:
    """Real orthonormal spherical harmonics of unit vectors.

    The recursions of Bigi et al., J. Chem. Phys. 159, 064802, 2023, section II, in Cartesian
    coordinates: ``sqrt(2) F_lm Q_lm(z) s_m(x, y)`` for ``m < 0``, ``c_m`` for ``m > 0``.

    Parameters
    ----------
    directions
        ``(P, 3)``, unit vectors.
    l_max
        Highest degree.

    Returns
    -------
    Tensor
        ``(P, (l_max+1)^2)``, order ``l^2 + l + m``.
    """
    x, y, z = directions.unbind(dim=1)
    one = torch.ones_like(z)
    cosine, sine = [one], [torch.zeros_like(z)]
    for m in range(l_max):
        cosine.append(x * cosine[m] - y * sine[m])
        sine.append(x * sine[m] + y * cosine[m])
    legendre: dict[tuple[int, int], Tensor] = {}
    for m in range(l_max + 1):
        legendre[m, m] = one * math.prod(range(1, 2 * m, 2)) * (-1) ** m
        for degree in range(m + 1, l_max + 1):
            previous = legendre[degree - 2, m] if degree > m + 1 else torch.zeros_like(z)
            legendre[degree, m] = (
                (2 * degree - 1) * z * legendre[degree - 1, m] - (degree + m - 1) * previous
            ) / (degree - m)
    columns = []
    for degree in range(l_max + 1):
        for m in range(-degree, degree + 1):
            factor = math.sqrt(
                (2 * degree + 1)
                / (4.0 * math.pi)
                * math.factorial(degree - abs(m))
                / math.factorial(degree + abs(m))
            )
            factor *= (-1) ** abs(m) * (math.sqrt(2.0) if m else 1.0)
            angular = sine[-m] if m < 0 else cosine[m]
            columns.append(factor * legendre[degree, abs(m)] * angular)
    return torch.stack(columns, dim=1)


def bond_densities(vectors: Tensor, radial: Tensor, row_ptr: Tensor, l_max: int) -> Tensor:
    """Expand the neighborhood of each center in spherical harmonics.

    ``A_iklm = sum_p radial_pk Y_lm(direction_p)`` over the pairs ``p`` of center ``i``
    (Lechner and Dellago, J. Chem. Phys. 129, 114707, 2008, eq. 1, with smooth radial weights).

    Parameters
    ----------
    vectors
        ``(P, 3)`` pair vectors, angstrom.
    radial
        ``(P, K)`` radial weights, already multiplied by the switching function.
    row_ptr
        int64 ``(N+1,)``.
    l_max
        Highest degree.

    Returns
    -------
    Tensor
        ``(N, K, (l_max+1)^2)``.
    """
    _, directions = pair_geometry(vectors)
    harmonics = spherical_harmonics(directions, l_max)
    products = radial[:, :, None] * harmonics[:, None, :]
    sums = segment_sum(products.reshape(products.shape[0], radial.shape[1] * harmonics.shape[1]), row_ptr)
    return sums.reshape(-1, radial.shape[1], harmonics.shape[1])
