"""Lennard-Jones particles as an ASE calculator, with the conventions of OpenMM's NonbondedForce."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from numpy.typing import NDArray
from vesin import NeighborList

from gnncv.engines.config import LennardJonesSystem
from gnncv.errors import InvalidArgument

Array = NDArray[np.float64]


class LennardJones(Calculator):  # type: ignore[misc]
    """Energy, forces and stress of Lennard-Jones particles.

    u(r) = 4 eps ((sigma/r)^12 - (sigma/r)^6) for r < cutoff, Lorentz-Berthelot mixing, optionally times a
    switching function 1 - 10 x^3 + 15 x^4 - 6 x^5, x = (r - switch)/(cutoff - switch), and optionally with
    the mean-field tail 2 pi/V sum_ij integral (what was left out) r^2 dr (Shirts et al., J. Phys. Chem. B
    111, 13052, 2007, doi:10.1021/jp0735987), as OpenMM has them.

    Parameters
    ----------
    system : LennardJonesSystem
        Parameters in angstrom and kJ/mol.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, system: LennardJonesSystem) -> None:
        super().__init__()
        self.system = system
        self._list = NeighborList(cutoff=system.cutoff_angstrom, full_list=False)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Fill `results` (eV, eV/A, eV/A^3)."""
        super().calculate(atoms, properties, system_changes)
        here: Atoms = self.atoms
        sigma, epsilon = _parameters(self.system, here.get_chemical_symbols())
        pbc = np.asarray(here.pbc, dtype=bool)
        first, second, vectors = self._list.compute(
            here.positions, np.array(here.cell), pbc if not pbc.all() else True, "ijD"
        )
        distances = np.linalg.norm(vectors, axis=1)
        pair_sigma = 0.5 * (sigma[first] + sigma[second])
        pair_epsilon = np.sqrt(epsilon[first] * epsilon[second])
        energy, slope = pair_energy(distances, pair_sigma, pair_epsilon, self.system)
        pull = (slope / distances)[:, None] * vectors  # dE/dr_ij
        forces = np.zeros((len(here), 3))
        np.add.at(forces, first, pull)
        np.add.at(forces, second, -pull)
        total, virial = float(energy.sum()), vectors.T @ pull
        if self.system.tail_correction and pbc.all():
            tail = tail_constant(self.system, here.get_chemical_symbols()) / here.get_volume()
            total += tail
            virial -= tail * np.eye(3)
        scale = units.kJ / units.mol
        self.results: dict[str, Any] = {"energy": total * scale, "free_energy": total * scale}
        self.results["forces"] = forces * scale
        if pbc.all():
            self.results["stress"] = full_3x3_to_voigt_6_stress(virial * scale / here.get_volume())


def _parameters(system: LennardJonesSystem, symbols: Sequence[str]) -> tuple[Array, Array]:
    check_species(system.species, symbols)
    sigma = np.array([system.species[symbol].sigma_angstrom for symbol in symbols])
    epsilon = np.array([system.species[symbol].epsilon_kj_mol for symbol in symbols])
    return sigma, epsilon


def check_species(species: Mapping[str, object], symbols: Sequence[str]) -> None:
    """Refuse a structure with atoms that the system has no parameters for."""
    unknown = sorted(set(symbols) - set(species))
    if unknown:
        raise InvalidArgument(
            f"the structure has {', '.join(unknown)}, system.species only {', '.join(sorted(species))}"
        )


def pair_energy(
    distances: Array, sigma: Array, epsilon: Array, system: LennardJonesSystem
) -> tuple[Array, Array]:
    """Energy (kJ/mol) of each pair closer than the cutoff and its derivative with respect to the distance."""
    sixth = (sigma / distances) ** 6
    energy = 4.0 * epsilon * sixth * (sixth - 1.0)
    slope = -24.0 * epsilon * sixth * (2.0 * sixth - 1.0) / distances
    if system.switch_angstrom is not None:
        width = system.cutoff_angstrom - system.switch_angstrom
        x = np.clip((distances - system.switch_angstrom) / width, 0.0, 1.0)
        switch = 1.0 - x**3 * (10.0 - 15.0 * x + 6.0 * x**2)
        switch_slope = -30.0 * x**2 * (1.0 - x) ** 2 / width
        energy, slope = energy * switch, slope * switch + energy * switch_slope
    return energy, slope


def tail_constant(system: LennardJonesSystem, symbols: Sequence[str]) -> float:
    """Tail energy times volume (kJ/mol A^3), the mean over all pairs of species as OpenMM takes it."""
    names, counts = np.unique(np.asarray(symbols), return_counts=True)
    n_atoms = int(counts.sum())
    mean = 0.0
    for a, (name, count) in enumerate(zip(names, counts, strict=True)):
        for other, other_count in zip(names[a:], counts[a:], strict=True):
            n_pairs = count * (count + 1) / 2 if other == name else count * other_count
            mean += n_pairs * _tail_integral(system, str(name), str(other))
    mean /= n_atoms * (n_atoms + 1) / 2
    return float(2.0 * np.pi * n_atoms**2 * mean)


def _tail_integral(system: LennardJonesSystem, name: str, other: str) -> float:
    """Integral of r^2 times what the cutoff and the switch leave out."""
    one, two = system.species[name], system.species[other]
    sigma = 0.5 * (one.sigma_angstrom + two.sigma_angstrom)
    epsilon = float(np.sqrt(one.epsilon_kj_mol * two.epsilon_kj_mol))
    cutoff = system.cutoff_angstrom
    beyond = 4.0 * epsilon * (sigma**12 / (9.0 * cutoff**9) - sigma**6 / (3.0 * cutoff**3))
    if system.switch_angstrom is None:
        return beyond
    nodes, weights = np.polynomial.legendre.leggauss(64)
    half = 0.5 * (cutoff - system.switch_angstrom)
    r = system.switch_angstrom + half * (nodes + 1.0)
    bare = system.model_copy(update={"switch_angstrom": None})
    lost = (
        pair_energy(r, np.full(64, sigma), np.full(64, epsilon), bare)[0]
        - pair_energy(r, np.full(64, sigma), np.full(64, epsilon), system)[0]
    )
    return beyond + half * float(np.sum(weights * lost * r**2))
