"""Lists of atoms taken apart into sites, and templates that cannot be used."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gnncv.errors import InvalidArgument
from gnncv.topology import Axis, Topology
from molecules import random_system, some_topology, template

COUNTS = (3, 4, 5, 6, 2)


def test_every_atom_has_its_site(generator):
    topology = some_topology()
    atoms, _ = random_system(topology, COUNTS, 30 * np.eye(3), True, generator)
    layout = topology.match(atoms.get_chemical_symbols())
    assert np.bincount(layout.kind).tolist() == list(COUNTS)
    assert layout.kind.dtype == layout.first_atom.dtype == np.int64
    symbols = np.array(atoms.get_chemical_symbols())
    patterns = [m.symbols for m in topology.molecules] + [(s,) for s in topology.atoms]
    for site, (kind, first) in enumerate(zip(layout.kind, layout.first_atom, strict=True)):
        own = np.flatnonzero(layout.site_of_atom == site)
        assert own[0] == first
        assert tuple(symbols[own]) == patterns[kind]
    assert layout.n_atoms == len(layout.site_of_atom) == len(atoms)


def test_the_kind_with_the_most_atoms_is_taken():
    topology = Topology([template("OH"), template("H2O")], ["H"])
    assert topology.match(["O", "H", "O", "H", "H", "H", "O", "H"]).kind.tolist() == [0, 1, 2, 0]
    assert topology.match([]).n_sites == 0


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        ("O H H O H C", "atom 5 is C, but 'H2O' that begins at atom 3 .site 1. has H there, its atom 2"),
        ("O H H O H", "ends within 'H2O' .site 1.: 2 of its 3 atoms are there, from atom 3 on"),
        ("O H H H", "atom 3 is H, and no site begins with it: 'H2O' with O, 'Ar' with Ar"),
        ("Ar O H H Xx", "atom 4 is Xx, and no site begins with it"),
    ],
)
def test_the_first_mismatch_is_named(symbols, message):
    with pytest.raises(InvalidArgument, match=message):
        Topology([template("H2O")], ["Ar"]).match(symbols.split())


def test_topologies_survive_json():
    topology = some_topology()
    again = Topology.from_dict(json.loads(json.dumps(topology.as_dict())))
    assert again == topology
    assert again.n_axes == 2
    assert again.kinds == ["C6H6", "CH3CH2OH", "H2O", "Ar", "Na"]
    assert [molecule.n_descriptors for molecule in again.molecules] == [66, 38, 3]
    data = topology.as_dict()
    data["molecules"][0]["bond"] = []
    with pytest.raises(InvalidArgument, match="molecule 'C6H6': unknown part 'bond'; known: name, symbols"):
        Topology.from_dict(data)
    del data["molecules"][0]["bond"], data["molecules"][0]["weights"]
    with pytest.raises(InvalidArgument, match="molecule 'C6H6': .*'weights'"):
        Topology.from_dict(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"symbols": ("O", "H", "Xy")}, "'Xy' is no element"),
        ({"bonds": ((0, 1), (0, 3))}, r"bond \[0, 3\]: expected 2 different atoms, 0 to 2"),
        ({"bonds": ((0, 1), (2, 0))}, "must name its lower atom first"),
        ({"bonds": ((0, 2), (0, 1))}, "sorted"),
        ({"bonds": ((0, 1),)}, "bond_lengths must be 1 positive numbers"),
        (
            {"bonds": ((0, 1),), "bond_lengths": (0.96,), "bond_orders": (1.0,)},
            "no bonds lead from atom 0 to atom 2 .H.",
        ),
        ({"bond_lengths": (0.96, float("nan"))}, "bond_lengths must be 2 positive numbers"),
        ({"weights": (0.8, 0.1, 0.2)}, "weights of the center sum to 1.1"),
        ({"charges": (0.0,)}, "charges must be 3 finite numbers"),
        ({"distances": ((0, 0),)}, r"distance \[0, 0\]: expected 2 different atoms"),
        ({"torsions": ((0, 1, 2, 3),)}, r"torsion \[0, 1, 2, 3\]: expected 4 different atoms"),
        ({"axes": (Axis("a", weights=(1.0, -1.0)),)}, "axis 'a' has 2 weights for 3 atoms"),
        ({"axes": (Axis("n", ring=(0, 1, 5)),)}, r"axis 'n': ring \[0, 1, 5\]: expected 3 different atoms"),
        ({"axes": (Axis("n", ring=(0, 1, 2)),) * 2}, "two axes have the same name"),
    ],
)
def test_templates_that_cannot_be_used(change, message):
    with pytest.raises(InvalidArgument, match=f"molecule 'H2O': .*{message}"):
        replace(template("H2O"), **change)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "either weights of the atoms or the atoms of a ring"),
        ({"weights": (1.0, -1.0), "ring": (0, 1, 2)}, "either weights of the atoms or the atoms of a ring"),
        ({"weights": (1.0, 1.0)}, "the weights sum to 2"),
        ({"weights": (0.0, 0.0)}, "must sum to 0, and not all be 0"),
        ({"ring": (0, 1)}, "at least 3 different atoms"),
        ({"ring": (0, 1, 2), "headless": False}, "headless: a sign would tell mirror images apart"),
    ],
)
def test_axes_that_cannot_be_used(parts, message):
    with pytest.raises(InvalidArgument, match=message):
        Axis("a", **parts)


def test_kinds_that_a_list_of_atoms_does_not_tell_apart():
    water = template("H2O")
    with pytest.raises(InvalidArgument, match="'H2O' and 'ice' have the same elements in the same order"):
        Topology([water, replace(water, name="ice")])
    with pytest.raises(InvalidArgument, match="two kinds of sites are called 'H2O'"):
        Topology([water, replace(template("C6H6"), name="H2O")])
    with pytest.raises(InvalidArgument, match="'Q' is no element"):
        Topology([water], ["Q"])
    with pytest.raises(InvalidArgument, match="at least one"):
        Topology([])
