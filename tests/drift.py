"""The drift of the total energy in a COLVAR file of a run at constant energy."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gnncv.engines.metadynamics_range import GAS_CONSTANT
from gnncv.files import read_colvar


def drift(folder: Path, n_atoms: int) -> tuple[float, float, float]:
    """Slope of the total energy and its error (kJ/mol per atom and ps), and the energy's scatter."""
    table = read_colvar(folder / "COLVAR")
    kinetic = 1.5 * (n_atoms - 1) * GAS_CONSTANT * table["temperature_kelvin"]
    bias = table["bias_kj_mol"] if "bias_kj_mol" in table.fields else 0.0
    energy = (kinetic + table["potential_kj_mol"] + bias) / n_atoms
    time = table["time"] - table["time"].mean()
    slope = float(np.sum(time * energy) / np.sum(time**2))
    rest = energy - energy.mean() - slope * time
    blocks = rest[: len(rest) // 20 * 20].reshape(20, -1).mean(axis=1)  # correlated: blocks, not rows
    error = float(blocks.std(ddof=1) / np.sqrt(20) / (time.max() / np.sqrt(3.0)))
    return slope, error, float(rest.std())
