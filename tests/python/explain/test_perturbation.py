"""Removing and freezing: exact contributions where an output is a sum, and what was asked for everywhere."""

import numpy as np
import pytest
import torch
from ase import Atoms

from additive_function import AdditiveFunction
from analytic_cv import AnalyticCV, random_atoms
from analytic_graph_function import AnalyticGraphModel, mixture
from gnncv.errors import InvalidArgument
from gnncv.explain import perturbation


def cv():
    return AnalyticCV(species=["Ar", "Kr"])


def frame(generator, n_atoms=30, pbc=True):
    atoms = random_atoms(generator, n_atoms, pbc=pbc, triclinic=bool(pbc))
    atoms.symbols[:5] = "Kr"
    return atoms


def removed(model, atoms, by="atom", output="ncoordination", **options):
    return perturbation(model, atoms, by, output, show_progress=False, **options)


def value(model, atoms, output="ncoordination"):
    return model.compute(atoms, outputs=[])[output]


def test_of_a_sum_over_pairs_the_scores_are_the_pairs_of_each_atom(generator):
    """Removing an atom takes its pairs, which the sum of coordination numbers counts twice."""
    atoms = frame(generator)
    found = removed(cv(), atoms)
    assert found.over == "nodes" and found.method == "removal" and found.units == "1"
    assert found.model_hash == cv().hash and found.value == value(cv(), atoms)
    assert np.allclose(found.scores, 2.0 * cv().per_site(atoms)["coordination"], rtol=1e-10)
    assert list(found.node_labels) == [f"{symbol}{i}" for i, symbol in enumerate(atoms.symbols, start=1)]


def test_of_an_additive_function_the_scores_are_its_contributions(generator):
    """Masses times heights: atoms, species and groups of any kind, exactly."""

    def moment(atoms):
        return float(np.sum(atoms.numbers * np.round(atoms.positions[:, 2] * 64)))

    atoms = frame(generator)
    parts = atoms.numbers * np.round(atoms.positions[:, 2] * 64)
    assert np.array_equal(removed(moment, atoms, output=0).scores, parts)
    by_species = removed(moment, atoms, "species", 0)
    assert dict(zip(by_species.labels, by_species.scores, strict=True)) == {
        "Kr": parts[:5].sum(), "Ar": parts[5:].sum()
    }  # fmt: skip
    groups = {"few": [3, 9], "kryptons": "Kr", "masked": np.arange(30) > 20}
    found = removed(moment, atoms, groups, 0)
    assert found.over == "groups" and found.output == "moment" and found.model_hash == ""
    assert np.array_equal(found.scores, [parts[[3, 9]].sum(), parts[:5].sum(), parts[21:].sum()])
    molecules = np.arange(30) // 4
    found = removed(moment, atoms, "molecule", 0, molecules=molecules)
    assert np.array_equal(found.scores, np.bincount(molecules, parts))


@pytest.mark.parametrize("output", ["ncoordination", "coordination", "progress"])
def test_an_atom_beyond_every_cutoff(generator, output):
    """Nothing in a sum; in a mean it counts as one more site, as the documentation says."""
    model, atoms = cv(), frame(generator, pbc=False)
    atoms += Atoms("Ar", positions=[[200.0, 0.0, 0.0]])
    score = removed(model, atoms, output=output).scores[-1]
    if output == "ncoordination":
        assert abs(score) < 1e-12
    else:
        name = {"coordination": "coordination", "progress": "crystallinity"}[output]
        own = model.per_site(atoms)[name][-1]
        assert score == pytest.approx((own - value(model, atoms, output)) / (len(atoms) - 1), rel=1e-9)
    farther = atoms.copy()
    farther.positions[-1] += [50.0, 3.0, 0.0]
    frozen = removed(model, atoms, {"lonely": [30]}, output, freeze=farther)
    assert frozen.scores[0] == 0.0


@pytest.mark.parametrize("by", ["atom", "species", "molecule"])
def test_scores_permute_with_atoms_and_ignore_images(generator, by):
    model, atoms = cv(), frame(generator)
    molecules = generator.integers(0, 6, len(atoms))
    options = {"molecules": molecules} if by == "molecule" else {}
    expected = removed(model, atoms, by, "novelty", **options)
    moved = atoms.copy()
    moved.positions += generator.integers(-2, 3, (len(atoms), 3)) @ atoms.cell.array
    assert np.allclose(removed(model, moved, by, "novelty", **options).scores, expected.scores, atol=1e-10)
    order = generator.permutation(len(atoms))
    options = {"molecules": molecules[order]} if by == "molecule" else {}
    found = removed(model, atoms[order], by, "novelty", **options)
    if by == "atom":
        assert np.allclose(found.scores, expected.scores[order], rtol=1e-9)
    else:
        assert np.allclose(np.sort(found.scores), np.sort(expected.scores), rtol=1e-9)


def test_neighbors_and_shells_of_a_center(generator):
    """Each score is that of the frame without those atoms, evaluated by itself; the center stays."""
    model, atoms, center = cv(), frame(generator), 11
    distances = atoms.get_distances(center, range(30), mic=True)
    neighbors = [i for i in np.flatnonzero(distances <= model.cutoff) if i != center]
    assert 2 < len(neighbors) < 29
    found = removed(model, atoms, "neighbor", center=center)
    assert list(found.labels) == [f"{atoms.symbols[i]}{i + 1}" for i in neighbors]
    whole = removed(model, atoms).scores
    assert np.allclose(found.scores, whole[neighbors], rtol=1e-12)
    shells = removed(model, atoms, "shell", center=center, boundaries=[4.5, 6.0])
    for k, (low, high) in enumerate([(0.0, 4.5), (4.5, 6.0), (6.0, np.inf)]):
        inside = (distances >= low) & (distances < high)
        inside[center] = False
        expected = value(model, atoms) - value(model, atoms[~inside])
        assert shells.scores[k] == pytest.approx(expected, rel=1e-12)
    assert shells.labels[0] == "0.00-4.50 Å"
    near = removed(model, atoms, "neighbor", center=center - 30, within=4.0)
    assert len(near.labels) == np.sum(distances <= 4.0) - 1


def test_only_some(generator):
    """What is not asked for is not evaluated."""
    model, atoms = cv(), frame(generator)
    every = removed(model, atoms)
    model = cv()
    few = removed(model, atoms, only=["Ar12", 3])
    assert model.statistics["n_evaluations"] == 3
    assert few.over == "groups" and list(few.labels) == ["Ar12", "Kr4"]
    assert np.array_equal(few.scores, every.scores[[11, 3]])
    assert removed(model, atoms, "species", only="Kr").scores.shape == (1,)


def test_freezing_everything_gives_the_reference(generator):
    model, atoms = cv(), frame(generator)
    reference = atoms.copy()
    reference.positions += generator.normal(0.0, 0.3, (30, 3))
    change = value(model, atoms, "progress") - value(model, reference, "progress")
    everything = removed(model, atoms, {"all": range(30)}, "progress", freeze=reference)
    assert everything.scores[0] == change and everything.completeness_gap == 0.0
    assert everything.method == "freezing"
    for by in ("atom", "species"):
        found = removed(model, atoms, by, "progress", freeze=reference)
        assert found.details["reference"] == value(model, reference, "progress")
        assert found.completeness_gap == pytest.approx(found.scores.sum() - change, abs=1e-14)
    assert "reference" not in removed(model, atoms, {"few": [1]}, "progress", freeze=reference).details
    held = atoms.copy()
    held.positions[:5] = reference.positions[:5]
    assert found.labels == ["Kr", "Ar"]
    assert found.scores[0] == value(model, atoms, "progress") - value(model, held, "progress")

    def quadratic(frame):
        return np.sum(frame.positions**2), 2.0 * frame.positions

    shared = removed(quadratic, atoms, "atom", 0, freeze=reference)
    assert np.allclose(shared.scores, np.sum(atoms.positions**2 - reference.positions**2, axis=1), atol=1e-9)
    assert abs(shared.completeness_gap) < 1e-9
    assert not removed(model, atoms, freeze=atoms).scores.any()


class Pairs(AnalyticCV):
    """Sites are molecules of two atoms."""

    kinds = ("Ar2",)

    @property
    def site_of_atom(self):
        return np.arange(len(self.symbols)) // 2

    @property
    def site_kinds(self):
        return np.zeros(len(self.symbols) // 2, dtype=int)


def test_molecules_are_removed_whole(generator):
    model, atoms = Pairs(), random_atoms(generator, 20)
    found = removed(model, atoms)
    assert list(found.node_labels) == [f"Ar2{k}" for k in range(1, 11)]
    for k in range(10):
        left = np.delete(np.arange(20), [2 * k, 2 * k + 1])
        assert found.scores[k] == pytest.approx(value(model, atoms) - value(model, atoms[left]), rel=1e-12)
    assert np.array_equal(found.node_of_atom, np.arange(20) // 2)
    both = removed(model, atoms, {"two": [4, 5, 6, 7]})
    assert both.scores[0] == value(model, atoms) - value(model, atoms[[*range(4), *range(8, 20)]])
    with pytest.raises(InvalidArgument, match="the group 'half' cuts Ar23"):
        removed(model, atoms, {"half": [4]})
    reference = atoms.copy()
    reference.positions += generator.normal(0.0, 0.3, (20, 3))
    held = removed(model, atoms, {"half": [4]}, freeze=reference)  # positions may be held atom by atom
    moved = atoms.copy()
    moved.positions[4] = reference.positions[4]
    assert held.scores[0] == value(model, atoms) - value(model, moved)


def test_of_an_additive_graph_function(generator):
    """Edges, pairs, and all edges of a node; with everything removed, the offset is left."""
    contributions = generator.normal(size=14)
    function = AdditiveFunction(contributions)
    edges = removed(function, None, "edge", 0)
    assert edges.over == "edges" and np.allclose(edges.scores, contributions, atol=1e-14)
    assert abs(edges.completeness_gap) < 1e-13
    assert edges.details["all removed"] == pytest.approx(function.offset, abs=1e-14)
    pairs = removed(function, None, "pair", 0)
    both = contributions[:7] + contributions[7:]  # the ring's edges 0-1, 1-2, ..., then their reverses
    assert np.allclose(np.sort(pairs.scores), np.sort(both), atol=1e-14)
    nodes = removed(function, None, "atom", 0)
    assert np.allclose(nodes.scores, both + np.roll(both, 1), atol=1e-14)
    few = removed(function, None, {"two": [0, 1]}, 0)
    assert few.scores[0] == pytest.approx(both[[0, 1, 6]].sum())
    near = removed(function, None, "neighbor", 0, center=3)
    ends = function.edge_index.numpy()
    expected = {f"Ar{ends[0, e] + 1}": contributions[e] for e in np.flatnonzero(ends[1] == 3)}
    assert dict(zip(near.labels, near.scores, strict=True)) == pytest.approx(expected)
    with pytest.raises(InvalidArgument, match="this graph has no frame"):
        removed(function, None, "atom", 0, freeze=Atoms("Ar"))


def test_of_a_graph_function_of_a_frame(generator):
    """Gates closed by hand; without gates the pairs are stretched, to the same values."""
    model, atoms = AnalyticGraphModel(), mixture(generator, 12, pbc=False)
    atoms += Atoms("Kr", positions=[[90.0, 0.0, 0.0]])
    function = model.graph_function(atoms, "second")
    actual = float(function())

    def without(chosen):
        gates = torch.ones(function.edge_index.shape[1], dtype=torch.float64)
        gates[torch.as_tensor(chosen)] = 0.0
        return float(function(edges=gates))

    senders, receivers = function.edge_index.numpy()
    lengths = function.inputs["vectors"].norm(dim=1).numpy()
    atom = removed(model, atoms, "atom", "second")
    assert atom.scores[-1] == 0.0  # exactly: it has no edges
    for k in (0, 5):
        assert atom.scores[k] == actual - without((senders == k) | (receivers == k))
    shells = removed(function, None, "shell", 0, boundaries=[4.0])
    assert shells.scores.tolist() == [actual - without(lengths < 4.0), actual - without(lengths >= 4.0)]
    center = int(receivers[np.argmin(lengths)])
    to_center = removed(function, None, "shell", 0, boundaries=[1.0, 4.0], center=center)
    received = (lengths < 4.0) & (receivers == center)
    assert to_center.scores[:2].tolist() == [0.0, actual - without(received)]  # an empty shell stays one
    near = removed(function, None, "neighbor", 0, center=center, within=4.0)
    assert set(near.labels) == {function.node_labels[j] for j in senders[received]}
    every = removed(function, None, "neighbor", 0, center=center)
    assert set(every.labels) == {function.node_labels[j] for j in senders[receivers == center]}
    one = (senders == function.node_labels.index(near.labels[0])) & received
    assert near.scores[0] == actual - without(one)
    edge = removed(function, None, "edge", 0)
    assert np.array_equal(edge.edge_vectors, function.inputs["vectors"].numpy())
    stretched = removed(function.only("positions", "vectors"), None, "edge", 0)
    assert np.allclose(stretched.scores, edge.scores, atol=1e-14)
    reference = atoms.copy()
    reference.positions[:12] += generator.normal(0.0, 0.05, (12, 3))
    frozen = removed(function, None, {"all": range(13)}, 0, freeze=reference)
    moved = torch.tensor(reference.positions)
    assert frozen.scores[0] == actual - float(function(positions=moved))


def test_what_cannot_be_perturbed(generator):
    model, atoms = cv(), frame(generator)
    stretched = atoms.copy()
    stretched.set_cell(1.01 * atoms.cell.array)
    other = atoms.copy()
    other.symbols[7] = "Kr"
    function = AdditiveFunction(np.ones(8))

    def free(atoms):
        return 0.0

    for args, options, message in [
        ((model, atoms, "bond"), {}, "by is 'bond'; choose atom, neighbor"),
        ((model, atoms, "neighbor"), {}, "give center"),
        ((model, atoms, "neighbor"), {"center": 30}, "center is node 30 of 30"),
        ((free, atoms, "neighbor"), {"center": 3}, "give within, angstrom"),
        ((model, atoms, "shell"), {}, "need center"),
        ((model, atoms, "atom"), {"center": 3}, "center is for by='neighbor' or 'shell', not 'atom'"),
        ((model, atoms, "atom"), {"molecules": [0] * 30}, "molecules is for by='molecule'"),
        ((model, atoms, "edge"), {}, "a AnalyticCV is no function of edges"),
        ((model, atoms, "edge"), {"freeze": atoms}, "is no function of edges"),
        ((function, None, "pair"), {"freeze": atoms}, "a frozen pair has no meaning"),
        ((model, atoms, {"all": range(30)}), {}, "a group is the whole frame"),
        ((model, atoms, {"none": [77]}), {}, "the group 'none' names atom 77"),
        ((model, atoms, "species"), {"only": "Xe"}, "there is no group 'Xe'; there are Kr, Ar"),
        ((model, atoms, "species"), {"only": [2]}, "no group number 2; there are 2"),
        ((model, atoms, "atom"), {"freeze": stretched}, "set_cell"),
        ((model, atoms, "atom"), {"freeze": other}, "the reference is"),
        ((model, atoms, "atom"), {"freeze": 3}, "freeze is a int"),
        ((model, [atoms], "atom"), {}, "the frame is a list"),
        ((model, atoms, "atom", "speed"), {}, "no output 'speed'"),
    ]:
        with pytest.raises(InvalidArgument, match=message):
            perturbation(*args, show_progress=False, **options)


def test_a_progress_bar_can_be_had(generator, capsys):
    perturbation(cv(), frame(generator), "species", 1)
    assert "perturbation: 100%" in capsys.readouterr().err
