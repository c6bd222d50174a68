"""The bias of a finished round as a function of the columns of any round's COLVAR."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gnncv.analysis.bias import hill_grid, hill_sum
from gnncv.engines import bias as potentials
from gnncv.engines.config import Harmonic, Learned, Linear, Metadynamics, RunConfig
from gnncv.engines.metadynamics_range import choose_range
from gnncv.errors import InvalidArgument
from gnncv.files import Colvar, read_hills
from gnncv.learned_bias.model_file import read_bias

Array = NDArray[np.float64]


class RoundBias:
    """Bias and walls (kJ/mol) that the samples of a round felt; hills as they were at its end.

    Parameters
    ----------
    config
        Of the round.
    folder
        What the run wrote.
    n_atoms
        Of the system.

    Attributes
    ----------
    domain : (name, low, high) or None
        Outside of it the bias of metadynamics is not that of its hills.
    """

    def __init__(self, config: RunConfig, folder: Path, n_atoms: int) -> None:
        self.config = config
        self.folder = folder
        self.domain: tuple[str, float, float] | None = None
        if isinstance(config.bias, Metadynamics):
            span = choose_range(config.bias, config.temperature_kelvin or 0.0, n_atoms)
            self.domain = (config.bias.cv, span.minimum, span.maximum)

    def at(self, table: Colvar) -> Array:
        """Energies ``(T,)`` at the rows of a table."""
        bias = self.config.bias
        energy = np.zeros(len(table))
        if isinstance(bias, Metadynamics):
            energy += self._hills(table.column(bias.cv))
        elif isinstance(bias, Harmonic):
            energy += _sum(potentials.Harmonic(bias.cv, bias.center, bias.kappa_kj_mol), table)
        elif isinstance(bias, Linear):
            energy += bias.slope_kj_mol * table.column(bias.cv)
        elif isinstance(bias, Learned):
            inputs, function = read_bias(self.config.cv or Path("cv.pt"))
            energy += function(np.column_stack([table.column(name) for name in inputs]))
        elif bias is not None:
            raise InvalidArgument("rounds of a learned bias cannot know the bias of a PLUMED input")
        for wall in self.config.walls:
            energy += _sum(potentials.Wall(wall.cv, wall.side, wall.at, wall.kappa_kj_mol), table)
        return energy

    def _hills(self, values: Array) -> Array:
        hills = read_hills(self.folder / "HILLS")
        if len(hills) == 0:
            return np.zeros(len(values))
        assert self.domain is not None
        grid = hill_grid(hills, *self.domain[1:])
        return np.asarray(np.interp(values, grid, hill_sum(hills, grid)))


def _sum(potential: potentials.Bias, table: Colvar) -> Array:
    values = np.column_stack([table.column(name) for name in potential.outputs])
    return np.array([potential(row)[0] for row in values])
