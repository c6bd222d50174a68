"""Templates from SMILES, files and structures: graphs, orders of atoms, and what is chosen by default."""

from pathlib import Path

import networkx
import numpy as np
import pytest
from ase import Atoms
from ase.data import atomic_masses
from ase.io import write

from gnncv.errors import InvalidArgument
from gnncv.topology import Axis, Molecule, guess_topology
from gnncv.topology.choices import vector_axis
from gnncv.topology.graph import MolecularGraph
from molecules import geometry, template
from systems import random_rotation

NAMES = ["C6H6", "CH3CH2OH", "CH3CONH2", "C5H5N", "C4H4S", "isobutane", "CH3CN", "HCOOCH3", "cyclobutane"]
SMILES = dict(
    zip(
        NAMES,
        ["c1ccccc1", "CCO", "CC(N)=O", "c1ccncc1", "c1ccsc1", "CC(C)C", "CC#N", "COC=O", "C1CCC1"],
        strict=True,
    )
)


def graph_of(molecule: Molecule) -> networkx.Graph:
    graph = networkx.Graph(molecule.bonds)
    networkx.set_node_attributes(graph, dict(enumerate(molecule.symbols)), "symbol")
    return graph


def same_graph(one: Molecule, other: Molecule) -> bool:
    return networkx.is_isomorphic(graph_of(one), graph_of(other), lambda a, b: a["symbol"] == b["symbol"])


def crowd(name: str, number: int, generator: np.random.Generator, order: np.ndarray | None = None) -> Atoms:
    """Molecules on a grid, turned at random, wrapped atom by atom into a triclinic cell."""
    cell = 8.0 * np.array([[number, 0, 0], [0.3, 1, 0], [-0.2, 0.4, 1]])
    frame = Atoms(cell=cell, pbc=True)
    for place in range(number):
        atoms = geometry(name)
        atoms.positions = atoms.positions @ random_rotation(generator).T + [8.0 * place, 0, 0]
        frame += atoms if order is None else atoms[order]
    frame.wrap()
    return frame


@pytest.mark.parametrize("name", NAMES)
def test_bonds_of_a_structure_split_over_the_boundary(name, generator):
    expected = template(name)
    frame = crowd(name, 1, generator)
    found = Molecule.from_structure(frame, "x")
    assert (found.symbols, found.bonds, found.name) == (expected.symbols, expected.bonds, "x")
    np.testing.assert_allclose(found.bond_lengths, expected.bond_lengths, atol=0.02)
    masses = atomic_masses[frame.numbers]
    np.testing.assert_allclose(found.weights, masses / masses.sum(), rtol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_smiles_take_the_order_of_the_frame(name, generator):
    pytest.importorskip("rdkit")
    order = generator.permutation(len(geometry(name)))
    frame = crowd(name, 3, generator, order)
    found = Molecule.from_smiles(SMILES[name], atoms=frame)
    assert list(found.symbols) == frame.get_chemical_symbols()[: len(order)]
    by_distance = Molecule.from_structure(frame[: len(order)])
    assert found.bonds == by_distance.bonds
    np.testing.assert_allclose(found.bond_lengths, by_distance.bond_lengths, atol=1e-9)
    alone = Molecule.from_smiles(SMILES[name])
    assert same_graph(alone, found)
    np.testing.assert_allclose(sorted(alone.bond_lengths), sorted(found.bond_lengths), atol=0.06)
    assert sorted(alone.bond_orders) == sorted(found.bond_orders)
    assert found.name == SMILES[name]


def test_orders_and_charges_are_the_same_for_atoms_that_a_symmetry_exchanges():
    pytest.importorskip("rdkit")
    acetate = Molecule.from_smiles("CC(=O)[O-]")
    oxygens = [a for a, symbol in enumerate(acetate.symbols) if symbol == "O"]
    assert [acetate.charges[a] for a in oxygens] == [-0.5, -0.5]
    assert sum(acetate.charges) == -1
    assert [o for b, o in zip(acetate.bonds, acetate.bond_orders, strict=True) if set(b) & set(oxygens)] == [
        1.5,
        1.5,
    ]
    benzene = Molecule.from_smiles("C1=CC=CC=C1")
    assert sorted(benzene.bond_orders) == [1.0] * 6 + [1.5] * 6
    assert len(set(benzene.bond_lengths)) == 2
    assert sorted(Molecule.from_smiles("C#N").bond_orders) == [1.0, 3.0]
    assert Molecule.from_smiles("CO", charges=[0.1, -0.3, *[0.05] * 4]).charges[1] == -0.3


def test_smiles_that_are_not_in_the_frame(generator):
    pytest.importorskip("rdkit")
    frame = crowd("CH3CH2OH", 2, generator)
    for smiles, message in {
        "COC": "2 of its molecules .atoms 0 to 8 for one. come closest, with 1 bonds C-C in place of 0, "
        "5 bonds C-H in place of 6, 1 bonds C-O in place of 2, 1 bonds H-O in place of 0",
        "CCCO": "come closest, with C2H6O in place of C3H8O",
        "C(C": "RDKit cannot read it as a molecule",
        "C.C": "2 parts that no bonds join",
    }.items():
        with pytest.raises(InvalidArgument, match=message):
            Molecule.from_smiles(smiles, atoms=frame)
    with pytest.raises(InvalidArgument, match="same elements and kinds of bonds, but joined in another way"):
        Molecule.from_smiles("CC1CC1", atoms=crowd("cyclobutane", 1, generator))
    with pytest.raises(InvalidArgument, match="must be one molecule, but guessed bonds make it 2 C2H6O"):
        Molecule.from_structure(frame)


def test_files_with_bonds_and_without(tmp_path: Path, generator):
    atoms = geometry("CH3CH2OH")
    write(tmp_path / "ethanol.xyz", atoms)
    guessed = Molecule.from_file(tmp_path / "ethanol.xyz")
    assert (guessed.name, guessed.bonds) == ("ethanol", template("CH3CH2OH").bonds)
    pytest.importorskip("rdkit")
    from rdkit import Chem
    from rdkit.Chem import rdDistGeom

    molecule = Chem.AddHs(Chem.MolFromSmiles("CC(=O)[O-]"))
    rdDistGeom.EmbedMolecule(molecule, randomSeed=1)
    Chem.MolToPDBFile(molecule, str(tmp_path / "acetate.pdb"))
    Chem.MolToMolFile(molecule, str(tmp_path / "acetate.mol"))
    expected = Molecule.from_smiles("CC(=O)[O-]")
    for name in ("acetate.pdb", "acetate.mol"):
        found = Molecule.from_file(tmp_path / name)
        assert (found.symbols, found.bonds, found.bond_orders, found.charges) == (
            expected.symbols,
            expected.bonds,
            expected.bond_orders,
            expected.charges,
        )
    (tmp_path / "no_bonds.pdb").write_text(
        "".join(
            line
            for line in (tmp_path / "acetate.pdb").read_text().splitlines(keepends=True)
            if not line.startswith("CONECT")
        )
    )
    for name, message in {
        "no_bonds.pdb": "parts that no bonds join.* needs CONECT",
        "missing.pdb": "there is no such file",
        "missing.xyz": "cannot be read as a structure",
    }.items():
        with pytest.raises(InvalidArgument, match=f"{name}: .*{message}"):
            Molecule.from_file(tmp_path / name)


@pytest.mark.parametrize("name", NAMES)
def test_default_descriptors_do_not_tell_equal_atoms_apart(name):
    """Every symmetry of the graph permutes the pairs and torsions that a name selects."""
    molecule = Molecule.from_structure(geometry(name), torsions="all")
    symmetries = networkx.isomorphism.GraphMatcher(
        graph_of(molecule), graph_of(molecule), lambda a, b: a["symbol"] == b["symbol"]
    ).isomorphisms_iter()
    for choice in ("bonds", "local", "heavy", "all"):
        pairs = Molecule.from_structure(geometry(name), distances=choice).distances
        assert len(set(pairs)) == len(pairs)
        for symmetry, _ in zip(symmetries, range(50), strict=False):
            assert {tuple(sorted(symmetry[a] for a in pair)) for pair in pairs} == set(pairs)
            turned = {tuple(symmetry[a] for a in torsion) for torsion in molecule.torsions}
            assert {min(t, t[::-1]) for t in turned} == {min(t, t[::-1]) for t in molecule.torsions}


def test_numbers_of_descriptors():
    """Counted by hand for ethanol, which has 12 torsions; those beside linear angles are left out."""
    ethanol = geometry("CH3CH2OH")

    def count(**choices) -> tuple[int, int]:
        molecule = Molecule.from_structure(ethanol, **choices)
        return len(molecule.distances), len(molecule.torsions)

    # 8 bonds, 6 + 6 angles at the carbons and 1 at the oxygen, 9 torsions about C-C and 3 about C-O.
    assert count(distances="none") == (0, 0)
    assert count(distances="bonds") == (8, 0)
    assert count() == (8 + 13 + 12, 0)
    assert count(distances="heavy", torsions="heavy") == (3, 0)
    assert count(distances="all", torsions="all") == (36, 12)
    assert count(distances=[(0, 2)], torsions=[(8, 0, 1, 2)]) == (1, 1)
    nitrile = geometry("CH3CN")
    assert Molecule.from_structure(nitrile, torsions="all").torsions == ()
    molecule = template("CH3CN")
    end = molecule.symbols.index("N")
    middle = molecule.neighbors[end][0]
    first = next(a for a in molecule.neighbors[middle] if a != end)
    hydrogen = next(a for a in molecule.neighbors[first] if molecule.symbols[a] == "H")
    with pytest.raises(InvalidArgument, match=r"torsion .*: the angle .* is linear"):
        Molecule.from_structure(nitrile, torsions=[(hydrogen, first, middle, end)])


def test_centers():
    ethanol = geometry("CH3CH2OH")
    symbols = np.array(ethanol.get_chemical_symbols())
    heavy = np.array(Molecule.from_structure(ethanol, center="heavy").weights)
    assert (heavy[symbols == "H"] == 0).all()
    np.testing.assert_allclose(heavy[symbols == "O"] / heavy[symbols == "C"][0], 15.999 / 12.011, rtol=1e-4)
    assert set(Molecule.from_structure(ethanol, center="geometric").weights) == {1 / 9}
    assert Molecule.from_structure(ethanol, center=[0, 2, 0, 2, 0, 0, 0, 0, 0]).weights[1] == 0.5
    for center, message in {
        "middle": "center 'middle' is not allowed; allowed: mass, geometric, heavy",
        (1.0, 2.0): "2 weights of the center are given for 9 atoms",
        (0.0,) * 9: "sum to 0: they must be positive",
    }.items():
        with pytest.raises(InvalidArgument, match=message):
            Molecule.from_structure(ethanol, center=center)


def test_normals_of_planar_rings():
    assert Molecule.from_structure(geometry("C6H6")).axes == (Axis("normal", ring=(0, 1, 2, 3, 4, 5)),)
    assert [len(axis.ring) for axis in Molecule.from_structure(geometry("C4H4S")).axes] == [5]
    for name in ("cyclobutane", "CH3CH2OH", "C5H8", "CH2OCH2"):
        assert Molecule.from_structure(geometry(name)).axes == ()
    pytest.importorskip("rdkit")
    naphthalene = Molecule.from_smiles("c1ccc2ccccc2c1").axes
    assert [axis.name for axis in naphthalene] == ["normal"]
    biphenyl = Molecule.from_smiles("c1ccccc1-c1ccccc1").axes
    assert [axis.name for axis in biphenyl] == ["normal-1", "normal-2"]
    assert not set(biphenyl[0].ring) & set(biphenyl[1].ring)
    assert Molecule.from_smiles("C1CCCCC1").axes == ()


def test_a_vector_is_headless_where_a_symmetry_reverses_it():
    pytest.importorskip("rdkit")

    def headless(smiles: str, begin: list[int], end: list[int]) -> bool:
        molecule = Molecule.from_smiles(smiles)
        graph = MolecularGraph.of_bonds(molecule.symbols, molecule.bonds)
        axis = vector_axis(graph, "v", begin, end)
        assert sum(axis.weights) == pytest.approx(0)
        return axis.headless

    assert headless("c1ccccc1", [0], [3])
    assert headless("CC", [0], [1])
    assert headless("C=C=O", [0], [2]) is False
    assert headless("CCO", [0], [1]) is False
    assert headless("c1ccncc1", [3], [0]) is False
    assert headless("Clc1ccc(Cl)cc1", [0], [5])
    assert headless("Clc1ccc(Br)cc1", [0], [5]) is False
    graph = MolecularGraph.of_bonds("CC", [(0, 1)])
    assert vector_axis(graph, "v", [0], [1], headless=False).headless is False
    with pytest.raises(InvalidArgument, match=r"axis 'v': atoms \[2\] must be one or more of 0 to 1"):
        vector_axis(graph, "v", [0], [2])
    with pytest.raises(InvalidArgument, match="axis 'v': the weights"):
        vector_axis(graph, "v", [0, 1], [1, 0])


def test_a_frame_of_several_kinds_and_single_atoms():
    whole = [geometry(name) for name in ("C6H6", "C6H6", "CH3CH2OH", "CH3CH2OH")]
    for place, atoms in enumerate(whole):
        atoms.positions += [10.0 * place, 0, 0]
    frame = whole[0] + whole[1] + Atoms("NaAr", positions=[[5, 5, 5], [5, 5, 8]]) + whole[2] + whole[3]
    topology = guess_topology(frame, {"C6H6": "benzene"})
    assert topology.kinds == ["benzene", "C2H6O", "Na", "Ar"]
    assert topology.match(frame.get_chemical_symbols()).kind.tolist() == [0, 0, 2, 3, 1, 1]
