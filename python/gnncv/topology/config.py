"""Configuration of molecules, as the section `molecules` of a training file gives it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ase.symbols import string2symbols
from pydantic import BaseModel, ConfigDict, Field, model_validator

from gnncv.topology.choices import CenterName, DistancesName, TorsionsName


class AxisConfig(BaseModel):
    """A direction of a molecule: the normal of a ring, or from some of its atoms to others.

    Atoms are numbered from 0 within the molecule, in the order of the frames.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: str = Field(min_length=1, description="What the axis is called.")
    ring: Literal["auto"] | list[int] | None = Field(
        default=None,
        description="The normal of the ring of these atoms; `auto` takes the molecule's only planar ring.",
    )
    begin: list[int] = Field(
        default_factory=list, alias="from", description="A vector from the mean position of these atoms."
    )
    end: list[int] = Field(default_factory=list, alias="to", description="To the mean position of these.")
    headless: bool | None = Field(
        default=None,
        description="Whether the vector and its opposite mean the same; if absent, whether a symmetry of the "
        "molecule exchanges its ends. A normal is always headless.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> AxisConfig:
        if (self.ring is None) == (not self.begin and not self.end):
            raise ValueError("give either `ring`, or `from` and `to`")
        if self.ring is None and not (self.begin and self.end):
            raise ValueError("a vector needs atoms in both `from` and `to`")
        if self.ring is not None and self.headless is False:
            raise ValueError("a normal is headless: a sign would tell mirror images apart")
        return self


class MoleculeEntry(BaseModel):
    """One kind of molecule, or one species of atoms beside molecules.

    Its bonds come from exactly one of `smiles`, `structure`, `bonds` and `guess`. Atoms are numbered from 0
    within the molecule, in the order of the frames.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="", description="Of the kind; required for molecules.")
    smiles: str | None = Field(
        default=None,
        description="SMILES, matched onto the atoms as they stand in the first frame; needs RDKit.",
    )
    structure: Path | None = Field(
        default=None,
        description="File with one molecule: bonds are read from PDB (CONECT), SDF, MOL and MOL2 with RDKit, "
        "and guessed in other formats; matched onto the first frame.",
    )
    bonds: list[tuple[int, int] | tuple[int, int, float]] | None = Field(
        default=None, description="Pairs of bonded atoms, each with an order if it is not 1; needs `symbols`."
    )
    guess: bool = Field(
        default=False, description="Guess the bonds from the distances of atoms in the first frame."
    )
    atom: str | None = Field(
        default=None, description="Instead of a molecule: an element whose atoms are sites of their own."
    )
    symbols: str | list[str] | None = Field(
        default=None,
        description="Elements of the molecule in order (`C6H6` or a list), for `bonds`, and for `guess` if "
        "there are several kinds.",
    )
    center: CenterName | list[float] = Field(
        default="mass",
        description="Where the site is: center of mass, mean position, center of mass without hydrogen, or "
        "weights of the atoms.",
    )
    axes: Literal["auto"] | list[AxisConfig] = Field(
        default="auto", description="Directions; `auto` takes the normals of planar rings."
    )
    distances: DistancesName | list[tuple[int, int]] = Field(
        default="local",
        description="Distances within the molecule that describe its conformation: of atoms up to three "
        "bonds apart (`local`), along bonds, of all heavy or all atoms, none, or pairs.",
    )
    torsions: TorsionsName | list[tuple[int, int, int, int]] = Field(
        default="none",
        description="Torsions whose cosines join them: those along bonds of heavy or of all atoms, none, or "
        "quadruples.",
    )
    charges: list[float] | None = Field(
        default=None, description="Of the atoms; formal charges of the SMILES or structure if absent."
    )

    @model_validator(mode="after")
    def _consistent(self) -> MoleculeEntry:
        if self.atom is not None:
            others = sorted(self.model_fields_set - {"atom"})
            if others:
                raise ValueError(f"`atom` stands alone, without `{others[0]}`")
            return self
        sources = [self.smiles, self.structure, self.bonds, self.guess or None]
        if sum(source is not None for source in sources) != 1:
            raise ValueError("give exactly one of `smiles`, `structure`, `bonds`, `guess: true` and `atom`")
        if not self.name:
            raise ValueError("a molecule needs a `name`")
        if self.bonds is not None and self.symbols is None:
            raise ValueError("`bonds` needs `symbols`, the elements of the molecule in order")
        if isinstance(self.symbols, str):
            try:
                string2symbols(self.symbols)
            except (KeyError, ValueError, IndexError):
                raise ValueError(f"symbols {self.symbols!r} is no formula") from None
        return self

    @property
    def elements(self) -> tuple[str, ...]:
        """The symbols as a list; empty where none are given."""
        return tuple(string2symbols(self.symbols) if isinstance(self.symbols, str) else self.symbols or ())
