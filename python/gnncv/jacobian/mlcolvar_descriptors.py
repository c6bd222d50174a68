"""Descriptors of mlcolvar as analytic ones, recognized by name without importing mlcolvar."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

from gnncv.jacobian.angles import Torsions
from gnncv.jacobian.combined import CombinedDescriptors
from gnncv.jacobian.coordination import CoordinationNumbers
from gnncv.jacobian.descriptor import Descriptor
from gnncv.jacobian.distances import PairDistances
from gnncv.jacobian.eigenvalues import AdjacencyEigenvalues

Function = Callable[[torch.Tensor], torch.Tensor]


class ScaledPositions(Descriptor):
    """A descriptor of positions that are given as fractions of the box lengths."""

    def __init__(self, descriptor: Descriptor, lengths: torch.Tensor) -> None:
        super().__init__(descriptor.n_atoms)
        self.descriptor = descriptor
        self.lengths = lengths

    def _make_pattern(self) -> Any:
        return self.descriptor.pattern

    def _compute(
        self, positions: torch.Tensor, lattice: Any, derivatives: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        lengths = self.lengths.to(positions)
        if not derivatives:
            return self.descriptor(positions * lengths), None
        values, blocks = self.descriptor.evaluate(positions * lengths)
        return values, blocks * lengths


def analytic(function: Descriptor | Function, n_atoms: int) -> Descriptor | Function:
    """The analytic descriptor that computes the same as a transform of mlcolvar; anything else as it is."""
    if isinstance(function, Descriptor) or not type(function).__module__.startswith("mlcolvar."):
        return function
    translated = _translated(function)
    if translated is None or translated.n_atoms != n_atoms:
        return function
    return translated


def _translated(transform: Any) -> Descriptor | None:
    name = type(transform).__name__
    if name == "MultipleDescriptors":
        parts = [_translated(part) for part in transform.descriptors_list]
        known = [part for part in parts if part is not None]
        return CombinedDescriptors(known) if known and len(known) == len(parts) else None
    make = _KNOWN.get(name)
    if make is None:
        return None
    lengths = torch.as_tensor(transform.cell).detach().double().reshape(-1)
    if len(lengths) == 1:
        lengths = lengths.repeat(3)
    cubic = bool((lengths == lengths[0]).all())
    if transform.PBC and not transform.scaled_coords and not cubic:
        warnings.warn(
            f"mlcolvar's {name} does not find the nearest images in a box that is not cubic; what it "
            "computes is used as it is, by autograd; the descriptors of gnncv.jacobian are right in any "
            "cell, and faster",
            stacklevel=5,
        )
        return None
    found: Descriptor | None = make(transform, lengths if transform.PBC else None)
    if found is not None and transform.scaled_coords:
        return ScaledPositions(found, lengths)
    return found


def _distances(transform: Any, cell: torch.Tensor | None) -> Descriptor | None:
    pairs = transform.slicing_pairs
    if pairs is not None and bool((pairs[:, 0] == pairs[:, 1]).any()):
        return None
    return PairDistances(transform.n_atoms, pairs, cell)


def _coordination(transform: Any, cell: torch.Tensor | None) -> Descriptor | None:
    group_a, group_b = (torch.as_tensor(group).long() for group in (transform.group_A, transform.group_B))
    together = torch.cat([group_a, group_b])
    if transform.mode != "continuous" or len(together.unique()) < len(together):
        return None
    switching = _within(transform.switching_function, transform.dmax)
    return CoordinationNumbers(transform.n_atoms, group_a, group_b, switching=switching, cell=cell)


def _eigenvalues(transform: Any, cell: torch.Tensor | None) -> Descriptor | None:
    if transform.mode != "continuous":
        return None
    return AdjacencyEigenvalues(transform.n_atoms, switching=transform.switching_function, cell=cell)


def _torsions(transform: Any, cell: torch.Tensor | None) -> Descriptor | None:
    indices = torch.as_tensor(transform.indices).long().reshape(-1, 4)
    if bool((indices.sort(1).values.diff(dim=1) == 0).any()):
        return None
    modes = [("angle", "sin", "cos")[i] for i in transform.mode_idx]
    return Torsions(transform.n_atoms, indices, modes, cell)


def _within(switching: Function, longest: float | None) -> Function:
    """A switching function that is zero beyond a distance."""
    if longest is None:
        return switching
    limit = float(longest)
    return lambda distances: switching(distances) * (distances <= limit)


_KNOWN: dict[str, Callable[[Any, torch.Tensor | None], Descriptor | None]] = {
    "PairwiseDistances": _distances,
    "CoordinationNumbers": _coordination,
    "EigsAdjMat": _eigenvalues,
    "TorsionalAngles": _torsions,
    "TorsionalAngle": _torsions,
}
