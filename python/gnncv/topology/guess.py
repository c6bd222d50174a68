"""Whole frames as molecules by guessed bonds, and atoms put into the order of a template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Unpack

import numpy as np
from ase import Atoms

from gnncv.errors import InvalidArgument
from gnncv.topology.bonds import Component, components
from gnncv.topology.choices import Choices
from gnncv.topology.graph import MolecularGraph
from gnncv.topology.layout import Topology
from gnncv.topology.templates import conformations, molecule_of_shapes


def guess_topology(
    atoms: Atoms, names: Mapping[str, str] | None = None, **choices: Unpack[Choices]
) -> Topology:
    """The molecules of a frame, their bonds guessed from covalent radii across periodic boundaries.

    Parameters
    ----------
    atoms
        The frame. Atoms of a molecule must be consecutive, and in the same order in all molecules of a kind.
    names
        What to call a kind, by its formula (carbon, hydrogen, then alphabetic: ``{"C6H6": "benzene"}``); the
        formula itself if absent.
    choices
        Center, axes, descriptors of all kinds, see `Choices`.

    Returns
    -------
    The kinds of molecules in the order in which they first come; single atoms are species beside molecules.

    Raises
    ------
    InvalidArgument
        At the first molecule whose atoms are not consecutive, or in another order than in the first molecule
        of its kind.
    """
    parts = components(atoms)
    singles = dict.fromkeys(part.graph.symbols[0] for part in parts if part.graph.n_atoms == 1)
    kinds = kinds_of_molecules(parts)
    molecules = [
        molecule_of_shapes(
            graph,
            conformations(graph, atoms, members),
            (names or {}).get(graph.formula, graph.formula),
            **choices,
        )
        for graph, members in kinds.items()
    ]
    return Topology(molecules, tuple(singles))


def kinds_of_molecules(parts: Sequence[Component]) -> dict[MolecularGraph, np.ndarray]:
    """Each kind of molecule of a frame with the atoms (M_k, n_atoms) of its molecules, checked for order."""
    members: dict[MolecularGraph, list[tuple[int, ...]]] = {}
    for part in parts:
        if part.graph.n_atoms > 1:
            members.setdefault(part.graph, []).append(part.atoms)
    kinds = {graph: np.array(atoms) for graph, atoms in members.items()}
    known: list[MolecularGraph] = []
    for graph, atoms in kinds.items():
        for other in known:
            refuse_other_order(other, int(kinds[other][0, 0]), graph, int(atoms[0, 0]))
            if graph.symbols == other.symbols:
                raise InvalidArgument(_other_bonds(other, int(kinds[other][0, 0]), graph, int(atoms[0, 0])))
        known.append(graph)
        refuse_gaps(graph, atoms)
    return kinds


def refuse_gaps(graph: MolecularGraph, atoms: np.ndarray) -> None:
    """InvalidArgument at the first of some molecules (M, n_atoms) whose atoms are not consecutive."""
    gaps = np.diff(atoms, axis=1) != 1
    if gaps.any():
        row, column = (int(found[0]) for found in np.nonzero(gaps))
        raise InvalidArgument(
            f"the atoms of the {graph.formula} that begins at atom {atoms[row, 0]} are not consecutive: atom "
            f"{atoms[row, column] + 1} is not bonded to it, and atom {atoms[row, column + 1]} is; sort the "
            "atoms by molecules first, for instance with gnncv.topology.group_by_molecule"
        )


def refuse_other_order(graph: MolecularGraph, first: int, other: MolecularGraph, first_of_other: int) -> None:
    """InvalidArgument if two molecules, named by their first atoms, differ in the order of atoms alone."""
    if other == graph or other.n_atoms != graph.n_atoms or graph.match(other) is None:
        return
    differs = [a for a in range(graph.n_atoms) if graph.symbols[a] != other.symbols[a]]
    if differs:
        a = differs[0]
        what = f"its atom {a} is {other.symbols[a]}, not {graph.symbols[a]}"
    else:
        i, j = min(set(graph.bonds) - set(other.bonds))
        what = f"its atoms {i} ({graph.symbols[i]}) and {j} ({graph.symbols[j]}) are not bonded"
    raise InvalidArgument(
        f"the {graph.formula} that begins at atom {first_of_other} has its atoms in another order than the "
        f"one that begins at atom {first}: {what}; gnncv.topology.reorder puts them into one order"
    )


def _other_bonds(graph: MolecularGraph, first: int, other: MolecularGraph, first_of_other: int) -> str:
    difference = sorted(set(graph.bonds) ^ set(other.bonds))[0]
    i, j = difference
    has = "has" if difference in other.bonds else "lacks"
    return (
        f"the {graph.formula} that begins at atom {first_of_other} {has} a bond between its atoms {i} "
        f"({graph.symbols[i]}) and {j} ({graph.symbols[j]}), unlike the one that begins at atom {first}: "
        "atoms too close or too far apart for guessed bonds; take another frame, or give a SMILES or bonds"
    )


def group_by_molecule(atoms: Atoms) -> Atoms:
    """The frame with the atoms of each molecule, by guessed bonds, next to each other."""
    order = [atom for part in components(atoms) for atom in part.atoms]
    return atoms[order]


def atom_order(atoms: Atoms, topology: Topology) -> np.ndarray:
    """(N,) int64: which atom of a frame comes where, for molecules in the order of their templates.

    Molecules, found by guessed bonds, keep their order by first atom; within each, the atoms are matched with
    the template by elements and bonds. Every distinct order is matched once.

    Raises
    ------
    InvalidArgument
        At the first molecule that is none of the topology's.
    """
    templates = [MolecularGraph.of_bonds(molecule.symbols, molecule.bonds) for molecule in topology.molecules]
    known: dict[MolecularGraph, np.ndarray] = {}
    order = []
    for part in components(atoms):
        if part.graph not in known:
            known[part.graph] = _order_within(part, templates, topology)
        order.append(np.array(part.atoms)[known[part.graph]])
    return np.concatenate(order) if order else np.zeros(0, dtype=np.int64)


def reorder(atoms: Atoms, topology: Topology) -> Atoms:
    """The frame with the atoms of every molecule in the order of its template, see `atom_order`."""
    return atoms[atom_order(atoms, topology)]


def _order_within(part: Component, templates: Sequence[MolecularGraph], topology: Topology) -> np.ndarray:
    """For each atom of the template that a component is, its place in the component."""
    if part.graph.symbols in [(symbol,) for symbol in topology.atoms]:
        return np.zeros(1, dtype=np.int64)
    for template in templates:
        found = part.graph.match(template) if template.n_atoms == part.graph.n_atoms else None
        if found is not None:
            return np.array(found, dtype=np.int64)
    raise InvalidArgument(
        f"the {part.graph.formula} that begins at atom {part.atoms[0]} is none of {', '.join(topology.kinds)}"
        + "".join(
            f"; it is not {name!r}, with {difference}"
            for name, template in zip(topology.kinds, templates, strict=False)
            if (difference := template.difference(part.graph))
        )
    )
