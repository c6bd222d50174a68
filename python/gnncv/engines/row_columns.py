"""What a row of COLVAR says beyond the values of the outputs: squared gradients, a committee's spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnncv.engines.ase import check_outputs
from gnncv.engines.config import RunConfig
from gnncv.errors import InvalidArgument

Array = NDArray[np.float64]


class RowColumns:
    """The columns ``gradnorm2-NAME`` and ``std-NAME``; they are computed for rows only.

    Parameters
    ----------
    config : RunConfig
        Its keys `gradnorm2` and `committee`.
    cv : CollectiveVariable or None
        The variable of the run, which is the first member of the committee.
    symbols : sequence of str
        Species of the atoms.

    Raises
    ------
    InvalidArgument
        Keys without a variable, an output that it does not have, models that make no committee.
    """

    def __init__(self, config: RunConfig, cv: Any | None, symbols: Sequence[str]) -> None:
        self.squares = list(config.gradnorm2)
        self.committee: Any | None = None
        if cv is None:
            if self.squares or config.committee:
                raise InvalidArgument("gradnorm2 and committee need a collective variable: give cv")
            return
        check_outputs(cv.names, self.squares)
        if config.committee:
            from gnncv.committee import Committee

            self.committee = Committee([cv, *config.committee], num_threads=config.threads)
            self.committee.bind(symbols)

    def names(self) -> list[str]:
        """The columns."""
        spreads = [] if self.committee is None else self.committee.names[len(self.committee.names) // 2 :]
        return [*(f"gradnorm2-{name}" for name in self.squares), *spreads]

    def values(self, result: Any, positions: Array, cell: Array, pbc: NDArray[np.bool_]) -> dict[str, float]:
        """The columns at a configuration.

        Parameters
        ----------
        result : Result
            Of the variable there, with the gradients of `squares`.
        positions, cell : (N, 3), (3, 3) float64
            Angstrom.
        pbc : (3,) bool
            Periodic directions.
        """
        row = {f"gradnorm2-{name}": float(np.sum(result.gradient(name) ** 2)) for name in self.squares}
        if self.committee is not None:
            spread = self.committee.compute(positions, cell, pbc, outputs=[])
            half = len(spread.names) // 2
            row |= {name: float(spread[name]) for name in spread.names[half:]}
        return row
