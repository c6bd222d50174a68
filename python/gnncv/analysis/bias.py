"""The bias of a metadynamics run as a function of its variable: from hills, and from OpenMM's grids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.files.atomic import PathLike
from gnncv.files.hills import Hills

Array = NDArray[np.float64]

PLUMED_CUTOFF = 6.25
"""PLUMED's kernels vanish where half the squared distance in widths exceeds this."""


def _kernel(half_squared: Array, kernel: str, plumed_cutoff: bool) -> Array:
    """exp(-x) of half the squared distance in widths, in the form that the file asks for."""
    value = np.exp(-half_squared)
    if kernel == "stretched-gaussian":
        # PLUMED >= 2.8: shifted and scaled so that the truncated Gaussian ends at zero and keeps its height
        edge = np.exp(-PLUMED_CUTOFF)
        value = (value - edge) / (1.0 - edge)
    if plumed_cutoff or kernel == "stretched-gaussian":
        value = np.where(half_squared < PLUMED_CUTOFF, value, 0.0)
    return np.asarray(value, dtype=np.float64)


def hill_sum(
    hills: Hills,
    points: Array,
    heights: Array | None = None,
    plumed_cutoff: bool = False,
) -> Array:
    """Sum hills at given points.

    Parameters
    ----------
    hills : Hills
        H hills of D variables.
    points : (P, D) or, for one variable, (P,) float64
        Where to evaluate.
    heights : (H,) float64, optional
        Heights, kJ/mol; default `hills.bias_heights`, whose sum is the bias that the run felt. With
        `hills.heights` the sum is minus the free energy.
    plumed_cutoff : bool
        Cut Gaussians where PLUMED does (3.54 widths), to compare with ``plumed sum_hills``; OpenMM does not.

    Returns
    -------
    (P,) float64
        The sum, kJ/mol.
    """
    points = np.asarray(points, dtype=np.float64).reshape(-1, len(hills.cv))
    heights = hills.bias_heights if heights is None else heights
    total = np.zeros(len(points))
    periods = hills.periods()
    chunk = max(1, 2_000_000 // max(len(points), 1))
    for start in range(0, len(hills), chunk):
        part = slice(start, start + chunk)
        half_squared = np.zeros((len(points), len(heights[part])))
        for k, period in enumerate(periods):
            distance = points[:, k, None] - hills.centers[None, part, k]
            if period is not None:
                length = period[1] - period[0]
                distance -= length * np.round(distance / length)
            half_squared += 0.5 * (distance / hills.sigmas[None, part, k]) ** 2
        total += _kernel(half_squared, hills.kernel, plumed_cutoff) @ heights[part]
    return total


def partial_sums(
    hills: Hills, grid: Array, ends: Sequence[int], heights: Array | None = None
) -> Iterator[Array]:
    """Yield the sum on a 1-D grid of the first `end` hills for each of the ascending `ends`."""
    heights = hills.bias_heights if heights is None else heights
    total, start = np.zeros(len(grid)), 0
    for end in ends:
        total = total + hill_sum(hills.part(start, end), grid, heights[start:end])
        start = end
        yield total


def hill_grid(hills: Hills, low: float, high: float) -> Array:
    """A 1-D grid between two values, fine enough (a twentieth of the narrowest width) to interpolate on."""
    step = float(hills.sigmas.min()) / 20.0
    return np.linspace(low, high, int(np.clip(np.ceil((high - low) / step) + 1, 2, 20_001)))


@dataclass
class BiasGrid:
    """A 1-D bias on an even grid that includes both ends.

    Attributes
    ----------
    grid : (M,) float64
        Values of the variable.
    bias : (M,) float64
        Bias, kJ/mol.
    walkers : list of Path
        The files that were added up.
    """

    grid: Array
    bias: Array
    walkers: list[Path]

    def at(self, values: Array) -> Array:
        """Bias (kJ/mol) at given values, linear in between; outside the grid that of the nearest end."""
        return np.asarray(np.interp(values, self.grid, self.bias), dtype=np.float64)


def read_bias_grid(folder: PathLike, minimum: float, maximum: float) -> BiasGrid:
    """Add up the bias files of all walkers in a folder of OpenMM's `Metadynamics`.

    Parameters
    ----------
    folder : path-like
        Has the files ``bias_ID_N.npy``. Each walker ID writes N = 1, 2, ... and removes the previous file
        after the next is there, so of each ID only the one with the largest N counts.
    minimum, maximum : float
        Range of the variable, as given to OpenMM's `BiasVariable` (the files do not have it).

    Returns
    -------
    BiasGrid

    Raises
    ------
    InvalidArgument
        No such files, files of different or more than one dimension, values that are not finite, a bad range.
    """
    folder = Path(folder)
    if not (np.isfinite(minimum) and np.isfinite(maximum) and minimum < maximum):
        raise InvalidArgument(
            f"the range of the bias grid is {minimum} to {maximum}; the first must be smaller"
        )
    newest: dict[str, tuple[int, Path]] = {}
    for path in sorted(folder.glob("bias_*.npy")):
        match = re.fullmatch(r"bias_(-?\d+)_(\d+)\.npy", path.name)
        if match and int(match[2]) > newest.get(match[1], (-1, path))[0]:
            newest[match[1]] = (int(match[2]), path)
    if not newest:
        raise InvalidArgument(f"{folder} has no bias files (bias_ID_N.npy) of OpenMM's Metadynamics")
    paths = [path for _, path in newest.values()]
    total: Array | None = None
    for path in paths:
        try:
            values = np.asarray(np.load(path, allow_pickle=False), dtype=np.float64)
        except (ValueError, EOFError, OSError) as error:
            raise InvalidArgument(f"{path} cannot be read as a NumPy array: {error}") from None
        if values.ndim != 1 or len(values) < 2:
            raise InvalidArgument(
                f"{path} has shape {values.shape}; only biases of one variable are supported"
            )
        if not np.all(np.isfinite(values)):
            raise InvalidArgument(f"{path} has values that are not finite")
        if total is not None and total.shape != values.shape:
            raise InvalidArgument(f"{path} has {len(values)} points and {paths[0]} has {len(total)}")
        total = values if total is None else total + values
    assert total is not None
    return BiasGrid(np.linspace(minimum, maximum, len(total)), total, paths)
