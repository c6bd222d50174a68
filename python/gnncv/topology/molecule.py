"""The template of one kind of molecule: its graph, its center, its axes and its descriptors."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from ase.data import atomic_numbers

from gnncv.errors import InvalidArgument
from gnncv.topology.axis import SUM_TOLERANCE, Axis

if TYPE_CHECKING:
    from ase import Atoms

    from gnncv.topology.choices import Choices

Pair = tuple[int, int]
Quadruple = tuple[int, int, int, int]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Molecule:
    """The template of one kind of molecule, its atoms in the order that they have in the frames.

    Attributes
    ----------
    name
        Of the kind; what the site is called.
    symbols
        (n_atoms,) chemical symbols.
    bonds
        Pairs (i, j) of atoms, i < j, sorted; they join all atoms.
    bond_lengths
        (n_bonds,) typical lengths, angstrom.
    bond_orders
        (n_bonds,) 1.0, 1.5 (aromatic), 2.0 or 3.0.
    weights
        (n_atoms,) weights of the center, sum 1.
    charges
        (n_atoms,) partial or formal charges, elementary charges; zeros where unknown.
    axes
        Directions of the molecule.
    distances
        Pairs of atoms whose distances are descriptors.
    torsions
        Quadruples i, j, k, l of atoms; the cosine of the torsion about j-k is a descriptor.

    Raises
    ------
    InvalidArgument
        If the lengths of the parts disagree, an atom is out of range, bonds do not join all atoms, or
        weights do not sum to one.
    """

    name: str
    symbols: tuple[str, ...]
    bonds: tuple[Pair, ...]
    bond_lengths: tuple[float, ...]
    bond_orders: tuple[float, ...]
    weights: tuple[float, ...]
    charges: tuple[float, ...]
    axes: tuple[Axis, ...] = ()
    distances: tuple[Pair, ...] = ()
    torsions: tuple[Quadruple, ...] = ()

    def __post_init__(self) -> None:
        self._check_atoms()
        self._check_bonds()
        for word, groups, size in (("distance", self.distances, 2), ("torsion", self.torsions, 4)):
            for group in groups:
                self._check_group(f"{word} {list(group)}", group, size)
        names = [axis.name for axis in self.axes]
        if len(set(names)) < len(names):
            raise InvalidArgument(f"{self._where}: two axes have the same name: {', '.join(names)}")
        for axis in self.axes:
            if axis.weights and len(axis.weights) != self.n_atoms:
                raise InvalidArgument(
                    f"{self._where}: axis {axis.name!r} has {len(axis.weights)} weights for "
                    f"{self.n_atoms} atoms"
                )
            if axis.ring:
                self._check_group(f"axis {axis.name!r}: ring {list(axis.ring)}", axis.ring, len(axis.ring))

    def _check_atoms(self) -> None:
        unknown = [symbol for symbol in self.symbols if symbol not in atomic_numbers]
        if unknown or not self.symbols:
            raise InvalidArgument(f"{self._where}: {unknown[0] if unknown else 'no atom'!r} is no element")
        for word in ("weights", "charges"):
            values = getattr(self, word)
            if len(values) != self.n_atoms or not all(map(math.isfinite, values)):
                raise InvalidArgument(
                    f"{self._where}: {word} must be {self.n_atoms} finite numbers, one for each atom, "
                    f"not {list(values)}"
                )
        if abs(math.fsum(self.weights) - 1) > SUM_TOLERANCE:
            raise InvalidArgument(
                f"{self._where}: the weights of the center sum to {math.fsum(self.weights)}, not to 1"
            )

    def _check_bonds(self) -> None:
        for bond in self.bonds:
            self._check_group(f"bond {list(bond)}", bond, 2)
            if bond[0] > bond[1]:
                raise InvalidArgument(f"{self._where}: bond {list(bond)} must name its lower atom first")
        if list(self.bonds) != sorted(set(self.bonds)):
            raise InvalidArgument(f"{self._where}: bonds must be sorted, each once")
        for word in ("bond_lengths", "bond_orders"):
            values = getattr(self, word)
            if len(values) != len(self.bonds) or not all(0 < value < math.inf for value in values):
                raise InvalidArgument(
                    f"{self._where}: {word} must be {len(self.bonds)} positive numbers, one for each bond"
                )
        reached = {child for child, _ in self.spanning_tree} | {0}
        if len(reached) < self.n_atoms:
            apart = min(set(range(self.n_atoms)) - reached)
            raise InvalidArgument(
                f"{self._where}: no bonds lead from atom 0 to atom {apart} ({self.symbols[apart]}): "
                "bonds must join all atoms of a molecule"
            )

    def _check_group(self, what: str, atoms: Sequence[int], size: int) -> None:
        if len(atoms) != size or len(set(atoms)) < size or not all(0 <= a < self.n_atoms for a in atoms):
            raise InvalidArgument(
                f"{self._where}: {what}: expected {size} different atoms, 0 to {self.n_atoms - 1}"
            )

    @property
    def _where(self) -> str:
        return f"molecule {self.name!r}"

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.symbols)

    @property
    def n_descriptors(self) -> int:
        """Number of descriptors: distances first, then cosines of torsions."""
        return len(self.distances) + len(self.torsions)

    @cached_property
    def neighbors(self) -> tuple[tuple[int, ...], ...]:
        """The atoms that each atom is bonded to, in ascending order."""
        rows: list[list[int]] = [[] for _ in self.symbols]
        for i, j in self.bonds:
            rows[i].append(j)
            rows[j].append(i)
        return tuple(tuple(sorted(row)) for row in rows)

    @cached_property
    def spanning_tree(self) -> tuple[tuple[int, int], ...]:
        """(atom, the atom it is reached from) along bonds, breadth first from atom 0."""
        steps: list[tuple[int, int]] = []
        reached, pending = {0}, deque([0])
        while pending:
            parent = pending.popleft()
            for child in self.neighbors[parent]:
                if child not in reached:
                    reached.add(child)
                    pending.append(child)
                    steps.append((child, parent))
        return tuple(steps)

    @classmethod
    def from_structure(cls, atoms: Atoms, name: str | None = None, **choices: Unpack[Choices]) -> Molecule:
        """Template of the one molecule that a structure is, its bonds guessed from covalent radii.

        Parameters
        ----------
        atoms
            The molecule; it may be split across periodic boundaries. All bond orders are 1.
        name
            Of the kind; its formula if absent.
        choices
            Center, axes, descriptors and charges, see `gnncv.topology.Choices`.

        Raises
        ------
        InvalidArgument
            If bonds do not join the atoms into one molecule, or something chosen does not fit it.
        """
        from gnncv.topology.templates import molecule_of_structure

        return molecule_of_structure(atoms, name, **choices)

    @classmethod
    def from_smiles(
        cls, smiles: str, name: str | None = None, atoms: Atoms | None = None, **choices: Unpack[Choices]
    ) -> Molecule:
        """Template of a SMILES: bonds, their orders and formal charges; needs RDKit.

        Parameters
        ----------
        smiles
            Of one molecule, hydrogens written or not.
        name
            Of the kind; the SMILES if absent.
        atoms
            A frame that the molecule is in: its atoms get the order that they have there (of the first such
            molecule), and typical lengths from there. Without, the order is the SMILES' own, hydrogens last.
        choices
            Center, axes, descriptors and charges, see `gnncv.topology.Choices`. Atoms named there are
            numbered in the order of the frame.

        Raises
        ------
        InvalidArgument
            If the SMILES cannot be read, if no molecule of the frame has its graph (the text says how they
            differ), or if something chosen does not fit.
        """
        from gnncv.topology.templates import molecule_of_smiles

        return molecule_of_smiles(smiles, name, atoms, **choices)

    @classmethod
    def from_file(
        cls, path: str | Path, name: str | None = None, atoms: Atoms | None = None, **choices: Unpack[Choices]
    ) -> Molecule:
        """Template of the molecule in a file with bonds: PDB with CONECT, SDF, MOL or MOL2; needs RDKit.

        As `from_smiles`; without `atoms`, the order is that of the file.
        """
        from gnncv.topology.templates import molecule_of_file

        return molecule_of_file(path, name, atoms, **choices)

    def as_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, for JSON."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Molecule:
        """The molecule of `as_dict`. Raises InvalidArgument if a part is missing or unknown."""
        name = data.get("name", "")
        parts = {key: _frozen(value) for key, value in data.items() if key != "axes"}
        axes = tuple(
            _build(Axis, f"axis of molecule {name!r}", {key: _frozen(value) for key, value in axis.items()})
            for axis in data.get("axes", ())
        )
        return _build(cls, f"molecule {name!r}", {**parts, "axes": axes})


def _build(cls: type[Value], where: str, parts: dict[str, Any]) -> Value:
    known = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    unknown = sorted(set(parts) - set(known))
    if unknown:
        raise InvalidArgument(f"{where}: unknown part {unknown[0]!r}; known: {', '.join(known)}")
    try:
        return cls(**parts)
    except TypeError as error:
        raise InvalidArgument(f"{where}: {error}") from None


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
