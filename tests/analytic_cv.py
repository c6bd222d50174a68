"""A collective variable in closed form, with the methods of `gnncv.CollectiveVariable`, for tests.

It needs neither torch nor the native library, and its gradients are exact, so that code that only uses a
collective variable (engines, sensitivities, files) is tested apart from the models.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike, NDArray
from vesin import NeighborList

from gnncv.errors import InvalidArgument

Array = NDArray[np.float64]


@dataclass
class AnalyticResult:
    """What `compute` returns: the same attributes as the real result."""

    names: list[str]
    values: Array
    outputs: list[str]
    gradients: Array
    strain_gradient: Array

    def __getitem__(self, name: str) -> float:
        return float(self.values[self.names.index(name)])

    def gradient(self, name: str) -> Array:
        """(N,3) gradient of one output."""
        return self.gradients[self.outputs.index(name)]

    def strain(self, name: str) -> Array:
        """(3,3) strain gradient of one output."""
        return self.strain_gradient[self.outputs.index(name)]


class AnalyticCV:
    """Smooth coordination numbers.

    With f(d) = (1 - d^2/rc^2)^3 below the cutoff rc (zero value, slope and curvature there), every atom has
    c_i = sum_j f(d_ij) and p_i = 1 / (1 + exp(-(c_i - middle) / width)). The outputs are

    - ``coordination``: mean of c_i (intensive),
    - ``ncoordination``: sum of c_i (extensive),
    - ``progress``: mean of p_i (between 0 and 1),
    - ``novelty``: mean of ((c_i - middle) / width)^2.

    Parameters
    ----------
    cutoff : float
        rc, angstrom.
    middle, width : float
        Where `progress` is one half, and how fast it changes, in coordination numbers.
    species : sequence of str
        The names that `bind` accepts; the value does not depend on them.
    delay : float
        Seconds to wait in each evaluation, to stand for a costly model.
    """

    names = ["coordination", "ncoordination", "progress", "novelty"]  # noqa: RUF012
    site_names = ["coordination", "crystallinity", "novelty"]  # noqa: RUF012

    def __init__(
        self,
        cutoff: float = 5.1,
        middle: float = 3.0,
        width: float = 0.5,
        species: Sequence[str] = ("Ar",),
        delay: float = 0.0,
    ) -> None:
        self.cutoff = cutoff
        self.middle = middle
        self.width = width
        self.species = list(species)
        self.delay = delay
        self.path = Path("analytic.pt")
        self.hash = f"analytic-{cutoff:g}-{middle:g}-{width:g}"
        self.metadata: dict[str, Any] = {"format_version": 1, "cutoff": cutoff, "species": self.species}
        self.symbols: list[str] | None = None
        self._evaluations = 0
        self._pairs = 0
        self._list = NeighborList(cutoff=cutoff, full_list=True, sorted=True, n_threads=1)

    @property
    def statistics(self) -> dict[str, float]:
        """The counters of the real class that make sense here."""
        return {
            "n_pairs": self._pairs,
            "n_evaluations": self._evaluations,
            "n_rebuilds": self._evaluations,
            "seconds_neighbors": 0.0,
            "seconds_model": self.delay * self._evaluations,
        }

    def bind(self, symbols: Sequence[str]) -> None:
        """Set the species of the atoms."""
        for index, symbol in enumerate(symbols):
            if symbol not in self.species:
                raise InvalidArgument(
                    f"species {symbol!r} of atom {index} is unknown; it knows {', '.join(self.species)}"
                )
        self.symbols = list(symbols)

    def _system(self, args: tuple[Any, ...]) -> tuple[Array, Array, NDArray[np.bool_]]:
        if len(args) == 1 and isinstance(args[0], Atoms):
            atoms = args[0]
            if self.symbols != atoms.get_chemical_symbols():
                self.bind(atoms.get_chemical_symbols())
            positions, cell, pbc = atoms.positions, atoms.cell.array, atoms.pbc
        else:
            positions, cell, pbc = args
        points = np.array(positions, dtype=np.float64).reshape(-1, 3)
        if self.symbols is None or len(self.symbols) != len(points):
            bound = "none" if self.symbols is None else str(len(self.symbols))
            raise InvalidArgument(
                f"{len(points)} positions were given and {bound} species bound; call bind first"
            )
        if not np.all(np.isfinite(points)):
            bad = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
            raise InvalidArgument(f"the position of atom {bad} is {points[bad].tolist()}")
        return points, np.array(cell, dtype=np.float64), np.broadcast_to(np.asarray(pbc, dtype=bool), 3)

    def _geometry(
        self, args: tuple[Any, ...]
    ) -> tuple[int, NDArray[np.int64], NDArray[np.int64], Array, Array]:
        points, cell, pbc = self._system(args)
        if len(points) == 0:
            empty = np.zeros(0, dtype=np.int64)
            return 0, empty, empty, np.zeros((0, 3)), np.zeros(0)
        i, j, vectors = self._list.compute(points, cell, pbc.tolist(), quantities="ijD")
        squared = np.sum(vectors**2, axis=1)
        inside = squared < self.cutoff**2
        return len(points), i[inside].astype(int), j[inside].astype(int), vectors[inside], squared[inside]

    def _site_values(self, coordination: Array) -> tuple[Array, Array]:
        """(4, N) contribution of each atom to the outputs before pooling, and its derivative by c_i."""
        reduced = (coordination - self.middle) / self.width
        crystal = 1.0 / (1.0 + np.exp(-np.clip(reduced, -500.0, 500.0)))
        values = np.stack([coordination, coordination, crystal, reduced**2])
        one = np.ones_like(coordination)
        slopes = np.stack([one, one, crystal * (1.0 - crystal) / self.width, 2.0 * reduced / self.width])
        return values, slopes

    def compute(self, *args: Any, outputs: Sequence[str] | None = None) -> AnalyticResult:
        """Take atoms, or positions, cell and pbc; return values, and gradients of the chosen outputs."""
        wanted = list(self.names) if outputs is None else list(outputs)
        for name in wanted:
            if name not in self.names:
                raise InvalidArgument(f"output {name!r} is unknown; the model has {', '.join(self.names)}")
        n_atoms, center, neighbor, vectors, squared = self._geometry(args)
        if self.delay:
            time.sleep(self.delay)
        self._evaluations += 1
        self._pairs = len(center)
        base = 1.0 - squared / self.cutoff**2
        coordination = np.bincount(center, weights=base**3, minlength=n_atoms)
        values, slopes = self._site_values(coordination)
        pooling = np.array([1.0 / max(n_atoms, 1), 1.0, 1.0 / max(n_atoms, 1), 1.0 / max(n_atoms, 1)])
        per_pair = (-6.0 / self.cutoff**2 * base**2)[:, None] * vectors  # df/dr_ij
        gradients = np.zeros((len(wanted), n_atoms, 3))
        strain = np.zeros((len(wanted), 3, 3))
        for k, name in enumerate(wanted):
            index = self.names.index(name)
            flow = (pooling[index] * slopes[index])[center][:, None] * per_pair  # dCV/dr_ij
            np.add.at(gradients[k], neighbor, flow)
            np.subtract.at(gradients[k], center, flow)
            strain[k] = flow.T @ vectors
        return AnalyticResult(list(self.names), values.sum(axis=1) * pooling, wanted, gradients, strain)

    def per_site(self, *args: Any) -> dict[str, Array]:
        """Coordination number, crystallinity and novelty of each atom."""
        n_atoms, center, _, _, squared = self._geometry(args)
        coordination = np.bincount(center, weights=(1.0 - squared / self.cutoff**2) ** 3, minlength=n_atoms)
        values, _ = self._site_values(coordination)
        return {"coordination": values[0], "crystallinity": values[2], "novelty": values[3]}


def random_atoms(
    generator: np.random.Generator,
    n_atoms: int,
    pbc: ArrayLike = True,
    triclinic: bool = False,
    density: float = 0.021,
) -> Atoms:
    """Random argon atoms at a density (atoms per cubic angstrom), no two closer than about 2 angstrom."""
    edge = max(n_atoms, 1) ** (1.0 / 3.0) / density ** (1.0 / 3.0)
    cell = np.diag([edge, edge, edge])
    if triclinic:
        cell += np.tril(generator.uniform(-0.3, 0.3, (3, 3)), -1) * edge
    per_edge = int(np.ceil(max(n_atoms, 1) ** (1.0 / 3.0)))
    grid = np.stack(np.meshgrid(*[np.arange(per_edge)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) / per_edge
    chosen = generator.permutation(len(grid))[:n_atoms]
    shaken = grid[chosen] @ cell + generator.uniform(-0.4, 0.4, (n_atoms, 3))
    return Atoms(f"Ar{n_atoms}" if n_atoms else "", positions=shaken, cell=cell, pbc=pbc)
