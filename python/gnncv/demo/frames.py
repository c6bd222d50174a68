"""The frames that ship with the package, and the crystal that the demonstration starts from."""

from pathlib import Path
from typing import Final

import numpy as np
from ase import Atoms
from ase.build import bulk

DATA: Final = Path(__file__).parent / "data"

CRYSTAL_VOLUME_PER_ATOM: Final = 41.12
"""Mean volume per atom of the shipped crystal frames at 82 K and 1 bar, in A^3 (data/README.md)."""


def demo_frames() -> dict[str, Path]:
    """Return the shipped trajectory of each phase of Lennard-Jones argon.

    Returns
    -------
    dict of str to Path
        "crystal" and "melt", each an extended XYZ file of 200 frames of 500 atoms.
    """
    return {phase: DATA / f"argon_500_{phase}.extxyz.gz" for phase in ("crystal", "melt")}


def shipped_model() -> Path:
    """Return the file of the default model trained on the shipped frames (models/README.md)."""
    return Path(__file__).parent / "models" / "argon.pt"


def shipped_order(phase: str) -> dict[str, np.ndarray]:
    """Return the independent order parameters of the shipped frames of one phase.

    Parameters
    ----------
    phase
        "crystal" or "melt".

    Returns
    -------
    dict of str to ndarray, each (200,)
        "volume_per_atom" (A^3), "averaged_q6" (mean over atoms of the neighbor-averaged q6 of Lechner and
        Dellago, neighbors within 1.5 sigma) and "global_q6".
    """
    table = np.loadtxt(DATA / f"argon_500_{phase}.order.txt")
    return {"volume_per_atom": table[:, 1], "averaged_q6": table[:, 3], "global_q6": table[:, 4]}


def fcc_crystal(
    repeat: int = 4, volume_per_atom: float = CRYSTAL_VOLUME_PER_ATOM, symbol: str = "Ar"
) -> Atoms:
    """Build a periodic face-centered cubic crystal of repeat^3 cubic cells of four atoms.

    Parameters
    ----------
    repeat
        Cubic cells along each direction; 4 gives 256 atoms.
    volume_per_atom
        In A^3; the cubic cell's edge is (4 volume_per_atom)^(1/3).
    symbol
        Chemical symbol of the atoms.

    Returns
    -------
    Atoms
        4 repeat^3 atoms on lattice sites, with info["phase"] = "crystal".
    """
    cell = bulk(symbol, "fcc", a=float((4.0 * volume_per_atom) ** (1.0 / 3.0)), cubic=True)
    atoms = cell.repeat((repeat, repeat, repeat))
    atoms.info["phase"] = "crystal"
    return atoms
