"""Plant a ball of crystal in a melt of argon: what the run of this example grows from.

    python seed.py           # writes start.extxyz, and cv.pt: the model that comes with gnncv

Both phases are frames that come with gnncv.
"""

from __future__ import annotations

import shutil

import numpy as np
from ase import Atoms
from ase.io import write
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from gnncv.data import load_frames
from gnncv.demo import demo_frames, shipped_model

N_PLANTED = 900
CONTACT = 3.1  # angstrom, about where the melt's radial distribution begins


def plant_ball(
    melt: Atoms, crystal: Atoms, n_planted: int, generator: np.random.Generator, contact: float = CONTACT
) -> tuple[Atoms, NDArray[np.float64]]:
    """Put a ball of crystal, turned at random, in place of a ball of melt; boxes are rectangular.

    Returns
    -------
    The frame, atoms of the melt first; and how far ``(N,)`` each atom is outside of the outermost atom of the
    ball, angstrom: below zero for the ball.
    """
    lengths = melt.cell.lengths()
    large = crystal.repeat(2 * int(np.ceil((n_planted / len(crystal)) ** (1.0 / 3.0))))
    middle = large.cell.lengths() / 2.0 + generator.uniform(-2.0, 2.0, 3)
    arms = large.positions - middle
    arms = arms[np.argsort(np.linalg.norm(arms, axis=1))[:n_planted]]
    arms = arms @ Rotation.random(random_state=generator).as_matrix()
    place = generator.random(3) * lengths
    apart = melt.positions - place
    apart -= np.round(apart / lengths) * lengths
    radius = float(np.linalg.norm(arms, axis=1).max())
    kept = (np.linalg.norm(apart, axis=1) > radius) & (cKDTree(arms).query(apart)[0] > contact)
    symbols = [*melt.symbols[kept], *[crystal.symbols[0]] * n_planted]
    around = np.concatenate([apart[kept], arms])
    return Atoms(symbols, around + place, cell=melt.cell, pbc=True), np.linalg.norm(around, axis=1) - radius


def main() -> None:
    """Write the first frame, and the model beside it."""
    frames = {phase: load_frames(path, index="150")[0] for phase, path in demo_frames().items()}
    start, outside = plant_ball(
        frames["melt"].repeat(2), frames["crystal"], N_PLANTED, np.random.default_rng(1)
    )
    write("start.extxyz", start)
    shutil.copy(shipped_model(), "cv.pt")
    print(f"start.extxyz: {len(start)} atoms, {int((outside <= 0.0).sum())} of them planted")


if __name__ == "__main__":
    main()
