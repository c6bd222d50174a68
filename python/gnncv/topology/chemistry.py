"""Molecular graphs from SMILES and from files with bonds, read by RDKit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gnncv.errors import InvalidArgument
from gnncv.topology.graph import MolecularGraph

WITH_BONDS = (".pdb", ".sdf", ".mol", ".mol2")


def _rdkit() -> Any:
    """RDKit's Chem, or an error that says how to get it."""
    try:
        from rdkit import Chem
    except ImportError:
        raise InvalidArgument(
            "SMILES and files with bonds need RDKit: pip install 'gnncv[molecules]'; without it, give the "
            "bonds of the molecule or let them be guessed"
        ) from None
    return Chem


def _silence() -> Any:
    """Keeps RDKit from writing to standard error while it reads."""
    from rdkit import rdBase

    return rdBase.BlockLogs()


def graph_of_smiles(smiles: str) -> MolecularGraph:
    """The graph of a SMILES with all its hydrogens: its atoms in order, then the hydrogens.

    Raises
    ------
    InvalidArgument
        If RDKit is not installed, cannot read the SMILES, or finds more than one molecule in it.
    """
    return _graph(_molecule_of_smiles(smiles), f"SMILES {smiles!r}")


def shape_of_smiles(smiles: str) -> np.ndarray:
    """(n_atoms, 3) angstrom: one conformer by RDKit's ETKDG and universal force field, always the same."""
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

    molecule = _molecule_of_smiles(smiles)
    with _silence():
        failed = rdDistGeom.EmbedMolecule(molecule, randomSeed=1) != 0
    if failed:
        raise InvalidArgument(
            f"SMILES {smiles!r}: RDKit finds no conformer; give the atoms of a frame to take it from"
        )
    with _silence():
        if rdForceFieldHelpers.UFFHasAllMoleculeParams(molecule):
            rdForceFieldHelpers.UFFOptimizeMolecule(molecule)
    return np.asarray(molecule.GetConformer().GetPositions())


def _molecule_of_smiles(smiles: str) -> Any:
    chem = _rdkit()
    with _silence():
        molecule = chem.MolFromSmiles(smiles)
    if molecule is None or molecule.GetNumAtoms() == 0:
        raise InvalidArgument(f"SMILES {smiles!r}: RDKit cannot read it as a molecule")
    return chem.AddHs(molecule)


def graph_of_file(path: Path) -> tuple[MolecularGraph, np.ndarray]:
    """Graph and positions (n_atoms, 3) of the molecule in a PDB (with CONECT), SDF, MOL or MOL2 file.

    Raises
    ------
    InvalidArgument
        If RDKit is not installed or cannot read the file, if there is none, or if its bonds do not make it
        one molecule.
    """
    chem = _rdkit()
    readers: dict[str, Any] = {
        ".pdb": lambda name: chem.MolFromPDBFile(name, removeHs=False, proximityBonding=False),
        ".mol2": lambda name: chem.MolFromMol2File(name, removeHs=False),
    }
    read = readers.get(path.suffix.lower(), lambda name: chem.MolFromMolFile(name, removeHs=False))
    if not path.is_file():
        raise InvalidArgument(f"{path}: there is no such file")
    with _silence():
        molecule = read(str(path))
    if molecule is None or molecule.GetNumAtoms() == 0:
        raise InvalidArgument(f"{path}: RDKit cannot read it as a molecule; check its bonds and charges")
    return _graph(molecule, str(path)), np.asarray(molecule.GetConformer().GetPositions())


def _graph(molecule: Any, where: str) -> MolecularGraph:
    parts = _rdkit().GetMolFrags(molecule)
    if len(parts) > 1:
        raise InvalidArgument(
            f"{where}: {len(parts)} parts that no bonds join; each kind of molecule has an entry of its own "
            "(a PDB file needs CONECT records)"
        )
    bonds = sorted(
        (
            min(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()),
            max(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()),
            bond.GetBondTypeAsDouble(),
        )
        for bond in molecule.GetBonds()
    )
    return MolecularGraph(
        tuple(atom.GetSymbol() for atom in molecule.GetAtoms()),
        tuple((i, j) for i, j, _ in bonds),
        tuple(order for _, _, order in bonds),
        tuple(float(atom.GetFormalCharge()) for atom in molecule.GetAtoms()),
    )
