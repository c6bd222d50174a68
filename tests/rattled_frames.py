"""Small frames that train in a second: a rattled face-centered cubic crystal, and one without its order."""

import numpy as np
from ase import Atoms
from ase.build import bulk

RATTLE = {"crystal": 0.15, "melt": 0.9}  # standard deviation of the displacements, angstrom


def rattled(phase: str, generator: np.random.Generator, repeat: int = 2) -> Atoms:
    """A labeled frame of 4 repeat^3 argon atoms."""
    atoms = bulk("Ar", "fcc", a=5.4, cubic=True).repeat(repeat)
    atoms.positions += RATTLE[phase] * generator.standard_normal((len(atoms), 3))
    atoms.info["phase"] = phase
    return atoms


def rattled_frames(n_each: int, n_held_out: int, generator: np.random.Generator) -> list[Atoms]:
    """`n_each` frames of either phase for training, and `n_held_out` for validation, by ``info["split"]``."""
    frames = []
    for phase in RATTLE:
        for k in range(n_each + n_held_out):
            atoms = rattled(phase, generator)
            atoms.info["split"] = "training" if k < n_each else "validation"
            frames.append(atoms)
    return frames
