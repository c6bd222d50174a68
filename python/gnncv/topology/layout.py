"""Kinds of sites, and where the sites are in a list of atoms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from ase.data import atomic_numbers

from gnncv.errors import InvalidArgument
from gnncv.topology.molecule import Molecule


@dataclass(frozen=True, eq=False)
class SiteLayout:
    """Which atoms of a list belong to which site.

    Attributes
    ----------
    kind
        (M,) int64: kind of each site, index into `Topology.kinds`.
    first_atom
        (M,) int64: its first atom; its atoms are consecutive.
    n_atoms
        Length N of the list.
    """

    kind: np.ndarray
    first_atom: np.ndarray
    n_atoms: int

    @property
    def n_sites(self) -> int:
        """Number of sites M."""
        return len(self.kind)

    @cached_property
    def site_of_atom(self) -> np.ndarray:
        """(N,) int64: the site that each atom belongs to."""
        lengths = np.diff(self.first_atom, append=self.n_atoms)
        return np.repeat(np.arange(self.n_sites), lengths)

    def sites_of_kind(self, kind: int) -> np.ndarray:
        """(M_k,) int64: sites of one kind, in the order of the list."""
        return np.flatnonzero(self.kind == kind)

    def atoms_of_kind(self, kind: int, size: int) -> np.ndarray:
        """(M_k, size) int64: the atoms of the sites of one kind, which have `size` atoms each."""
        return self.first_atom[self.sites_of_kind(kind), None] + np.arange(size)


@dataclass(frozen=True)
class Topology:
    """The kinds of sites a system has: molecules first, then the species of atoms beside molecules.

    A site of an atom beside molecules is that atom.

    Attributes
    ----------
    molecules
        The kinds of molecules.
    atoms
        Chemical symbols of the atoms beside molecules.

    Raises
    ------
    InvalidArgument
        If there is no kind at all, two kinds have the same name, a symbol is no element, or two molecules
        have the same symbols in the same order, so that a list of atoms does not tell them apart.
    """

    molecules: Sequence[Molecule]
    atoms: Sequence[str] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "molecules", tuple(self.molecules))
        object.__setattr__(self, "atoms", tuple(self.atoms))
        if not self.kinds:
            raise InvalidArgument("a topology needs at least one molecule or species of atoms")
        for number, name in enumerate(self.kinds):
            if name in self.kinds[:number]:
                raise InvalidArgument(f"two kinds of sites are called {name!r}: give each its own name")
        for symbol in self.atoms:
            if symbol not in atomic_numbers:
                raise InvalidArgument(f"atoms beside molecules: {symbol!r} is no element")
        seen: dict[tuple[str, ...], str] = {}
        for name, symbols in zip(self.kinds, self._patterns, strict=True):
            if symbols in seen:
                raise InvalidArgument(
                    f"{seen[symbols]!r} and {name!r} have the same elements in the same order: a list of "
                    "atoms does not tell them apart; give one of them another order of atoms"
                )
            seen[symbols] = name

    @property
    def kinds(self) -> list[str]:
        """Names of the kinds of sites."""
        return [*(molecule.name for molecule in self.molecules), *self.atoms]

    @property
    def n_axes(self) -> int:
        """The largest number of axes that a kind has."""
        return max((len(molecule.axes) for molecule in self.molecules), default=0)

    @property
    def headless(self) -> list[bool]:
        """For each axis of a site whether its sign has no meaning: if it has none for any kind."""
        kinds = [molecule.axes for molecule in self.molecules]
        return [any(axes[a].headless for axes in kinds if a < len(axes)) for a in range(self.n_axes)]

    @property
    def _patterns(self) -> list[tuple[str, ...]]:
        return [*(molecule.symbols for molecule in self.molecules), *((symbol,) for symbol in self.atoms)]

    def match(self, symbols: Sequence[str]) -> SiteLayout:
        """Find the sites in a list of atoms, from its start on.

        Where several kinds fit, the one with the most atoms is taken.

        Parameters
        ----------
        symbols
            (N,) chemical symbols of the atoms.

        Returns
        -------
        The sites, in the order of the list.

        Raises
        ------
        InvalidArgument
            At the first atom that fits no kind, or if the last molecule is incomplete.
        """
        numbers = np.array([atomic_numbers.get(symbol, -1) for symbol in symbols], dtype=np.int64)
        patterns = self._patterns
        kind_at = np.full(len(numbers), -1)
        for kind in sorted(range(len(patterns)), key=lambda k: len(patterns[k])):
            kind_at[_starts(numbers, patterns[kind])] = kind
        lengths = [len(pattern) for pattern in patterns]
        kinds: list[int] = []
        firsts: list[int] = []
        fitting, at = kind_at.tolist(), 0
        while at < len(fitting):
            kind = fitting[at]
            if kind < 0:
                raise InvalidArgument(self._mismatch(symbols, at, len(firsts)))
            kinds.append(kind)
            firsts.append(at)
            at += lengths[kind]
        return SiteLayout(np.array(kinds, dtype=np.int64), np.array(firsts, dtype=np.int64), len(numbers))

    def _mismatch(self, symbols: Sequence[str], at: int, site: int) -> str:
        """Why no kind fits the atoms from `at` on."""
        best, name, agree = self._patterns[0], "", -1
        for kind, pattern in zip(self.kinds, self._patterns, strict=True):
            same = 0
            while same < len(pattern) and at + same < len(symbols) and symbols[at + same] == pattern[same]:
                same += 1
            if same > agree:
                best, name, agree = pattern, kind, same
        where = at + agree
        if where == len(symbols):
            return (
                f"the list of atoms ends within {name!r} (site {site}): {agree} of its {len(best)} atoms are "
                f"there, from atom {at} on"
            )
        if agree == 0:
            begins = ", ".join(
                f"{kind!r} with {pattern[0]}"
                for kind, pattern in zip(self.kinds, self._patterns, strict=True)
            )
            return f"atom {at} is {symbols[at]}, and no site begins with it: {begins}"
        return (
            f"atom {where} is {symbols[where]}, but {name!r} that begins at atom {at} (site {site}) has "
            f"{best[agree]} there, its atom {agree} of {' '.join(best)}: the atoms are in another "
            "order than in the template"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, for JSON."""
        return {"molecules": [molecule.as_dict() for molecule in self.molecules], "atoms": list(self.atoms)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Topology:
        """The topology of `as_dict`. Raises InvalidArgument if a part is missing or unknown."""
        unknown = sorted(set(data) - {"molecules", "atoms"})
        if unknown:
            raise InvalidArgument(f"topology: unknown part {unknown[0]!r}; known: molecules, atoms")
        return cls([Molecule.from_dict(each) for each in data.get("molecules", ())], data.get("atoms", ()))


def _starts(numbers: np.ndarray, pattern: Sequence[str]) -> np.ndarray:
    """Every position at which the pattern of elements stands in the list."""
    found = np.arange(max(0, len(numbers) - len(pattern) + 1))
    for step, symbol in enumerate(pattern):
        found = found[numbers[found + step] == atomic_numbers[symbol]]
    return found
