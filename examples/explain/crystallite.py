"""What `progress` listens to on a crystallite in its melt: the pictures of docs/explain/results.md.

python crystallite.py FOLDER

puts a sphere cut from a frame of the crystal into a frame of the melt, both of which come with gnncv, as does
the model. FOLDER gets explained_crystallite.png, explained_angles.png and crystallite.extxyz (for OVITO);
what is there already is replaced.
"""

from __future__ import annotations

import argparse
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.geometry import get_distances
from ase.io import read

from gnncv import CollectiveVariable
from gnncv.demo.frames import demo_frames
from gnncv.explain import integrated_gradients, saliency

RADIUS = 10.5  # of the crystallite, angstrom
GAP = 2.8  # between its atoms and those of the melt, angstrom


def crystallite_in_melt() -> Atoms:
    """A sphere of crystal in the melt, in the cell of the melt."""
    crystal, melt = (read(demo_frames()[phase], "-1") for phase in ("crystal", "melt"))
    middle = 0.5 * np.diag(crystal.cell)
    crystal.wrap()
    sphere = crystal.positions[np.linalg.norm(crystal.positions - middle, axis=1) < RADIUS]
    sphere += 0.5 * np.diag(melt.cell) - middle
    _, distances = get_distances(melt.positions, sphere, cell=melt.cell, pbc=True)
    around = melt[distances.min(axis=1) > GAP]
    return Atoms(f"Ar{len(sphere)}", sphere, cell=melt.cell, pbc=True) + around


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    atoms = crystallite_in_melt()
    with as_file(files("gnncv.demo").joinpath("models", "argon.pt")) as path:
        cv = CollectiveVariable(path)
    sensitivity = saliency(cv, atoms, "nodes", "progress")
    sensitivity.plot("3d", folder / "explained_crystallite.png", overwrite=True, dpi=130)
    sensitivity.to_extxyz(folder / "crystallite.extxyz", overwrite=True)
    pairs = integrated_gradients(cv, atoms, "edges", "progress")
    pairs.plot("profile", folder / "explained_angles.png", overwrite=True, dpi=130, over="angle")
    print(pairs.by("shell"))
    print(sensitivity.top(5))


if __name__ == "__main__":
    main()
