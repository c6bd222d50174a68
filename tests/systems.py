"""Random structures in every kind of box, with sizes and distances in proportion to a model's cutoff."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from ase import Atoms
from ase.geometry import complete_cell, minkowski_reduce

BOXES = ("cubic", "triclinic", "thin", "slab", "open")
SIZES = (1, 2, 3, 7, 64)

_PERIODIC = {"cubic": True, "triclinic": True, "thin": True, "slab": (True, True, False), "open": False}


def box_vectors(box: str, volume: float, cutoff: float) -> np.ndarray:
    """Lattice vectors of about that volume; the thin box is shorter than the cutoff along one of them."""
    side = volume ** (1 / 3)
    if box == "triclinic":
        return side * np.array([[1.0, 0.0, 0.0], [0.4, 1.1, 0.0], [-0.3, 0.5, 0.95]])
    if box == "thin":
        height = 0.72 * cutoff
        width = np.sqrt(volume / height)
        return np.diag([width, height, max(width, height)])
    if box == "slab":
        return np.array([[side, 0.0, 0.0], [0.3 * side, side, 0.0], [0.0, 0.0, 0.0]])
    return side * np.eye(3)


def random_structure(
    box: str, n_atoms: int, species: Sequence[str], cutoff: float, generator: np.random.Generator
) -> Atoms:
    """Atoms put in one by one at random, none closer to another than 0.5 cutoff, at a liquid's density.

    Parameters
    ----------
    box
        One of `BOXES`.
    n_atoms
        How many.
    species
        Chemical symbols to draw from.
    cutoff
        Of the model, in angstrom.
    generator
        Source of the random numbers.
    """
    spacing = 0.5 * cutoff
    cell = box_vectors(box, max(n_atoms * 2.0, 3.0) * spacing**3, cutoff)
    pbc = _PERIODIC[box]
    frame = cell if box not in ("slab", "open") else box_vectors("cubic", abs(np.linalg.det(cell)), cutoff)
    if box == "slab":
        frame = cell + np.diag([0.0, 0.0, np.linalg.norm(cell[1])])
    positions = np.empty((0, 3))
    closest = _closest(cell, pbc, spacing)
    for _ in range(20000):
        candidate = generator.random((1, 3)) @ frame
        if len(positions) and closest(positions - candidate) < spacing:
            continue
        positions = np.vstack([positions, candidate])
        if len(positions) == n_atoms:
            return Atoms(generator.choice(species, n_atoms), positions, cell=cell, pbc=pbc)
    raise RuntimeError(f"{n_atoms} atoms do not fit into the {box} box")


def _closest(cell: np.ndarray, pbc: bool | Sequence[bool], reach: float) -> Callable[[np.ndarray], float]:
    """The length of the shortest of vectors ``(n, 3)`` and their images, exact below ``reach``.

    It is what ASE's ``get_distances`` finds, ten times faster: nothing of the cell is worked out again.
    """
    periodic = np.broadcast_to(pbc, 3)
    lattice, _ = minkowski_reduce(complete_cell(cell), periodic)
    inverse = np.linalg.inv(lattice)
    planes = 1.0 / np.linalg.norm(inverse, axis=0)[periodic]
    beside = (-1, 0, 1) if planes.min(initial=np.inf) < 2.0 * reach else (0,)
    around = np.array(list(itertools.product(*[beside if p else (0,) for p in periodic]))) @ lattice

    def length(vectors: np.ndarray) -> float:
        wrapped = vectors - (np.round(vectors @ inverse) * periodic) @ lattice
        return float(np.sqrt(((wrapped[:, None] + around) ** 2).sum(axis=2).min()))

    return length


def random_rotation(generator: np.random.Generator) -> np.ndarray:
    """A rotation matrix, drawn uniformly."""
    q, r = np.linalg.qr(generator.normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else q[:, ::-1]
