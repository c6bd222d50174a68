"""Rotation invariants of bond-orientational densities."""

import math

import torch
from torch import Tensor


def density_invariants(densities: Tensor, l_max: int) -> Tensor:
    """Norm of the densities of each degree, the squared ``q_l`` of Steinhardt.

    ``p_kl = 4 pi / (2 l + 1) sum_m A_klm^2`` (Steinhardt, Nelson and Ronchetti, Phys. Rev. B 28, 784,
    1983, eq. 1.3).

    Parameters
    ----------
    densities
        ``(N, K, (l_max+1)^2)``.

    Returns
    -------
    Tensor
        ``(N, K, l_max+1)``.
    """
    squares = densities.square()
    return torch.stack(
        [
            squares[:, :, degree**2 : (degree + 1) ** 2].sum(dim=2) * (4.0 * math.pi / (2 * degree + 1))
            for degree in range(l_max + 1)
        ],
        dim=2,
    )
