"""How the molecules around a site are turned: densities of orientation, own and averaged."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gnncv.errors import InvalidArgument

from . import operators
from .environment import by_species
from .jets import switched_jets
from .radial import GaussianBasis
from .reference import bond_orientations, count_orientation_terms

MAX_AXES = 4  # of a site: the operators' room in registers


class OrientationInvariants(nn.Module):
    """Rotation invariants of the axes around each site, for systems with molecules.

    Densities ``O_ikt = sum_j f_c(d_ij) R_k(d_ij) T_t(u_ij, a_i, a_j)`` for each radial function and each
    species of neighbor, ``T`` the terms of :func:`gnncv.nn.reference.orientation_terms`, divided by one plus
    the smooth coordination number ``n_i = sum_j f_c(d_ij)``; and these averaged over the neighbors as
    :class:`EnvironmentInvariants` are. Sites without axes, such as atoms beside molecules, contribute zeros.

    Parameters
    ----------
    cutoff
        Angstrom; the radial functions lie between half of it and all of it.
    switching
        Maps distances ``(P,)`` to ``f_c``.
    n_species, n_radial
        Number of species (kinds of site) and of radial functions.
    headless
        For each axis of a site whether its sign has no meaning. An axis that is headless for any kind of
        site is so for all.
    degree
        2 or 4: highest degree of the Legendre polynomials.
    average
        Whether the averages over neighbors are features too.

    Raises
    ------
    InvalidArgument
        If there is no axis or more than four, or the degree is neither 2 nor 4.
    """

    def __init__(
        self,
        cutoff: float,
        switching: nn.Module,
        n_species: int,
        n_radial: int,
        headless: Sequence[bool],
        degree: int = 4,
        average: bool = True,
    ) -> None:
        super().__init__()
        if not headless:
            raise InvalidArgument(
                "orientation invariants need an axis: give the molecules axes, or leave the invariants out"
            )
        if len(headless) > MAX_AXES:
            raise InvalidArgument(
                f"a site has {len(headless)} axes, and orientation invariants take {MAX_AXES} at most: name "
                "fewer axes of the molecules"
            )
        if degree not in (2, 4):
            raise InvalidArgument(f"degree of the orientation invariants is {degree!r}, expected 2 or 4")
        self.switching = switching
        self.basis = GaussianBasis(0.5 * cutoff, cutoff, n_radial)
        self.n_species = n_species
        self.headless = [int(sign) for sign in headless]
        self.degree = degree
        self.average = average
        self.hops = 2 if average else 1
        n_terms = count_orientation_terms(self.headless, degree)
        self.n_features = (2 if average else 1) * n_species * n_radial * n_terms

    def jet(self, distances: Tensor) -> Tensor:
        """Jets ``(3, K, n_radial + 1)``: the radial functions, the switching function."""
        return switched_jets(distances, self.basis, self.switching)

    def forward(
        self,
        vectors: Tensor,
        distances: Tensor,
        center: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        axes: Tensor,
    ) -> Tensor:
        """Features ``(N, n_features)`` from pairs sorted by center and axes ``(N, A, 3)``."""
        switching = self.switching(distances)[:, None]
        radial = self.basis(distances) * switching
        radial = by_species(radial, types, neighbor, self.n_species)
        densities = bond_orientations(vectors, axes, radial, neighbor, row_ptr, self.headless, self.degree)
        norm = 1.0 + operators.segment_sum(switching, row_ptr)
        own = densities.flatten(1) / norm
        if not self.average:
            return own
        averaged = (own + operators.message_passing(switching, own, neighbor, row_ptr)) / norm
        return torch.cat([own, averaged], dim=1)
