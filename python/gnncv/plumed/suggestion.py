"""Numbers for a bias on an output of a model, from what the model file says of its training frames."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gnncv.errors import InvalidArgument

GAS_CONSTANT = 0.00831446261815324  # kJ/(mol K)
_PREFERRED = ("progress", "crystallinity", "latent-1")
_BOUNDED = {"progress": (0.0, 1.0), "crystallinity": (0.0, 1.0)}  # between their values in melt and crystal
_SHEER = {"crystallinity"}  # outputs that cannot leave those bounds
_NOVELTY = "novelty"


@dataclass(frozen=True)
class Suggestion:
    """Numbers for a bias on one output.

    Attributes
    ----------
    output
        Its name.
    low, high
        Mean values in the phases that lie furthest apart.
    sigma
        Width of a hill.
    grid, walls
        Ends of the grid, and where walls begin inside of it.
    source
        Where the numbers come from, in words.
    novelty_wall
        Where a wall on novelty begins; None if the model has no novelty.
    """

    output: str
    low: float
    high: float
    sigma: float
    grid: tuple[float, float]
    walls: tuple[float, float]
    source: str
    novelty_wall: float | None

    def wall_kappa(self, temperature: float) -> float:
        """Force constant with which a wall reaches 50 kT at the end of the grid."""
        width = self.walls[0] - self.grid[0]
        return rounded(100.0 * GAS_CONSTANT * temperature / width**2)


def suggest(
    names: Sequence[str], metadata: Mapping[str, Any], output: str | None = None, n_atoms: int | None = None
) -> Suggestion:
    """Choose numbers for a bias.

    Parameters
    ----------
    names
        Outputs of the model.
    metadata
        What the model file says of itself; whatever is missing is replaced by what is known of the output.
    output
        The one to bias; None chooses.
    n_atoms
        Size of the system, for the extensive output ncrystal.

    Raises
    ------
    InvalidArgument
        If the model has no such output.
    """
    if output is not None and output not in names:
        raise InvalidArgument(f"the model has no output '{output}'; it has {', '.join(names)}")
    chosen = output or next((name for name in _PREFERRED if name in names), names[0])
    low, high, spread, source = _range(chosen, metadata, n_atoms)
    between = high - low
    sigma = rounded(min(max(spread, between / 100.0), between / 20.0))
    pad = 5.0 * sigma if chosen in _SHEER or chosen == "ncrystal" else 0.5 * between
    grid = (rounded(low - pad, between), rounded(high + pad, between))
    walls = (rounded(low - 0.5 * pad, between), rounded(high + 0.5 * pad, between))
    return Suggestion(chosen, low, high, sigma, grid, walls, source, _novelty_wall(names, metadata))


def rounded(value: float, scale: float | None = None) -> float:
    """A value to two digits; or to a hundredth of a scale."""
    size = abs(value) if scale is None else abs(scale)
    if size == 0.0 or not math.isfinite(size):
        return value
    digits = 1 - math.floor(math.log10(size)) + (0 if scale is None else 1)
    return round(value, digits)


def _range(name: str, metadata: Mapping[str, Any], n_atoms: int | None) -> tuple[float, float, float, str]:
    """Lowest and highest mean in a phase, the smallest fluctuation in one, and where they come from."""
    phases = list(_statistics(metadata, "validation", name))
    if name == "ncrystal" and n_atoms is not None:
        return 0.0, float(n_atoms), n_atoms / 100.0, f"the size of the system, {n_atoms} atoms"
    if len(phases) > 1:
        means = [mean for mean, _ in phases]
        spread = min(deviation for _, deviation in phases)
        if max(means) > min(means):
            return min(means), max(means), spread, "the training frames' phases"
    if len(phases) == 1 and phases[0][1] > 0.0:
        mean, deviation = phases[0]
        return mean - 5.0 * deviation, mean + 5.0 * deviation, deviation, "the training frames"
    low, high = _BOUNDED.get(name, (0.0, 1.0))
    known = "what it means" if name in _BOUNDED else "NO statistics in the model file: a guess, monitor first"
    return low, high, (high - low) / 50.0, known


def _novelty_wall(names: Sequence[str], metadata: Mapping[str, Any]) -> float | None:
    """Above what the training frames, also strained and shaken, have: 1 is their 99 % quantile of a site."""
    if _NOVELTY not in names:
        return None
    phases = [
        pair
        for kind in ("validation", "validation_augmented")
        for pair in _statistics(metadata, kind, _NOVELTY)
    ]
    highest = max((mean + 4.0 * deviation for mean, deviation in phases), default=1.0)
    return max(1.0, math.ceil(20.0 * highest) / 20.0)


def _statistics(metadata: Mapping[str, Any], kind: str, name: str) -> Iterator[tuple[float, float]]:
    """Mean and standard deviation of an output in each phase, where the file has finite ones."""
    training = metadata.get("training")
    table = training.get(kind) if isinstance(training, Mapping) else None
    phases = table.get(name) if isinstance(table, Mapping) else None
    for pair in phases.values() if isinstance(phases, Mapping) else ():
        try:
            mean, deviation = (float(number) for number in pair)
        except (TypeError, ValueError):
            continue
        if math.isfinite(mean) and math.isfinite(deviation):
            yield mean, deviation
