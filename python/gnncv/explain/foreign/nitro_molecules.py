"""A small set of molecules with and without a nitro group: the group is what an explanation must find.

Made here from rings, chains and substituents, as graphs like those of Mutagenicity. Every molecule without
the group has groups that share parts of it: amines and amides (N), acids and esters (two O on one atom),
nitroso, oxime, hydroxylamine and nitrite (N and O, otherwise bonded), sulfonamide (N and two O on S).
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.foreign.libraries import rdkit_chem, torch_geometric
from gnncv.explain.foreign.mutagenicity import ATOM_MAP, with_names

NITRO_CLASSES = ("nitro", "no nitro")
NITRO_PATTERN = "[#6][N+](=O)[O-]"

# Rings and chains with two or three places, {0}, {1}, {2}.
SCAFFOLDS = (
    "c1({0})ccc({1})cc1",
    "c1({0})cccc({1})c1",
    "c1({0})ccccc1({1})",
    "c1({0})cc({1})cc({2})c1",
    "c1({0})ccc({1})c({2})c1",
    "c1({0})ccc2cc({1})ccc2c1",
    "c1({0})cccc2c({1})cccc12",
    "c1({0})ccc(-c2ccc({1})cc2)cc1",
    "c1({0})ccc(Cc2ccc({1})cc2)cc1",
    "c1({0})ccc(Oc2ccc({1})cc2)cc1",
    "c1({0})cnc({1})cc1",
    "c1({0})ccc({1})o1",
    "c1({0})ccc({1})s1",
    "c1({0})ccc2[nH]cc({1})c2c1",
    "C1({0})CCC({1})CC1",
    "C({0})CCC({1})",
    "C({0})CC(C)C({1})",
    "C({0})C1CCC({1})C1",
)
# What else sits in the places: nothing, plain groups, and groups that share atoms or bonds with nitro.
PLAIN = ("[H]", "C", "CC", "F", "Cl", "Br", "C#N", "O", "OC", "C(F)(F)F", "S")
CONFUSERS = (
    "N",
    "N(C)C",
    "C(=O)O",
    "C(=O)OC",
    "OC(C)=O",
    "C(N)=O",
    "NC(C)=O",
    "N=O",
    "NO",
    "ON=O",
    "C=NO",
    "S(N)(=O)=O",
    "C=O",
)
NITRO = "[N+](=O)[O-]"


def nitro_molecules(n_molecules: int = 400, seed: int = 0) -> list[Any]:
    """Molecules as graphs of torch_geometric, half of them with one nitro group on carbon.

    Molecules come in pairs that differ in one substituent: the nitro group, or one that shares a part of it.
    No molecule comes twice; hydrogens are atoms; each bond is two edges.

    Parameters
    ----------
    n_molecules : int
        How many, even, at most 2000.
    seed : int
        Of the random choice; the same seed gives the same molecules in the same order.

    Returns
    -------
    list of torch_geometric.data.Data
        ``x (n, 14)`` float32 one-hot elements of ``ATOM_MAP``; ``edge_index (2, E)``; ``edge_attr (E, 3)``
        one-hot single, double, triple bonds (aromatic rings in one Kekulé form); ``y (1,)`` 0 with a nitro
        group and 1 without, as Mutagenicity counts mutagens; ``z``, ``smiles``, ``feature_names``,
        ``output_names``; ``node_in_group (n,)`` and ``edge_in_group (E,)`` bool: the nitro group's N and O
        atoms, and its bonds (N-O, N-O and C-N).

    Raises
    ------
    InvalidArgument
        If the number is odd or out of range, or RDKit is not installed.
    """
    if n_molecules % 2 or not 2 <= n_molecules <= 2000:
        raise InvalidArgument(f"n_molecules is {n_molecules}; it is even, from 2 to 2000")
    generator = np.random.default_rng(seed)
    graphs: list[Any] = []
    seen: set[str] = set()
    while len(graphs) < n_molecules:
        pair = [canonical_smiles(smiles) for smiles in _twins(generator)]
        if len({*pair} - seen) == 2:
            seen.update(pair)
            graphs += [graph_of_smiles(smiles) for smiles in pair]
    order = generator.permutation(n_molecules)
    return [graphs[i] for i in order]


def graph_of_smiles(smiles: str) -> Any:
    """One molecule as :func:`nitro_molecules` makes them.

    Raises
    ------
    InvalidArgument
        If RDKit cannot read the SMILES, or an element is not one of Mutagenicity's.
    """
    pyg = torch_geometric()
    chem = rdkit_chem()
    molecule = chem.AddHs(_parsed(smiles))
    symbols = [atom.GetSymbol() for atom in molecule.GetAtoms()]
    foreign = sorted(set(symbols) - set(ATOM_MAP))
    if foreign:
        raise InvalidArgument(f"{smiles} has {foreign[0]}; the elements are {', '.join(ATOM_MAP)}")
    chem.Kekulize(molecule, clearAromaticFlags=True)
    bonds = [
        (b.GetBeginAtomIdx(), b.GetEndAtomIdx(), int(b.GetBondTypeAsDouble())) for b in molecule.GetBonds()
    ]
    pairs = np.array(bonds, dtype=np.int64).reshape(-1, 3)
    both = np.concatenate([pairs, pairs[:, [1, 0, 2]]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    kinds = torch.tensor([ATOM_MAP.index(symbol) for symbol in symbols])
    group = _nitro_atoms(molecule)
    graph = pyg.data.Data(
        x=torch.nn.functional.one_hot(kinds, len(ATOM_MAP)).float(),
        edge_index=torch.from_numpy(both[:, :2].T.copy()),
        edge_attr=torch.nn.functional.one_hot(torch.from_numpy(both[:, 2] - 1), 3).float(),
        y=torch.tensor([0 if group.any() else 1]),
        smiles=smiles,
        node_in_group=torch.from_numpy(group),
        edge_in_group=torch.from_numpy(
            group[both[:, 0]] & group[both[:, 1]] | _at_nitrogen(both, group, symbols)
        ),
    )
    return with_names(graph, ATOM_MAP, NITRO_CLASSES)


def canonical_smiles(smiles: str) -> str:
    """RDKit's one way to write a molecule."""
    return str(rdkit_chem().MolToSmiles(_parsed(smiles)))


def _twins(generator: np.random.Generator) -> tuple[str, str]:
    """SMILES of two molecules that differ by a nitro group in one place, with a confuser in another."""
    scaffold = str(generator.choice(SCAFFOLDS))
    n_places = len(re.findall(r"\{\d\}", scaffold))
    groups = [str(generator.choice(CONFUSERS + PLAIN)) for _ in range(n_places)]
    place = int(generator.integers(n_places))
    if n_places == 3:
        groups[(place + 1) % 3] = str(generator.choice(CONFUSERS))
    with_nitro = [NITRO if i == place else group for i, group in enumerate(groups)]
    groups[place] = str(generator.choice(CONFUSERS))
    return scaffold.format(*with_nitro), scaffold.format(*groups)


def _parsed(smiles: str) -> Any:
    molecule = rdkit_chem().MolFromSmiles(smiles)
    if molecule is None or not molecule.GetNumAtoms():
        raise InvalidArgument(f"RDKit cannot read the SMILES {smiles!r}")
    return molecule


def _nitro_atoms(molecule: Any) -> NDArray[np.bool_]:
    """N and both O of nitro groups on carbon."""
    matches = molecule.GetSubstructMatches(rdkit_chem().MolFromSmarts(NITRO_PATTERN))
    group = np.zeros(molecule.GetNumAtoms(), dtype=bool)
    group[[atom for match in matches for atom in match[1:]]] = True
    return group


def _at_nitrogen(edges: NDArray[np.int64], group: NDArray[np.bool_], symbols: list[str]) -> NDArray[np.bool_]:
    """Bonds of a nitro group's nitrogen: also the one to its carbon."""
    nitrogen = group & (np.array(symbols) == "N")
    return nitrogen[edges[:, 0]] | nitrogen[edges[:, 1]]
