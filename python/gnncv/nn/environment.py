"""A site's environment as invariants: coordination and bond-orientational order, raw and averaged."""

import math

import torch
from torch import Tensor, nn

from . import operators
from .jets import RadialJets, product_jet, switched_jets
from .radial import GaussianBasis

MAGNITUDE_FLOOR = 1e-4


def magnitude(invariants: Tensor, floor: float = MAGNITUDE_FLOOR) -> Tensor:
    """``sqrt(p + floor) - sqrt(floor)``: like ``q_l``, and differentiable where the order vanishes."""
    return torch.sqrt(invariants + floor) - math.sqrt(floor)


def by_species(radial: Tensor, types: Tensor, neighbor: Tensor, n_species: int) -> Tensor:
    """Radial functions ``(P, K)`` as columns ``(P, S K)``, zero but for the species of the neighbor."""
    if n_species == 1:
        return radial
    species = torch.nn.functional.one_hot(types, n_species).to(radial.dtype)[neighbor]
    return (species[:, :, None] * radial[:, None, :]).flatten(1)


class EnvironmentInvariants(nn.Module):
    """Rotation invariants of each site's surroundings, the encoder's input and the decoder's target.

    Densities ``A_iklm`` per radial function and neighbor species are divided by one plus the smooth
    coordination number ``n_i = sum_j f_c(d_ij)``, then also averaged over the neighbors with the weights
    ``f_c`` (Lechner and Dellago, J. Chem. Phys. 129, 114707, 2008, eq. 6, made continuous). The features
    are the magnitudes of both for each degree, and ``n_i`` itself.

    Parameters
    ----------
    cutoff
        Angstrom; the radial functions lie between half of it and all of it.
    switching
        Maps distances ``(P,)`` to ``f_c``.
    n_species, n_radial, l_max
        Number of species, of radial functions and the highest degree.
    """

    def __init__(
        self, cutoff: float, switching: nn.Module, n_species: int, n_radial: int, l_max: int
    ) -> None:
        super().__init__()
        self.switching = switching
        self.basis = GaussianBasis(0.5 * cutoff, cutoff, n_radial)
        self.n_species = n_species
        self.l_max = l_max
        self.hops = 2  # its own neighbors, and theirs through the averages
        self.n_features = 2 * n_species * n_radial * (l_max + 1) + 1

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
    ) -> Tensor:
        """Features ``(N, n_features)`` from pairs sorted by center."""
        switching = self.switching(distances)
        radial = self.basis(distances) * switching[:, None]
        radial = by_species(radial, types, neighbor, self.n_species)
        densities = operators.bond_densities(vectors, radial, row_ptr, self.l_max)
        coordination = operators.segment_sum(switching[:, None], row_ptr)
        norm = 1.0 + coordination
        # The divisions by the norms act on weights and invariants, of which there are fewer than densities.
        weights = switching[:, None] * (norm.index_select(0, center) / norm.index_select(0, neighbor))
        flat = densities.flatten(1)
        averaged = flat + operators.message_passing(weights, flat, neighbor, row_ptr)
        squared = (norm * norm)[:, :, None]
        own = operators.density_invariants(densities, self.l_max) / squared
        shared = operators.density_invariants(averaged.reshape(densities.shape), self.l_max)
        features = [magnitude(own), magnitude(shared / (squared * squared))]
        return torch.cat([features[0].flatten(1), features[1].flatten(1), coordination], dim=1)


class RadialInvariants(nn.Module):
    """What a site's surroundings say of distances alone: the decoder's target without invariants.

    ``g_ik = sum_j f_c(d_ij) R_k(d_ij)`` for each species of neighbor and each radial function (Behler and
    Parrinello, Phys. Rev. Lett. 98, 146401, 2007, eq. 4), and ``n_i = sum_j f_c(d_ij)``.

    Parameters
    ----------
    cutoff, switching, n_species, n_radial
        As in :class:`EnvironmentInvariants`.
    """

    def __init__(self, cutoff: float, switching: nn.Module, n_species: int, n_radial: int) -> None:
        super().__init__()
        self.switching = switching
        self.basis = GaussianBasis(0.5 * cutoff, cutoff, n_radial)
        self.n_species = n_species
        self.n_radial = n_radial
        self.hops = 1
        self.n_features = n_species * n_radial + 1

    def jet(self, distances: Tensor) -> Tensor:
        """Jets ``(3, K, n_features)`` of the terms of the sums, each for a neighbor of its species."""
        radial = RadialJets.at(distances, self.basis, self.switching)
        terms = product_jet(radial.basis, radial.switching).repeat(1, 1, self.n_species)
        return torch.cat([terms, radial.switching], dim=2)

    def forward(
        self,
        vectors: Tensor,
        distances: Tensor,
        center: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
    ) -> Tensor:
        """Features ``(N, n_features)`` from pairs sorted by center."""
        switching = self.switching(distances)[:, None]
        terms = (self.basis(distances) * switching).repeat(1, self.n_species)
        counted = counted_species(types, self.n_species, self.n_radial, distances.dtype)
        return operators.message_passing(torch.cat([terms, switching], dim=1), counted, neighbor, row_ptr)


def counted_species(types: Tensor, n_species: int, n_radial: int, dtype: torch.dtype) -> Tensor:
    """One where a radial invariant counts neighbors of a site's species, else zero: ``(N, S K + 1)``."""
    own = torch.nn.functional.one_hot(types, n_species).to(dtype)
    return torch.cat([own.repeat_interleave(n_radial, dim=1), torch.ones_like(own[:, :1])], dim=1)
