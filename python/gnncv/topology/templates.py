"""Templates of molecules from SMILES, from files, and from structures whose bonds are guessed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import ase.io
import numpy as np
from ase import Atoms

from gnncv.errors import InvalidArgument
from gnncv.topology.bonds import Component, components, covalent_lengths
from gnncv.topology.chemistry import WITH_BONDS, graph_of_file, graph_of_smiles, shape_of_smiles
from gnncv.topology.choices import (
    Choices,
    center_weights,
    distance_pairs,
    ring_normals,
    torsion_quadruples,
)
from gnncv.topology.graph import MolecularGraph
from gnncv.topology.layout import Topology
from gnncv.topology.molecule import Molecule
from gnncv.topology.whole import make_whole


def bare_molecule(graph: MolecularGraph, name: str) -> Molecule:
    """A graph as a molecule, with lengths from covalent radii and nothing chosen yet."""
    return Molecule(
        name=name,
        symbols=graph.symbols,
        bonds=graph.bonds,
        bond_lengths=covalent_lengths(graph.symbols, graph.bonds),
        bond_orders=graph.orders,
        weights=center_weights(f"molecule {name!r}", graph.symbols, "mass"),
        charges=graph.charges,
    )


def molecule_of_shapes(
    graph: MolecularGraph, shapes: np.ndarray, name: str, **choices: Unpack[Choices]
) -> Molecule:
    """The template of a graph and some of its conformations.

    Parameters
    ----------
    graph
        Of the molecule, in the order of the frames.
    shapes
        (S, n_atoms, 3) whole conformations, angstrom: typical bond lengths are their medians, and they tell
        which rings are planar and which angles linear. Bonds and atoms that a symmetry of the graph exchanges
        get the same length, order and formal charge, the mean: 1.5 and -0.5 for the bonds and oxygens of a
        carboxylate.
    name
        Of the kind.
    choices
        Center, axes, descriptors and charges, see `Choices`.

    Raises
    ------
    InvalidArgument
        If something chosen does not fit the molecule.
    """
    where = f"molecule {name!r}"
    lengths = [float(np.median(np.linalg.norm(shapes[:, j] - shapes[:, i], axis=1))) for i, j in graph.bonds]
    alike = graph.colors(graph.symbols)
    bonds_alike = [tuple(sorted((alike[i], alike[j]))) for i, j in graph.bonds]
    axes, charges = choices.get("axes", "auto"), choices.get("charges")
    if isinstance(axes, str) and axes != "auto":
        raise InvalidArgument(f"{where}: axes {axes!r} is not allowed; allowed: auto, or a list of axes")
    return Molecule(
        name=name,
        symbols=graph.symbols,
        bonds=graph.bonds,
        bond_lengths=_mean_of_alike(lengths, bonds_alike),
        bond_orders=_mean_of_alike(graph.orders, bonds_alike),
        weights=center_weights(where, graph.symbols, choices.get("center", "mass")),
        charges=_mean_of_alike(graph.charges, alike) if charges is None else tuple(map(float, charges)),
        axes=ring_normals(graph, shapes) if isinstance(axes, str) else tuple(axes),
        distances=distance_pairs(where, graph, choices.get("distances", "local")),
        torsions=torsion_quadruples(where, graph, choices.get("torsions", "none"), shapes),
    )


def _mean_of_alike(values: Sequence[float], labels: Sequence[object]) -> tuple[float, ...]:
    """The mean over the items with the same label, at each of them."""
    groups: dict[object, list[float]] = {}
    for value, label in zip(values, labels, strict=True):
        groups.setdefault(label, []).append(value)
    return tuple(math.fsum(groups[label]) / len(groups[label]) for label in labels)


def conformations(graph: MolecularGraph, frame: Atoms, atoms: np.ndarray) -> np.ndarray:
    """(S, n_atoms, 3): molecules of a frame, given by their atoms (S, n_atoms), each in one piece."""
    topology = Topology([bare_molecule(graph, graph.formula)])
    layout = topology.match(graph.symbols * len(atoms))
    flat = make_whole(frame.positions[atoms.ravel()], frame.cell.array, frame.pbc, topology, layout)
    return np.asarray(flat.reshape(len(atoms), graph.n_atoms, 3))


def graph_of_any_file(path: Path) -> tuple[MolecularGraph, np.ndarray]:
    """Graph and whole positions (n_atoms, 3) of the one molecule in a file; bonds are guessed if it has none.

    Raises
    ------
    InvalidArgument
        If the file cannot be read, or is not one molecule.
    """
    if path.suffix.lower() in WITH_BONDS:
        return graph_of_file(path)
    try:
        atoms = ase.io.read(path)
    except Exception as error:
        raise InvalidArgument(f"{path}: cannot be read as a structure: {error}") from error
    return _only_molecule(atoms, str(path))


def _only_molecule(atoms: Atoms, source: str) -> tuple[MolecularGraph, np.ndarray]:
    found = components(atoms)
    if len(found) != 1:
        counts = Counter(part.graph.formula for part in found)
        parts = ", ".join(f"{number} {formula}" for formula, number in counts.items())
        raise InvalidArgument(
            f"{source} must be one molecule, but guessed bonds make it {parts or 'none'}; use guess_topology "
            "for a frame of many, or give the bonds"
        )
    graph = found[0].graph
    return graph, conformations(graph, atoms, np.arange(len(atoms))[None])[0]


def molecule_of_structure(atoms: Atoms, name: str | None, **choices: Unpack[Choices]) -> Molecule:
    """See `Molecule.from_structure`."""
    graph, shape = _only_molecule(atoms, "the structure")
    return molecule_of_shapes(graph, shape[None], name or graph.formula, **choices)


def molecule_of_smiles(
    smiles: str, name: str | None, atoms: Atoms | None, **choices: Unpack[Choices]
) -> Molecule:
    """See `Molecule.from_smiles`."""
    graph = graph_of_smiles(smiles)
    if atoms is None:
        return molecule_of_shapes(graph, shape_of_smiles(smiles)[None], name or smiles, **choices)
    return _in_frame(graph, atoms, f"SMILES {smiles!r}", name or smiles, **choices)


def molecule_of_file(
    path: str | Path, name: str | None, atoms: Atoms | None, **choices: Unpack[Choices]
) -> Molecule:
    """See `Molecule.from_file`."""
    path = Path(path)
    graph, positions = graph_of_any_file(path)
    if atoms is None:
        return molecule_of_shapes(graph, positions[None], name or path.stem, **choices)
    return _in_frame(graph, atoms, str(path), name or path.stem, **choices)


def _in_frame(
    graph: MolecularGraph, frame: Atoms, source: str, name: str, **choices: Unpack[Choices]
) -> Molecule:
    ordered, atoms = graph_in_frame(graph, components(frame), source)
    return molecule_of_shapes(ordered, conformations(ordered, frame, atoms), name, **choices)


def graph_in_frame(
    graph: MolecularGraph, parts: Sequence[Component], source: str
) -> tuple[MolecularGraph, np.ndarray]:
    """A graph with its atoms in the order that they have in a frame.

    Parameters
    ----------
    graph
        With atoms in any order.
    parts
        The components of the frame.
    source
        Where the graph is from, for the error.

    Returns
    -------
    The graph in the order of the first component that is this molecule, and the atoms (S, n_atoms) of all
    components in the same order.

    Raises
    ------
    InvalidArgument
        If no component is this molecule; the text says how they differ.
    """
    order, first = None, None
    for candidate in dict.fromkeys(part.graph for part in parts):
        order = graph.match(candidate) if candidate.n_atoms == graph.n_atoms else None
        if order is not None:
            first = candidate
            break
    if order is None or first is None:
        raise InvalidArgument(f"{source} is not in the frame: {_how_it_differs(graph, parts)}")
    same = [part.atoms for part in parts if part.graph == first]
    return graph.in_order(order), np.array(same)


def _how_it_differs(graph: MolecularGraph, parts: Sequence[Component]) -> str:
    """In which way the molecule most like `graph` is another."""
    counts = Counter(part.graph for part in parts)
    if not counts:
        return "the frame has no atoms"
    composition = Counter(graph.symbols)

    def unlike(other: MolecularGraph) -> int:
        theirs = Counter(other.symbols)
        return sum(abs(composition[s] - theirs[s]) for s in composition | theirs)

    nearest = min(counts, key=lambda other: (unlike(other), -counts[other]))
    example = next(part for part in parts if part.graph == nearest)
    found = f"{counts[nearest]} of its molecules"
    where = f"atoms {example.atoms[0]} to {example.atoms[-1]} for one"
    difference = graph.difference(nearest)
    if difference:
        return f"{found} ({where}) come closest, with {difference}"
    return f"{found} ({where}) have the same elements and kinds of bonds, but joined in another way"
