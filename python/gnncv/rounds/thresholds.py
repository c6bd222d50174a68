"""Which phase an independent order parameter calls a configuration, with thresholds learned from labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gnncv.errors import InvalidArgument

MARGIN = 0.25
"""Part of the gap between the two phases' extreme values that each phase is granted beyond them."""


@dataclass(frozen=True)
class OrderThresholds:
    """Two thresholds on an order parameter that is small in the melt and large in the crystal.

    Attributes
    ----------
    melt_below
        A value below it is the melt's.
    crystal_above
        A value above it is the crystal's. Between the two a configuration belongs to neither.
    """

    melt_below: float
    crystal_above: float

    def __post_init__(self) -> None:
        if not self.melt_below <= self.crystal_above:
            raise InvalidArgument(
                f"melt_below {self.melt_below:g} exceeds crystal_above {self.crystal_above:g}: "
                "the thresholds would call one value both melt and crystal"
            )

    @classmethod
    def learn(cls, melt: ArrayLike, crystal: ArrayLike, margin: float = MARGIN) -> OrderThresholds:
        """Set the thresholds from the values that labeled frames of the two phases take.

        Parameters
        ----------
        melt, crystal : (n,)
            Order parameter of each labeled frame; every melt value must lie below every crystal value.
        margin
            Part of the gap between the highest melt and the lowest crystal value given to each phase, in
            [0, 0.5). Other sizes of the box, temperatures and strains spread more than the labeled frames do.

        Raises
        ------
        InvalidArgument
            When a phase has no frame, a value is not finite, or the two phases overlap.
        """
        if not 0.0 <= margin < 0.5:
            raise InvalidArgument(f"margin {margin:g} must lie in [0, 0.5)")
        low, high = np.asarray(melt, dtype=float).ravel(), np.asarray(crystal, dtype=float).ravel()
        for name, values in (("melt", low), ("crystal", high)):
            if values.size == 0 or not np.isfinite(values).all():
                raise InvalidArgument(
                    f"the order parameter of the {name} frames must be at least one finite number per phase"
                )
        top, bottom = float(low.max()), float(high.min())
        if top >= bottom:
            raise InvalidArgument(
                f"the order parameter does not separate the phases: melt frames reach {top:.4g}, crystal "
                f"frames start at {bottom:.4g}; choose another order parameter or correct the labels"
            )
        gap = bottom - top
        return cls(melt_below=top + margin * gap, crystal_above=bottom - margin * gap)

    def phase(self, value: float) -> str | None:
        """Return "melt", "crystal", or None where the value belongs to neither."""
        if value < self.melt_below:
            return "melt"
        if value > self.crystal_above:
            return "crystal"
        return None

    def phases(self, values: Sequence[float] | NDArray[np.float64]) -> list[str | None]:
        """Return :meth:`phase` of each value."""
        return [self.phase(float(value)) for value in values]

    def as_dict(self) -> Mapping[str, float]:
        """Return the two thresholds by name, for tables and JSON."""
        return asdict(self)
