"""What a template says besides its graph: center, descriptors and axes, by name or written out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypedDict

import numpy as np
from ase.data import atomic_masses, atomic_numbers

from gnncv.errors import InvalidArgument
from gnncv.topology.axis import Axis
from gnncv.topology.graph import MolecularGraph, Pair, Quadruple, out_of_plane

CenterName = Literal["mass", "geometric", "heavy"]
DistancesName = Literal["none", "bonds", "local", "heavy", "all"]
TorsionsName = Literal["none", "heavy", "all"]

LINEAR = math.cos(math.radians(160.0))  # an angle that is wider on average has no torsion beside it
FLAT = 0.2  # angstrom out of the plane, root mean square, that heat leaves to a planar ring


class Choices(TypedDict, total=False):
    """What can be chosen about a template.

    Attributes
    ----------
    center
        ``mass`` (default), ``geometric``, ``heavy`` (masses without hydrogen) or weights of the atoms.
    axes
        ``auto`` (default: the normals of planar rings, one for rings that share bonds) or axes.
    distances
        Descriptors: pairs up to three bonds apart (``local``, default), ``bonds``, all pairs of ``heavy``
        atoms, ``all`` pairs, ``none``, or pairs.
    torsions
        ``none`` (default), those along bonds between ``heavy`` atoms, ``all``, or quadruples.
    charges
        Of the atoms; formal charges of the SMILES or file if absent.
    """

    center: CenterName | Sequence[float]
    axes: Literal["auto"] | Sequence[Axis]
    distances: DistancesName | Sequence[Sequence[int]]
    torsions: TorsionsName | Sequence[Sequence[int]]
    charges: Sequence[float] | None


def center_weights(
    where: str, symbols: Sequence[str], center: CenterName | Sequence[float]
) -> tuple[float, ...]:
    """Weights (n_atoms,), sum 1. Raises InvalidArgument."""
    masses = atomic_masses[[atomic_numbers[symbol] for symbol in symbols]]
    if isinstance(center, str):
        heavy = np.array([symbol != "H" for symbol in symbols])
        known = {"mass": masses, "geometric": np.ones_like(masses), "heavy": masses * heavy}
        if center not in known:
            raise InvalidArgument(f"{where}: center {center!r} is not allowed; allowed: {', '.join(known)}")
        weights = known[center]
    else:
        weights = np.asarray(center, dtype=float)
        if weights.shape != masses.shape:
            raise InvalidArgument(
                f"{where}: {len(weights)} weights of the center are given for {len(masses)} atoms"
            )
    total = math.fsum(weights)
    if not total > 0:
        raise InvalidArgument(f"{where}: the weights of the center sum to {total:g}: they must be positive")
    return tuple(float(weight) for weight in weights / total)


def distance_pairs(
    where: str, graph: MolecularGraph, distances: DistancesName | Sequence[Sequence[int]]
) -> tuple[Pair, ...]:
    """Pairs of atoms whose distances are descriptors. Raises InvalidArgument."""
    if not isinstance(distances, str):
        return tuple((int(pair[0]), int(pair[1])) for pair in distances)
    reach = {"none": 0, "bonds": 1, "local": 3}
    if distances in reach:
        return tuple(graph.near_pairs(reach[distances]))
    if distances not in ("heavy", "all"):
        allowed = ", ".join([*reach, "heavy", "all"])
        raise InvalidArgument(f"{where}: distances {distances!r} is not allowed; allowed: {allowed}")
    atoms = [a for a, symbol in enumerate(graph.symbols) if distances == "all" or symbol != "H"]
    return tuple((i, j) for number, i in enumerate(atoms) for j in atoms[number + 1 :])


def torsion_quadruples(
    where: str,
    graph: MolecularGraph,
    torsions: TorsionsName | Sequence[Sequence[int]],
    shapes: np.ndarray,
) -> tuple[Quadruple, ...]:
    """Quadruples of atoms whose torsions are descriptors.

    Those that a name selects leave out torsions beside an angle that is linear in `shapes` (S, n_atoms, 3);
    written out, they are refused with InvalidArgument.
    """
    if not isinstance(torsions, str):
        written = tuple((int(q[0]), int(q[1]), int(q[2]), int(q[3])) for q in torsions)
        for quadruple in written:
            linear = _linear_angle(shapes, quadruple)
            if linear:
                named = "-".join(f"{a} ({graph.symbols[a]})" for a in linear)
                raise InvalidArgument(
                    f"{where}: torsion {list(quadruple)}: the angle {named} is linear, and the torsion has "
                    "no value there; leave it out"
                )
        return written
    if torsions not in ("none", "heavy", "all"):
        raise InvalidArgument(f"{where}: torsions {torsions!r} is not allowed; allowed: none, heavy, all")
    if torsions == "none":
        return ()
    return tuple(
        quadruple
        for quadruple in graph.torsions()
        if (torsions == "all" or all(graph.symbols[a] != "H" for a in quadruple))
        and not _linear_angle(shapes, quadruple)
    )


def _linear_angle(shapes: np.ndarray, quadruple: Quadruple) -> tuple[int, int, int] | None:
    for i, j, k in (quadruple[:3], quadruple[1:]):
        left, right = shapes[:, i] - shapes[:, j], shapes[:, k] - shapes[:, j]
        lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
        if np.mean((left * right).sum(axis=1) / lengths) < LINEAR:
            return i, j, k
    return None


def planar_rings(graph: MolecularGraph, shapes: np.ndarray) -> list[tuple[int, ...]]:
    """Rings whose atoms have at most three neighbors each and are planar on average; one of each system.

    Rings that share a bond have nearly the same normal: the largest stands for them, the first among equals.
    """
    flat = [
        ring
        for ring in graph.rings()
        if all(graph.network.degree[atom] <= 3 for atom in ring)
        and float(np.median(out_of_plane(shapes[:, list(ring)]))) < FLAT
    ]
    chosen: list[tuple[int, ...]] = []
    taken: list[set[int]] = []
    for ring in sorted(flat, key=lambda atoms: (-len(atoms), atoms)):
        system = set(ring)
        if any(len(system & other) > 1 for other in taken):
            next(other for other in taken if len(system & other) > 1).update(system)
        else:
            taken.append(system)
            chosen.append(ring)
    return sorted(chosen)


def ring_normals(graph: MolecularGraph, shapes: np.ndarray) -> tuple[Axis, ...]:
    """The normals of the planar rings: `normal`, or `normal-1`, `normal-2`, ... if there are several."""
    rings = planar_rings(graph, shapes)
    names = ["normal"] if len(rings) == 1 else [f"normal-{number}" for number in range(1, len(rings) + 1)]
    return tuple(Axis(name, ring=ring) for name, ring in zip(names, rings, strict=True))


def vector_axis(
    graph: MolecularGraph,
    name: str,
    begin: Sequence[int],
    end: Sequence[int],
    headless: bool | None = None,
) -> Axis:
    """The axis from the mean position of some atoms to the mean position of others.

    Parameters
    ----------
    graph
        Of the molecule.
    name
        Of the axis.
    begin, end
        Atoms of the molecule.
    headless
        Whether the vector and its opposite mean the same; if None, whether a symmetry of the molecule's graph
        exchanges the two sets of atoms.

    Raises
    ------
    InvalidArgument
        If an atom does not exist or the two sets are the same.
    """
    weights = [0.0] * graph.n_atoms
    for atoms, sign in ((begin, -1), (end, 1)):
        if not atoms or not all(0 <= atom < graph.n_atoms for atom in atoms):
            raise InvalidArgument(
                f"axis {name!r}: atoms {list(atoms)} must be one or more of 0 to {graph.n_atoms - 1}"
            )
        for atom in atoms:
            weights[atom] += sign / len(atoms)
    if headless is None:
        rounded = [round(weight, 9) for weight in weights]
        headless = graph.has_symmetry_between(rounded, [-weight for weight in rounded])
    return Axis(name, weights=tuple(weights), headless=headless)


def ring_axis(graph: MolecularGraph, name: str, ring: Sequence[int]) -> Axis:
    """The normal of a ring; atoms in any order if bonds join them into one, else in order around it."""
    if not all(0 <= atom < graph.n_atoms for atom in ring):
        raise InvalidArgument(f"axis {name!r}: ring {list(ring)}: expected atoms of 0 to {graph.n_atoms - 1}")
    inside = graph.network.subgraph(ring)
    if len(inside) == len(ring) >= 3 and all(degree == 2 for _, degree in inside.degree):
        bonded = [each for each in graph.rings() if set(each) == set(ring)]
        ring = bonded[0] if bonded else ring
    return Axis(name, ring=tuple(int(atom) for atom in ring))
