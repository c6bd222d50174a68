"""Topologies from the section `molecules` of a training file."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.io import write
from pydantic import BaseModel, ConfigDict

from gnncv.configuration import validate_configuration
from gnncv.errors import InvalidArgument
from gnncv.topology import Axis, MoleculeEntry, Topology, build_topology
from molecules import geometry
from systems import random_rotation

BENZENE = {"name": "benzene", "guess": True, "symbols": "C6H6"}
ETHANOL_BONDS = [[0, 1], [1, 2], [0, 6], [0, 7], [0, 8], [1, 4], [1, 5], [3, 2]]


class Section(BaseModel):
    """What a training file would hold."""

    model_config = ConfigDict(extra="forbid")
    molecules: list[MoleculeEntry]


def entries(*kinds: dict, folder: Path | None = None) -> list[MoleculeEntry]:
    return validate_configuration({"molecules": list(kinds)}, Section, "t.yaml", folder=folder).molecules


def frames(
    generator: np.random.Generator, number: int = 3, ethanol_order: np.ndarray | None = None
) -> list[Atoms]:
    """Benzene, ethanol, a sodium ion and benzene again, wrapped into a box."""
    made = []
    for _ in range(number):
        frame = Atoms(cell=[40, 12, 12], pbc=True)
        for place, name in enumerate(["C6H6", "CH3CH2OH", "Na", "C6H6"]):
            atoms = Atoms("Na") if name == "Na" else geometry(name)
            if name == "CH3CH2OH" and ethanol_order is not None:
                atoms = atoms[ethanol_order]
            shape = atoms.positions @ random_rotation(generator).T + generator.normal(
                0, 0.03, (len(atoms), 3)
            )
            atoms.positions = shape + np.array([10.0 * place, 0, 0])
            frame += atoms
        frame.wrap()
        made.append(frame)
    return made


def test_every_source_of_bonds_gives_the_same(tmp_path: Path, generator):
    pytest.importorskip("rdkit")
    write(tmp_path / "ethanol.xyz", geometry("CH3CH2OH"))
    found = []
    data = frames(generator)
    for source in (
        {"smiles": "OCC"},
        {"structure": "ethanol.xyz"},
        {"guess": True, "symbols": "C2H6O"},
        {"bonds": ETHANOL_BONDS, "symbols": ["C", "C", "O", *["H"] * 6]},
        {"bonds": [[*bond, 1.0] for bond in ETHANOL_BONDS], "symbols": "C2OH6"},
    ):
        kinds = entries(BENZENE, {"name": "ethanol", **source}, folder=tmp_path)
        found.append(build_topology(kinds, data))
    assert found[0].kinds == ["benzene", "ethanol", "Na"]
    assert all(topology == found[0] for topology in found[1:])
    ethanol = found[0].molecules[1]
    assert ethanol.bonds == tuple(sorted((min(b), max(b)) for b in ETHANOL_BONDS))
    assert found[0].molecules[0].axes == (Axis("normal", ring=(0, 1, 2, 3, 4, 5)),)
    for (i, j), length in zip(ethanol.bonds, ethanol.bond_lengths, strict=True):
        assert length == pytest.approx(geometry("CH3CH2OH").get_distance(i, j), abs=0.12)


def test_smiles_follow_the_order_of_the_frames(generator):
    pytest.importorskip("rdkit")
    order = generator.permutation(9)
    data = frames(generator, ethanol_order=order)
    topology = build_topology(entries(BENZENE, {"name": "ethanol", "smiles": "CCO"}), data)
    symbols = geometry("CH3CH2OH")[order].get_chemical_symbols()
    assert list(topology.molecules[1].symbols) == symbols


def test_choices_of_an_entry(generator):
    kinds = entries(
        {**BENZENE, "axes": [{"name": "n", "ring": "auto"}, {"name": "v", "from": [0], "to": [3]}]},
        {
            "name": "ethanol",
            "guess": True,
            "symbols": "C2H6O",
            "center": "heavy",
            "axes": [
                {"name": "head", "from": [0, 1], "to": [2]},
                {"name": "plane", "ring": [2, 0, 1]},
                {"name": "chain", "from": [0], "to": [1], "headless": True},
            ],
            "distances": [[0, 2]],
            "torsions": "all",
            "charges": [0.1] * 9,
        },
        {"atom": "Na"},
    )
    benzene, ethanol = build_topology(kinds, frames(generator)).molecules
    assert benzene.axes[0] == Axis("n", ring=(0, 1, 2, 3, 4, 5))
    assert benzene.axes[1].headless
    assert [axis.headless for axis in ethanol.axes] == [False, True, True]
    assert ethanol.axes[0].weights[:3] == (-0.5, -0.5, 1.0)
    assert ethanol.axes[1].ring == (2, 0, 1)
    assert ethanol.distances == ((0, 2),)
    assert len(ethanol.torsions) == 12
    assert ethanol.charges == (0.1,) * 9
    assert ethanol.weights[3:] == (0.0,) * 6
    assert Topology.from_dict(Topology([benzene, ethanol]).as_dict()).molecules == (benzene, ethanol)


def test_ring_atoms_in_any_order(generator):
    mixed = [0, 2, 4, 1, 3, 5]
    kinds = entries(
        {**BENZENE, "axes": [{"name": "n", "ring": mixed}]}, {"name": "e", "guess": True, "symbols": "C2H6O"}
    )
    topology = build_topology(kinds, frames(generator))
    assert topology.molecules[0].axes[0].ring == (0, 1, 2, 3, 4, 5)


def test_frames_in_another_order_are_named(generator):
    kinds = entries(BENZENE, {"name": "e", "guess": True, "symbols": "C2H6O"})
    data = frames(generator)
    data[1] = data[1][[1, 0, *range(2, len(data[1]))]]
    data[1].info.update(source="melt.gro", frame=7)
    with pytest.raises(
        InvalidArgument, match=r"melt.gro, frame 7: molecule 0 \(benzene, atoms 0 to 11\): .*another order"
    ):
        build_topology(kinds, data)
    # Typical lengths are measured in every third of sixty frames; all are checked.
    many = frames(generator, 60)
    many[1] = many[1][[1, 0, *range(2, len(many[1]))]]
    with pytest.raises(InvalidArgument, match=r"^frame 1: molecule 0 \(benzene"):
        build_topology(kinds, many)
    data[1] = data[2][:-2]
    with pytest.raises(InvalidArgument, match="frame 1: the list of atoms ends within 'benzene'"):
        build_topology(kinds, data)


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ([{"name": "b", "guess": True}], "make 2 kinds of molecules that it can be .C6H6, C2H6O."),
        (
            [BENZENE, {"name": "x", "guess": True, "symbols": "CH4"}],
            "make 0 kinds of molecules that it can be .none.",
        ),
        ([BENZENE], "frame 0: atom 12 is C, but 'benzene' .*|frame 0: .* begins at atom 12"),
        (
            [BENZENE, {"name": "e", "symbols": "C2OH6", "bonds": [[0, 9]]}],
            r"molecule 'e': bond \[0, 9\]: expected atoms of 0 to 8",
        ),
        (
            [BENZENE, {"name": "e", "symbols": "C2OH6", "bonds": [[0, 1]]}],
            "molecule 'e': no bonds lead from atom 0 to atom 2",
        ),
        (
            [BENZENE, {"name": "e", "symbols": "C2OH6", "bonds": [*ETHANOL_BONDS[:-1], [1, 3]]}],
            "molecule 1 .e, atoms 12 to 20.: the bond between its atoms 1 .C. and 3 .H.",
        ),
        (
            [{**BENZENE, "axes": [{"name": "n", "ring": [0, 1, 12]}]}],
            r"molecule 'benzene': axis 'n': ring \[0, 1, 12\]: expected atoms of 0 to 11",
        ),
        ([{"atom": "Na"}], "give at least one molecule"),
    ],
)
def test_entries_that_do_not_fit_the_frames(kinds, message, generator):
    with pytest.raises(InvalidArgument, match=message):
        if len(kinds) == 1 and "axes" in kinds[0]:
            kinds = [*kinds, {"name": "e", "guess": True, "symbols": "C2H6O"}]
        build_topology(entries(*kinds), frames(generator))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "b"}, "exactly one of `smiles`, `structure`, `bonds`, `guess: true` and `atom`"),
        ({"name": "b", "guess": True, "smiles": "CC"}, "exactly one of"),
        ({"guess": True}, "a molecule needs a `name`"),
        ({"name": "b", "bonds": [[0, 1]]}, "`bonds` needs `symbols`"),
        ({"atom": "Na", "name": "sodium"}, "`atom` stands alone, without `name`"),
        ({"name": "b", "guess": True, "symbols": "c6h6"}, "symbols 'c6h6' is no formula"),
        (
            {"name": "b", "guess": True, "centers": "mass"},
            r"molecules\[0\].centers: unknown key; did you mean 'center'",
        ),
        ({"name": "b", "guess": True, "axes": [{"name": "n"}]}, "either `ring`, or `from` and `to`"),
        ({"name": "b", "guess": True, "axes": [{"name": "n", "from": [0]}]}, "in both `from` and `to`"),
        (
            {"name": "b", "guess": True, "axes": [{"name": "n", "ring": "auto", "headless": False}]},
            "a normal is headless",
        ),
    ],
)
def test_entries_that_cannot_be(entry, message):
    with pytest.raises(InvalidArgument, match=message):
        entries(entry)


def test_entries_of_the_documentation_are_valid():
    page = Path(__file__).resolve().parents[3] / "docs" / "howto" / "molecules.md"
    blocks = re.findall(r"^```yaml\n# part of train.yaml\n(.*?)^```", page.read_text(), re.M | re.S)
    assert len(blocks) == 3
    assert [len(entries(*yaml.safe_load(block)["molecules"])) for block in blocks] == [5, 1, 1]
