"""Groups share the scores out: nothing is lost, nothing counted twice, and each gets what is its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.geometry import get_distances

from gnncv.errors import InvalidArgument, OutputExists
from gnncv.explain import Explanation, shell_boundaries
from random_explanations import dyadic, explanation_of_sites, random_explanation

OF_NODES = [
    ("site", {}),
    ("atom", {}),
    ("species", {}),
    ("molecule", {}),
    ("shell", {"center": 3}),
    ("label", {}),
]
OF_EDGES = [
    *OF_NODES,
    ("pair", {}),
    ("species pair", {}),
    ("shell", {}),
    ("shell", {"boundaries": [2.0, 3.0]}),
    ("angle", {"axis": (0.0, 0.3, 1.0)}),
]


def generator(seed: int) -> np.random.Generator:
    print("seed", seed)
    return np.random.default_rng(seed)


@pytest.mark.parametrize("box", ["triclinic", "slab", "open", "thin"])
@pytest.mark.parametrize("over", ["nodes", "node_features", "edges"])
def test_sums_of_groups_add_up_to_the_sum_of_the_scores(over, box):
    explanation = random_explanation(generator(1), over, box=box)
    kinds = {"nodes": OF_NODES, "node_features": [*OF_NODES, ("feature", {})], "edges": OF_EDGES}[over]
    for kind, options in kinds:
        table = explanation.by(kind, **options)
        assert table.sum.sum() == explanation.scores.sum(), kind  # exact: all numbers are dyadic
        assert table.share.sum() == pytest.approx(1.0, abs=1e-12), kind
        assert np.array_equal(table.mean * table.count, table.sum) or np.allclose(
            table.mean * table.count, table.sum, rtol=1e-15
        )
        assert len(table) == len(set(table.names)) or kind == "label"


@pytest.mark.parametrize("within", [None, 2.4, 99.0])
def test_angles_share_every_edge_out(within):
    explanation = random_explanation(generator(2), "edges")
    table = explanation.by("angle", within=within)
    assert table.sum.sum() == pytest.approx(explanation.scores.sum(), abs=1e-12)
    assert table.share.sum() == pytest.approx(1.0, abs=1e-12)


def test_angles_with_an_axis():
    """A bond along the axis is at 0°, whichever way it points; one across at 90°; and against a loop."""
    water = molecule("H2O")
    table = frame_with_edges(water, np.array([[1, 0, 2], [2, 1, 1]]), [1.0, 2.0, 4.0]).by(
        "angle", axis=(0, 1, 0)
    )
    assert table.names == ("0-10°", "30-40°") and table.sum.tolist() == [5.0, 2.0]
    explanation = random_explanation(generator(15), "edges")
    axis = np.array([1.0, -2.0, 0.5])
    table = explanation.by("angle", axis=axis, width=30.0)
    expected = np.zeros(3)
    for vector, score in zip(explanation.edge_vectors, explanation.scores, strict=True):
        across = np.linalg.norm(np.cross(vector, axis))
        expected[int(np.degrees(np.arctan2(across, abs(vector @ axis))) // 30.0)] += score
    assert table.names == ("0-30°", "30-60°", "60-90°") and np.array_equal(table.sum, expected)


def test_angles_of_water_and_of_methane():
    """One angle a center: it has both bonds' scores; in methane every bond is in three angles."""
    water = molecule("H2O")
    ends = np.array([[1, 2, 0, 0], [0, 0, 1, 2]])
    explanation = frame_with_edges(water, ends, [1.0, 2.0, 4.0, 8.0])
    table = explanation.by("angle", width=5.0, within=1.2)
    assert table.names == ("100-105°", "one bond only")
    assert table.sum.tolist() == [3.0, 12.0] and table.count.tolist() == [1, 2]

    methane = molecule("CH4")
    ends = np.stack([np.arange(1, 5), np.zeros(4, dtype=int)])
    scores = [3.0, 6.0, -9.0, 12.0]
    table = frame_with_edges(methane, ends, scores).by("angle", width=1.0)
    assert table.names == ("109-110°",) and table.count.tolist() == [6]
    assert table.sum[0] == pytest.approx(12.0) and table.share[0] == pytest.approx(1.0)


def frame_with_edges(atoms: Atoms, ends: np.ndarray, scores: list[float]) -> Explanation:
    return Explanation(
        scores=np.array(scores),
        over="edges",
        node_labels=[f"{symbol}{i}" for i, symbol in enumerate(atoms.symbols, start=1)],
        output="y",
        method="saliency",
        units="1",
        model_hash="0" * 64,
        value=0.0,
        edge_index=ends,
        atoms=atoms,
    )


def test_an_edge_is_shared_by_its_ends_and_a_pair_has_both_directions():
    water = molecule("H2O")
    explanation = frame_with_edges(water, np.array([[1, 2, 0], [0, 0, 1]]), [1.0, -2.0, 4.0])
    assert explanation.by("site").sum.tolist() == [0.5 - 1.0 + 2.0, 0.5 + 2.0, -1.0]
    assert explanation.by("species").names == ("O", "H")
    assert explanation.by("species").sum.tolist() == [1.5, 1.5]
    assert explanation.by("species").count.tolist() == [1, 2]
    assert explanation.undirected() == {(0, 1): 5.0, (0, 2): -2.0}
    assert explanation.undirected(magnitudes=True) == {(0, 1): 5.0, (0, 2): 2.0}
    pairs = explanation.by("pair")
    assert pairs.names == ("O1-H2", "O1-H3") and pairs.sum.tolist() == [5.0, -2.0]
    assert pairs.members is not None and pairs.members.tolist() == [[0, 1], [0, 2]]
    kinds = explanation.by("species pair")
    assert kinds.names == ("O-H",) and kinds.count.tolist() == [2] and kinds.sum.tolist() == [3.0]


@pytest.mark.parametrize("over", ["nodes", "edges"])
def test_groups_against_loops(over):
    """Every table against the plainest loop over scores."""
    explanation = random_explanation(generator(4), over)
    assert explanation.edge_index is not None and explanation.edge_vectors is not None
    symbols = explanation.atoms.get_chemical_symbols()
    species: dict[str, float] = {}
    pairs: dict[tuple[int, int], float] = {}
    shells = {"0.00-2.50 Å": 0.0, "beyond 2.50 Å": 0.0}
    if over == "nodes":
        for symbol, score in zip(symbols, explanation.scores, strict=True):
            species[symbol] = species.get(symbol, 0.0) + score
    else:
        for (i, j), vector, score in zip(
            explanation.edge_index.T.tolist(), explanation.edge_vectors, explanation.scores, strict=True
        ):
            for end in (i, j):
                species[symbols[end]] = species.get(symbols[end], 0.0) + 0.5 * score
            pairs[min(i, j), max(i, j)] = pairs.get((min(i, j), max(i, j)), 0.0) + score
            shells["0.00-2.50 Å" if np.linalg.norm(vector) < 2.5 else "beyond 2.50 Å"] += score
        table = explanation.by("pair")
        assert dict(zip(map(tuple, table.members.tolist()), table.sum, strict=True)) == pairs
        assert explanation.undirected() == pairs
        table = explanation.by("shell", boundaries=[0.0, 2.5])
        assert dict(zip(table.names, table.sum, strict=True)) == shells
        lengths = np.linalg.norm(explanation.edge_vectors, axis=1)
        assert table.count.tolist() == [np.sum(lengths < 2.5) / 2, np.sum(lengths >= 2.5) / 2]
    table = explanation.by("species")
    assert dict(zip(table.names, table.sum, strict=True)) == species
    assert dict(zip(table.names, table.count, strict=True)) == {s: symbols.count(s) for s in species}


@pytest.mark.parametrize("over", ["nodes", "edges"])
def test_sites_and_their_atoms(over):
    explanation, centers = explanation_of_sites(generator(5), over)
    sites, atoms = explanation.by("site"), explanation.by("atom")
    owners = explanation.node_of_atom
    assert np.allclose(atoms.sum, (sites.sum / np.bincount(owners))[owners], rtol=1e-14)
    assert atoms.sum.sum() == pytest.approx(explanation.scores.sum(), abs=1e-12)
    assert atoms.names[0] == f"{explanation.atoms.symbols[0]}1" and atoms.counted == "atoms"
    molecules = explanation.by("molecule")
    assert molecules.names == tuple(explanation.node_labels) and np.array_equal(molecules.sum, sites.sum)
    species = explanation.by("species")
    assert species.names == ("CH4", "H2O") and species.count.tolist() == [3, 2]
    assert np.array_equal(species.sum, [sites.sum[::2].sum(), sites.sum[1::2].sum()])
    # two molecules given: the atoms of even and of odd sites
    given = explanation.by("molecule", molecules=owners % 2)
    assert given.names == ("C3H12 1", "H4O2 2") and given.count.tolist() == [15, 6]
    assert np.allclose(given.sum, species.sum, atol=1e-12)
    # distances are those of the centers of whole molecules
    _, distances = get_distances(centers[:1], centers, cell=np.array(explanation.atoms.cell), pbc=True)
    ranked = np.sort(distances[0])
    table = explanation.by("shell", center=centers[0], boundaries=(ranked[1:] - 1e-6).tolist())
    assert np.array_equal(table.sum, sites.sum[np.argsort(distances[0])])


def test_molecules_are_found_by_bonds_and_by_edges():
    rng = generator(6)
    first, second = molecule("C6H6"), molecule("CH3OH")
    second.translate([0.0, 0.0, 9.0])
    order = rng.permutation(18)
    atoms = (first + second)[order]
    explanation = random_explanation(rng, "nodes", n=18, box="open")
    explanation = replace(
        explanation, atoms=atoms, scores=dyadic(rng, 18), edge_index=None, edge_vectors=None
    )
    table = explanation.by("molecule")
    assert sorted(name[:-2] for name in table.names) == ["C6H6", "CH4O"]
    expected = explanation.scores[order < 12].sum()
    assert expected in table.sum.tolist() and sorted(table.count.tolist()) == [6, 12]

    ends = np.array([[0, 1, 4], [1, 2, 3]])
    labels = ["C1", "C2", "O3", "N4", "N5"]
    graph = replace(explanation, atoms=None, node_labels=labels, scores=np.arange(5.0), edge_index=ends)
    assert graph.by("molecule").sum.tolist() == [3.0, 7.0]
    assert graph.by("species").names == ("C", "O", "N")
    assert graph.by("molecule", molecules=[7, 7, 7, 7, 2]).sum.tolist() == [4.0, 6.0]


def test_shells_are_found_where_the_pair_distribution_is_lowest():
    """Of fcc, thermally shaken: boundaries lie between the shells at a/√2, a and a √(3/2)."""
    rng = generator(7)
    a = 5.3
    atoms = bulk("Ar", "fcc", a=a, cubic=True) * (3, 3, 3)
    atoms.positions += rng.normal(scale=0.12, size=(len(atoms), 3))
    lengths = atoms.get_all_distances(mic=True)
    found = shell_boundaries(lengths[(lengths > 0.0) & (lengths < 1.32 * a)])
    assert len(found) == 2
    assert a / np.sqrt(2.0) + 0.3 < found[0] < a - 0.3 and a + 0.3 < found[1] < a * np.sqrt(1.5) - 0.3
    # far pairs are many more, and do not hide the near minima
    all_found = shell_boundaries(lengths[lengths > 0.0])
    assert len(all_found) > 2 and np.allclose(all_found[:2], found, atol=0.1)
    assert len(shell_boundaries(np.zeros(0))) == 0
    assert len(shell_boundaries(rng.normal(3.8, 0.1, 500))) == 0

    nodes = replace(
        random_explanation(rng, "nodes", n=len(atoms)), atoms=atoms, edge_index=None, edge_vectors=None
    )
    table = nodes.by("shell", center=17)
    assert table.count[:2].tolist() == [13, 6]  # the center itself and its twelve neighbors, then six
    assert table.bounds is not None and table.bounds[0, 1] == pytest.approx(found[0], abs=0.15)


def test_top_and_its_order():
    explanation = random_explanation(generator(8), "nodes")
    explanation = replace(explanation, spread=np.abs(explanation.scores) + 1.0)
    table = explanation.top(5)
    order = np.argsort(-np.abs(explanation.scores))[:5]
    assert table.members.tolist() == order.tolist()
    assert np.array_equal(table.sum, explanation.scores[order])
    assert np.array_equal(table.spread, explanation.spread[order])
    assert explanation.top(3, signed=True).sum.tolist() == np.sort(explanation.scores)[::-1][:3].tolist()
    edges = random_explanation(generator(9), "edges")
    pairs = edges.undirected()
    best = max(pairs, key=lambda pair: abs(pairs[pair]))
    assert tuple(edges.top(1).members[0].tolist()) == best
    features = random_explanation(generator(10), "node_features")
    node, column = np.unravel_index(np.argmax(np.abs(features.scores)), features.scores.shape)
    assert features.top(1).names == (f"{features.node_labels[node]} {features.labels[column]}",)
    with pytest.raises(InvalidArgument, match="k is 0"):
        explanation.top(0)


def test_tables_come_back_from_files(tmp_path):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")

    explanation = random_explanation(generator(11), "edges")
    for kind, options in (("shell", {}), ("pair", {}), ("angle", {"within": 3.0})):
        table = explanation.by(kind, **options)
        path = table.to_csv(tmp_path / f"{kind}.csv")
        read, made = pandas.read_csv(path), table.to_dataframe()
        assert read[kind].tolist() == list(table.names) == made[kind].tolist()
        for name in ("mean", "sum", "count", "share"):
            assert np.array_equal(read[name], getattr(table, name)), name
            assert np.array_equal(made[name], getattr(table, name)), name
        assert set(read["units"]) == {"1/Å"} and made.attrs["model_hash"] == explanation.model_hash
        assert all(name in str(table) for name in table.names)
    with pytest.raises(OutputExists):
        table.to_csv(path)


def test_no_scores_at_all():
    explanation = random_explanation(generator(12), "edges", n=1, box="open")
    assert explanation.scores.shape == (0,)
    for kind, options in [*OF_EDGES, ("angle", {})]:
        if options != {"center": 3}:
            table = explanation.by(kind, **options)
            assert table.sum.sum() == 0.0 and (table.share == 0.0).all()
    assert explanation.undirected() == {} and len(explanation.top(3)) == 0


@pytest.mark.parametrize(
    ("over", "kind", "options", "message"),
    [
        ("nodes", "color", {}, "cannot group by 'color'; group by site, atom"),
        ("nodes", "pair", {}, "pair needs scores over edges; saliency scored nodes"),
        ("nodes", "shell", {}, "shells of nodes need center="),
        ("nodes", "angle", {}, "angle needs scores over edges"),
        ("nodes", "feature", {}, "feature needs scores over node_features"),
        ("nodes", "species", {"within": 3.0}, "groups by species take no within"),
        ("nodes", "shell", {"center": 40}, "center is node 40 of 40"),
        ("nodes", "shell", {"center": [0.0, 1.0]}, "center has shape"),
        ("nodes", "molecule", {"molecules": [0, 1]}, "molecules has shape"),
        ("edges", "shell", {"boundaries": [3.0, 2.0]}, "give ascending positive distances"),
        ("edges", "angle", {"width": 0.0}, "width is 0.0 degrees"),
        ("edges", "angle", {"within": -1.0}, "within is -1.0"),
        ("edges", "angle", {"axis": (0, 0, 0)}, "axis is"),
        ("edges", "angle", {"axis": (0, 0, 1), "within": 3.0}, "leave out within"),
    ],
)
def test_what_cannot_be_grouped_says_so(over, kind, options, message):
    explanation = random_explanation(generator(13), over)
    with pytest.raises(InvalidArgument, match=message):
        explanation.by(kind, **options)


def test_frames_and_groups_have_labels_only():
    explanation = replace(
        random_explanation(generator(14), "nodes"),
        over="groups",
        labels=["shell 1", "shell 2"],
        scores=np.array([2.0, -3.0]),
    )
    assert explanation.top(1).names == ("shell 2",)
    with pytest.raises(InvalidArgument, match="grouping by species needs scores over nodes"):
        explanation.by("species")


def test_shells_share_out_the_change_that_integrated_gradients_explain():
    """From the model to the table: shells, species pairs and angles add up to F - F0."""
    pytest.importorskip("captum", reason="captum is not installed")
    from analytic_graph_function import CUTOFF, AnalyticGraphModel
    from gnncv.explain import integrated_gradients

    rng = generator(16)
    cell = np.diag([9.0, 10.0, 11.0])
    atoms = Atoms(rng.choice(["Ar", "Kr", "Xe"], 24), rng.random((24, 3)) @ cell, cell=cell, pbc=True)
    explanation = integrated_gradients(AnalyticGraphModel(), atoms, "edges", "first", show_progress=False)
    change = explanation.value  # without interactions this model gives nothing
    for kind, options in (
        ("shell", {"boundaries": [3.0, 4.0]}),
        ("species pair", {}),
        ("angle", {"within": 4.0}),
    ):
        table = explanation.by(kind, **options)
        assert table.sum.sum() == pytest.approx(change + explanation.completeness_gap, abs=1e-12)
    assert explanation.completeness_gap == pytest.approx(0.0, abs=1e-6)
    assert explanation.by("shell", boundaries=[CUTOFF]).names == ("0.00-5.00 Å", "beyond 5.00 Å")
