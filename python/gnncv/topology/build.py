"""A topology from the section `molecules` of a training file and its frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from ase import Atoms

from gnncv.errors import InvalidArgument
from gnncv.topology.axis import Axis
from gnncv.topology.bonds import Component, components
from gnncv.topology.chemistry import graph_of_smiles
from gnncv.topology.choices import planar_rings, ring_axis, vector_axis
from gnncv.topology.config import AxisConfig, MoleculeEntry
from gnncv.topology.graph import MolecularGraph
from gnncv.topology.guess import kinds_of_molecules, refuse_gaps, refuse_other_order
from gnncv.topology.layout import SiteLayout, Topology
from gnncv.topology.molecule import Molecule
from gnncv.topology.templates import bare_molecule, graph_in_frame, graph_of_any_file, molecule_of_shapes
from gnncv.topology.whole import make_whole

MOST_FRAMES_MEASURED = 20


def build_topology(kinds: Sequence[MoleculeEntry], frames: Sequence[Atoms]) -> Topology:
    """The topology that a training file describes, checked against all frames.

    Bonds of SMILES, structures and guesses are brought into the order that the atoms have in the first frame;
    typical lengths are medians over up to twenty frames. Species that no entry names and that occur in no
    molecule become atoms beside molecules.

    Parameters
    ----------
    kinds
        The entries of `molecules:`.
    frames
        All frames of the training, at least one.

    Returns
    -------
    The topology; every frame matches it, with every molecule in one piece.

    Raises
    ------
    InvalidArgument
        If an entry does not fit the first frame, or at the first frame whose atoms are in another order.
    """
    if not frames:
        raise InvalidArgument("molecules: there are no frames to find them in")
    if not any(entry.atom is None for entry in kinds):
        raise InvalidArgument("molecules: give at least one molecule; atoms alone need no such section")
    parts: list[Component] = []
    if any(entry.atom is None and entry.bonds is None for entry in kinds):
        parts = components(frames[0])
    graphs = _graphs(kinds, parts)
    molecules = [bare_molecule(graph, name) for name, graph in graphs.items()]
    bare = Topology(molecules, _species(kinds, molecules, frames))
    shapes = _shapes(bare, frames)
    entries = {entry.name: entry for entry in kinds if entry.atom is None}
    final = [
        molecule_of_shapes(
            graph,
            shapes[name],
            name,
            center=entries[name].center,
            axes=_axes(entries[name].axes, graph, shapes[name], name),
            distances=entries[name].distances,
            torsions=entries[name].torsions,
            charges=entries[name].charges,
        )
        for name, graph in graphs.items()
    ]
    topology = Topology(final, bare.atoms)
    for number, frame in enumerate(frames):
        _whole(topology, frame, number)
    return topology


def _graphs(kinds: Sequence[MoleculeEntry], parts: Sequence[Component]) -> dict[str, MolecularGraph]:
    """The graph of every entry by its name, in the order of the frames."""
    found: dict[str, MolecularGraph] = {}
    for entry in kinds:
        if entry.atom is not None or entry.guess:
            continue
        if entry.bonds is not None:
            found[entry.name] = _explicit(entry)
        elif entry.smiles is not None:
            found[entry.name] = _placed(graph_of_smiles(entry.smiles), parts, f"SMILES {entry.smiles!r}")
        elif entry.structure is not None:
            graph, _ = graph_of_any_file(entry.structure)
            found[entry.name] = _placed(graph, parts, str(entry.structure))
    for entry in kinds:
        if entry.guess:
            found[entry.name] = _guessed(entry, found, parts)
    names = [entry.name for entry in kinds if entry.atom is None]
    return {name: found[name] for name in names}


def _explicit(entry: MoleculeEntry) -> MolecularGraph:
    symbols, bonds = entry.elements, entry.bonds or []
    for bond in bonds:
        if not all(0 <= atom < len(symbols) for atom in bond[:2]):
            raise InvalidArgument(
                f"molecule {entry.name!r}: bond {list(bond[:2])}: expected atoms of 0 to {len(symbols) - 1}"
            )
    orders = {(min(b[:2]), max(b[:2])): float(b[2]) if len(b) > 2 else 1.0 for b in bonds}
    pairs = tuple(sorted(orders))
    return MolecularGraph(symbols, pairs, tuple(orders[pair] for pair in pairs), (0.0,) * len(symbols))


def _placed(graph: MolecularGraph, parts: Sequence[Component], source: str) -> MolecularGraph:
    """The graph in the order of the frame, all of whose molecules of that kind must have the same."""
    placed, atoms = graph_in_frame(graph, parts, source)
    refuse_gaps(placed, atoms)
    own = next(part.graph for part in parts if part.atoms == tuple(atoms[0].tolist()))
    for part in {part.graph: part for part in reversed(parts)}.values():
        refuse_other_order(own, int(atoms[0, 0]), part.graph, part.atoms[0])
    return placed


def _guessed(
    entry: MoleculeEntry, found: dict[str, MolecularGraph], parts: Sequence[Component]
) -> MolecularGraph:
    """The one kind of molecule in the frame that no other entry describes."""
    known = [(graph.symbols, graph.bonds) for graph in found.values()]
    left = [graph for graph in kinds_of_molecules(parts) if (graph.symbols, graph.bonds) not in known]
    if entry.symbols is not None:
        left = [graph for graph in left if Counter(graph.symbols) == Counter(entry.elements)]
    if len(left) != 1:
        formulas = ", ".join(graph.formula for graph in left) or "none"
        raise InvalidArgument(
            f"molecule {entry.name!r}: guessed bonds make {len(left)} kinds of molecules that it can be "
            f"({formulas}); say which with `symbols`, or give a SMILES or the bonds"
        )
    return left[0]


def _species(
    kinds: Sequence[MoleculeEntry], molecules: Sequence[Molecule], frames: Sequence[Atoms]
) -> tuple[str, ...]:
    """Atoms beside molecules: declared ones, then those of elements that no molecule has."""
    declared = [entry.atom for entry in kinds if entry.atom is not None]
    inside = {symbol for molecule in molecules for symbol in molecule.symbols}
    present = {str(symbol) for frame in frames for symbol in frame.symbols.species()}
    return tuple(dict.fromkeys([*declared, *sorted(present - inside)]))


def _shapes(topology: Topology, frames: Sequence[Atoms]) -> dict[str, np.ndarray]:
    """Conformations (S, n_atoms, 3) of every kind of molecule in some of the frames, evenly chosen."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, MOST_FRAMES_MEASURED).round().astype(int))
    found: dict[str, list[np.ndarray]] = {molecule.name: [] for molecule in topology.molecules}
    for number in chosen.tolist():
        layout, whole = _whole(topology, frames[number], number)
        for kind, molecule in enumerate(topology.molecules):
            found[molecule.name].append(whole[layout.atoms_of_kind(kind, molecule.n_atoms)])
    shapes = {name: np.concatenate(each) for name, each in found.items()}
    for name, each in shapes.items():
        if len(each) == 0:
            raise InvalidArgument(f"molecule {name!r} is in none of the frames")
    return shapes


def _whole(topology: Topology, frame: Atoms, number: int) -> tuple[SiteLayout, np.ndarray]:
    try:
        layout = topology.match(frame.get_chemical_symbols())
        return layout, make_whole(frame.positions, frame.cell.array, frame.pbc, topology, layout)
    except InvalidArgument as error:
        source = frame.info.get("source")
        where = f"{source}, frame {frame.info.get('frame', number)}" if source else f"frame {number}"
        raise InvalidArgument(
            f"{where}: {error}; gnncv.topology.reorder(atoms, topology) brings frames into one order"
        ) from None


def _axes(
    axes: Literal["auto"] | Sequence[AxisConfig], graph: MolecularGraph, shapes: np.ndarray, name: str
) -> Literal["auto"] | list[Axis]:
    if isinstance(axes, str):
        return axes
    return [_axis(axis, graph, shapes, name) for axis in axes]


def _axis(axis: AxisConfig, graph: MolecularGraph, shapes: np.ndarray, name: str) -> Axis:
    try:
        if axis.ring is None:
            return vector_axis(graph, axis.name, axis.begin, axis.end, axis.headless)
        if axis.ring != "auto":
            return ring_axis(graph, axis.name, axis.ring)
        rings = planar_rings(graph, shapes)
        if len(rings) != 1:
            listed = f": {', '.join(str(list(ring)) for ring in rings)}" if rings else ""
            raise InvalidArgument(
                f"axis {axis.name!r}: there are {len(rings)} planar rings{listed}; name the atoms of one"
            )
        return Axis(axis.name, ring=rings[0])
    except InvalidArgument as error:
        raise InvalidArgument(f"molecule {name!r}: {error}") from None
