"""Real molecules as templates, and random systems of them in any box."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms
from ase.build import molecule as g2_molecule
from ase.data import atomic_masses, covalent_radii

from gnncv.topology import Axis, Molecule, Topology
from systems import random_rotation


def geometry(name: str) -> Atoms:
    """A molecule of ASE's G2 set, its atoms in the order of the set."""
    return g2_molecule(name)


def template(name: str, axes: Sequence[Axis] = ()) -> Molecule:
    """Template of a molecule of the G2 set: bonds from covalent radii, center of mass, all distances."""
    atoms = geometry(name)
    radii = covalent_radii[atoms.numbers]
    lengths = atoms.get_all_distances()
    near = lengths < 1.2 * (radii[:, None] + radii)
    bonds = tuple((int(i), int(j)) for i, j in zip(*np.nonzero(np.triu(near, 1)), strict=True))
    masses = atomic_masses[atoms.numbers]
    return Molecule(
        name=name,
        symbols=tuple(atoms.get_chemical_symbols()),
        bonds=bonds,
        bond_lengths=tuple(float(lengths[bond]) for bond in bonds),
        bond_orders=(1.0,) * len(bonds),
        weights=tuple((masses / masses.sum()).tolist()),
        charges=(0.0,) * len(atoms),
        axes=tuple(axes),
        distances=tuple(zip(*(side.tolist() for side in np.triu_indices(len(atoms), 1)), strict=True)),
    )


def some_topology() -> Topology:
    """Benzene with its normal, ethanol with two vectors and torsions, water without axes, Ar and Na."""
    benzene = template("C6H6", [Axis("normal", ring=(0, 1, 2, 3, 4, 5))])
    chain = (1.0, -1.0, *[0.0] * 7)
    head = (-0.5, -0.5, 1.0, *[0.0] * 6)
    ethanol = replace(
        template("CH3CH2OH", [Axis("chain", weights=chain), Axis("head", weights=head, headless=False)]),
        torsions=((0, 1, 2, 3), (6, 0, 1, 2)),
    )
    return Topology([benzene, ethanol, template("H2O")], ["Ar", "Na"])


def random_system(
    topology: Topology,
    counts: Sequence[int],
    cell: np.ndarray,
    pbc: Sequence[bool] | bool,
    generator: np.random.Generator,
    spread: float = 0.05,
) -> tuple[Atoms, np.ndarray]:
    """Molecules and atoms turned, shifted, distorted and mixed at random; they may overlap.

    Returns
    -------
    The frame with every atom at a random image, and the positions with every molecule in one piece.
    """
    kinds = np.repeat(np.arange(len(counts)), counts)
    generator.shuffle(kinds)
    symbols: list[str] = []
    pieces = []
    for kind in kinds:
        if kind < len(topology.molecules):
            name = topology.molecules[kind].name
            own = geometry(name)
            shape = own.positions @ random_rotation(generator).T
            shape = shape + np.clip(generator.normal(0, spread, shape.shape), -2 * spread, 2 * spread)
        else:
            own, shape = Atoms(topology.kinds[kind]), np.zeros((1, 3))
        symbols += own.get_chemical_symbols()
        pieces.append(shape + generator.random(3) @ cell)
    whole = np.concatenate(pieces)
    pbc = np.broadcast_to(np.asarray(pbc, dtype=bool), (3,))
    images = generator.integers(-2, 3, size=(len(whole), 3)) * pbc
    return Atoms(symbols, whole + images @ cell, cell=cell, pbc=pbc), whole
