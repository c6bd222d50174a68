"""The set of nitro molecules: labels follow the group, and nothing else does."""

import collections
from importlib.util import find_spec

import pytest
import torch

from gnncv.errors import InvalidArgument
from gnncv.explain.foreign import ATOM_MAP, graph_of_smiles, nitro_molecules

Chem = pytest.importorskip("rdkit.Chem", reason="RDKit is not installed")
pytestmark = pytest.mark.skipif(
    find_spec("torch_geometric") is None, reason="torch_geometric is not installed"
)


def test_half_of_the_molecules_have_the_group_and_none_comes_twice() -> None:
    molecules = nitro_molecules(120, seed=5)
    assert len({m.smiles for m in molecules}) == 120
    assert collections.Counter(int(m.y) for m in molecules) == {0: 60, 1: 60}
    for molecule in molecules:
        # an independent reading of the group: N with two O of one bond each
        degree = torch.bincount(molecule.edge_index[0])
        nitrogen = [
            i
            for i in torch.nonzero(molecule.z == 7).ravel().tolist()
            if sum(
                int(molecule.z[j]) == 8 and int(degree[j]) == 1
                for j in molecule.edge_index[1][molecule.edge_index[0] == i].tolist()
            )
            == 2
        ]
        assert (len(nitrogen) > 0) == (int(molecule.y) == 0), molecule.smiles
        assert int(molecule.edge_in_group.sum()) == 6 * len(nitrogen)
        assert int(molecule.node_in_group.sum()) == 3 * len(nitrogen)
        assert bool(molecule.node_in_group[nitrogen].all())


def test_the_same_seed_gives_the_same_molecules() -> None:
    names = [m.smiles for m in nitro_molecules(20, seed=1)]
    assert names == [m.smiles for m in nitro_molecules(20, seed=1)]
    assert names != [m.smiles for m in nitro_molecules(20, seed=2)]


def test_counts_of_elements_do_not_tell_the_classes() -> None:
    """Else a model need not look at the group: best split by the number of any one element."""
    molecules = nitro_molecules(400)
    labels = torch.cat([m.y for m in molecules]).bool()
    for column, element in enumerate(ATOM_MAP):
        counts = torch.tensor([float(m.x[:, column].sum()) for m in molecules])
        best = max(
            max(
                float(((counts > cut) == labels).float().mean()),
                float(((counts <= cut) == labels).float().mean()),
            )
            for cut in counts.unique().tolist()
        )
        assert best < 0.8, (element, best)


def test_a_molecule_is_a_graph_of_its_atoms_and_bonds() -> None:
    graph = graph_of_smiles("O=[N+]([O-])c1ccccc1C#N")
    assert graph.is_undirected() and graph.num_nodes == 15
    bonds = graph.edge_attr.argmax(1)
    carbon_nitrogen = (graph.z[graph.edge_index] == torch.tensor([[6], [7]])).all(0)
    assert sorted(bonds[carbon_nitrogen].tolist()) == [0, 2]
    # in one Kekulé form: three double bonds of the ring, and one N=O
    assert int((bonds == 1).sum()) == 2 * 4
    assert graph.z.tolist() == [
        a.GetAtomicNum() for a in Chem.AddHs(Chem.MolFromSmiles(graph.smiles)).GetAtoms()
    ]


def test_what_cannot_be_made_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="n_molecules is 7; it is even, from 2 to 2000"):
        nitro_molecules(7)
    with pytest.raises(InvalidArgument, match="C.Si. has Si; the elements are C, O"):
        graph_of_smiles("C[Si]")
    with pytest.raises(InvalidArgument, match="RDKit cannot read the SMILES 'C1C'"):
        graph_of_smiles("C1C")
