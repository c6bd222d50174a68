"""Directions of a molecule."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gnncv.errors import InvalidArgument

SUM_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Axis:
    """A direction of a molecule: along a weighted sum of its positions, or normal to a ring.

    Attributes
    ----------
    name
        What the axis is called.
    weights
        (n_atoms,) numbers w that sum to zero: the unit vector along sum_a w_a r_a.
    ring
        Atoms of a ring in order: the unit vector along its area vector 1/2 sum_k r_k x r_{k+1}. A normal is
        an axial vector, whose sign would tell mirror images apart: it is always headless.
    headless
        Whether the vector and its opposite mean the same.

    Raises
    ------
    InvalidArgument
        If there are both weights and a ring or neither, if the weights do not sum to zero, or if a ring has
        fewer than three atoms, an atom twice, or a head.
    """

    name: str
    weights: tuple[float, ...] = ()
    ring: tuple[int, ...] = ()
    headless: bool = True

    def __post_init__(self) -> None:
        where = f"axis {self.name!r}"
        if bool(self.weights) == bool(self.ring):
            raise InvalidArgument(f"{where}: give either weights of the atoms or the atoms of a ring")
        if self.weights:
            total, scale = math.fsum(self.weights), max(abs(w) for w in self.weights)
            if not (math.isfinite(scale) and scale > 0 and abs(total) <= SUM_TOLERANCE * scale):
                raise InvalidArgument(
                    f"{where}: the weights sum to {total:g}; they must sum to 0, and not all be 0"
                )
        elif len(self.ring) < 3 or len(set(self.ring)) < len(self.ring):
            raise InvalidArgument(f"{where}: ring {list(self.ring)} must be at least 3 different atoms")
        elif not self.headless:
            raise InvalidArgument(
                f"{where}: the normal of a ring is headless: a sign would tell mirror images apart"
            )
