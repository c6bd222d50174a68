"""A small well-tempered metadynamics in a double well with a known free energy, written to PLUMED's files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gnncv.analysis.thermal import thermal_energy
from gnncv.files import HillsWriter, TableWriter

TEMPERATURE = 300.0
BARRIER = 12.0  # kJ/mol, nearly five kT
TILT = 2.0  # kJ/mol, so that the two wells differ
SIGMA = 0.12
BIAS_FACTOR = 6.0
SPREAD = 0.3  # of the second coordinate y = x/2 + noise


def potential(x):
    """Double well with minima near -1 and 1, kJ/mol."""
    return BARRIER * (x * x - 1.0) ** 2 + TILT * x


def exact_x(grid):
    """Free energy along x, kJ/mol, zero at its minimum."""
    values = potential(grid)
    return values - values.min()


def exact_y(grid):
    """Free energy along y: the marginal of the Gaussian around x/2, by quadrature."""
    kt = thermal_energy(TEMPERATURE)
    x = np.linspace(-2.5, 2.5, 4001)
    kernel = np.exp(-0.5 * ((grid[:, None] - 0.5 * x[None, :]) / SPREAD) ** 2)
    values = -kt * np.log(kernel @ np.exp(-potential(x) / kt))
    return values - values.min()


@dataclass
class Toy:
    """Files of a run, and the bias at its end on a grid."""

    hills: Path
    colvar: Path
    grid: np.ndarray
    bias: np.ndarray


def run(folder: Path, seed: int, n_steps: int = 400_000, bias_factor: float | None = BIAS_FACTOR) -> Toy:
    """Metropolis sampling with a hill every 60 steps (full Gaussians, as OpenMM's) and a row every 10."""
    rng = np.random.default_rng(seed)
    kt = thermal_energy(TEMPERATURE)
    low, high, points = -2.5, 2.5, 2001
    grid = np.linspace(low, high, points)
    step = grid[1] - grid[0]
    bias = np.zeros(points)

    def bias_at(position: float) -> float:
        place = (position - low) / step
        index = int(place)
        return float(bias[index] + (place - index) * (bias[index + 1] - bias[index]))

    x = -1.0
    moves, chances, noise = rng.normal(0, 0.25, n_steps), rng.random(n_steps), rng.normal(0, SPREAD, n_steps)
    energy = potential(x)
    folder.mkdir(exist_ok=True)
    toy = Toy(folder / "HILLS", folder / "COLVAR", grid, bias)
    with (
        HillsWriter(toy.hills, "x", bias_factor) as hills,
        TableWriter(toy.colvar, ["time", "x", "y", "bias"]) as colvar,
    ):
        felt = bias_at(x)
        for k in range(n_steps):
            trial = x + moves[k]
            if low < trial < high:
                new, new_felt = potential(trial), bias_at(trial)
                change = new + new_felt - energy - felt
                if change <= 0.0 or chances[k] < math.exp(-change / kt):
                    x, energy, felt = trial, new, new_felt
            if k % 10 == 0:
                colvar.write([0.01 * k, x, 0.5 * x + noise[k], felt])
            if k % 60 == 0:
                height = 0.8
                if bias_factor is not None:
                    height *= math.exp(-felt / (kt * (bias_factor - 1.0)))
                hills.write(0.01 * k, x, SIGMA, height)
                bias += height * np.exp(-0.5 * ((grid - x) / SIGMA) ** 2)
                felt = bias_at(x)
    return toy
