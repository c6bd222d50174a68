"""Where the atoms of a molecular graph are drawn: as chemists draw it where RDKit is installed."""

from __future__ import annotations

from collections.abc import Hashable

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.foreign.libraries import rdkit_chem

Layout = dict[Hashable, NDArray[np.float64]]

# Bond length of RDKit's drawings, angstrom; a spring layout is scaled to it.
BOND_LENGTH = 1.5


def molecule_layout(molecule: nx.Graph, seed: int = 0) -> Layout:
    """Coordinates (2,) of each node, one bond about ``BOND_LENGTH`` long.

    RDKit's depiction where it is installed and knows all elements; else a planar layout relaxed by springs,
    as torch_geometric's and captum's examples draw molecules.

    Parameters
    ----------
    molecule : networkx.Graph
        Nodes with ``name`` (element), edges with ``order``.
    seed : int
        Of the spring layout.
    """
    if not len(molecule):
        return {}
    try:
        return _depicted(molecule)
    except (InvalidArgument, RuntimeError):
        # RDKit is not installed, or a name is no element to it
        return _by_springs(molecule, seed)


def _depicted(molecule: nx.Graph) -> Layout:
    chem = rdkit_chem()
    nodes = list(molecule)
    number = {node: i for i, node in enumerate(nodes)}
    drawn = chem.RWMol()
    for node in nodes:
        atom = chem.Atom(molecule.nodes[node]["name"])
        atom.SetNoImplicit(True)
        drawn.AddAtom(atom)
    kinds = {2: chem.BondType.DOUBLE, 3: chem.BondType.TRIPLE}
    for u, v, order in molecule.edges(data="order", default=1):
        drawn.AddBond(number[u], number[v], kinds.get(order, chem.BondType.SINGLE))
    # valences may be unusual (charges are not known), so nothing but rings and hybridizations is perceived
    drawn.UpdatePropertyCache(strict=False)
    chem.FastFindRings(drawn)
    chem.SetHybridization(drawn)
    chem.rdDepictor.Compute2DCoords(drawn, canonOrient=True)
    places = drawn.GetConformer().GetPositions()[:, :2]
    return {node: np.array(places[number[node]]) for node in nodes}


def _by_springs(molecule: nx.Graph, seed: int) -> Layout:
    planar, _ = nx.check_planarity(molecule)
    start = nx.planar_layout(molecule) if planar else None
    places = nx.spring_layout(molecule, pos=start, seed=seed, iterations=200)
    lengths = [float(np.linalg.norm(places[u] - places[v])) for u, v in molecule.edges]
    scale = BOND_LENGTH / np.median(lengths) if lengths else 1.0
    return {node: scale * np.asarray(place) for node, place in places.items()}
