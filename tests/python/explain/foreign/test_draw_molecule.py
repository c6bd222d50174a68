"""Molecules drawn: each bond where its atoms are, colored and widened by both directions' scores."""

from importlib.util import find_spec
from typing import Any

import networkx as nx
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from gnncv.errors import InvalidArgument
from gnncv.explain import Explanation, draw_molecule, nitro_molecules, to_molecule
from gnncv.explain.foreign import ATOM_MAP, graph_of_smiles
from gnncv.explain.pictures import molecule_layout as layouts

pytest.importorskip("rdkit.Chem", reason="RDKit is not installed")
pytestmark = pytest.mark.skipif(
    find_spec("torch_geometric") is None, reason="torch_geometric is not installed"
)


@pytest.fixture
def molecule() -> Any:
    return graph_of_smiles("O=[N+]([O-])c1ccccc1C#N")


def explained(molecule: Any, scores: np.ndarray, over: str = "edges") -> Explanation:
    symbols = [to_molecule(molecule).nodes[i]["name"] for i in range(molecule.num_nodes)]
    return Explanation(
        scores=scores,
        over=over,  # type: ignore[arg-type]
        node_labels=[f"{symbol}{i}" for i, symbol in enumerate(symbols, start=1)],
        output="nitro",
        method="saliency",
        units="1",
        model_hash="0" * 64,
        value=0.0,
        labels=ATOM_MAP if over == "node_features" else (),
        edge_index=molecule.edge_index.numpy(),
    )


def halos(figure: Figure) -> list[tuple[np.ndarray, float, tuple[float, ...]]]:
    """Ends, width and color of each colored bond, the widest first."""
    collections = [c for c in figure.axes[0].collections if isinstance(c, LineCollection) and c.zorder == 1]
    assert len(collections) == 1
    (found,) = collections
    rows = zip(found.get_segments(), found.get_linewidths(), map(tuple, found.get_colors()), strict=True)
    return sorted(rows, key=lambda row: -row[1])


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_a_molecule_has_its_elements_and_orders_of_bonds(molecule: Any) -> None:
    graph = to_molecule(molecule)
    assert nx.number_of_edges(graph) == molecule.num_edges // 2
    assert [graph.nodes[i]["name"] for i in range(4)] == ["O", "N", "O", "C"]
    assert sorted(order for *_, order in graph.edges(data="order")) == [1] * 10 + [2] * 4 + [3]
    del molecule.z
    assert nx.utils.graphs_equal(to_molecule(molecule), graph)  # elements read from one-hot x
    molecule.x = molecule.x * 0.5
    with pytest.raises(InvalidArgument, match="x of node 0 is .*, not one element; give the graph z"):
        to_molecule(molecule)
    with pytest.raises(InvalidArgument, match="x of shape .15, 14. is not one column for each of the 2"):
        to_molecule(molecule, elements=("C", "H"))


def test_both_directions_of_a_bond_are_added_up(molecule: Any, generator: np.random.Generator) -> None:
    scores = generator.uniform(0, 1, molecule.num_edges)
    expected: dict[tuple[int, int], float] = {}
    for (u, v), score in zip(molecule.edge_index.T.tolist(), scores, strict=True):
        expected[min(u, v), max(u, v)] = expected.get((min(u, v), max(u, v)), 0.0) + score
    places = layouts.molecule_layout(to_molecule(molecule))
    ranked = sorted(expected, key=lambda bond: -expected[bond])
    for given in (scores, explained(molecule, scores), expected):
        drawn = halos(draw_molecule(molecule, given))
        assert len(drawn) == len(ranked)
        for bond, (ends, _, _) in zip(ranked, drawn, strict=True):
            np.testing.assert_allclose(sorted(map(tuple, ends)), sorted(tuple(places[u]) for u in bond))
    assert len(halos(draw_molecule(molecule, scores, top=3))) == 3


def test_signs_are_told_by_color_and_left_out_on_request(molecule: Any) -> None:
    bonds = {(0, 1): 2.0, (3, 4): -2.0, (1, 3): 0.5}
    plus, minus, _ = (color for *_, color in halos(draw_molecule(molecule, bonds)))
    red, blue = sorted([plus, minus], key=lambda color: color[2])
    assert red[0] > red[2] and blue[2] > blue[0]
    both = halos(draw_molecule(molecule, bonds, magnitudes=True))
    assert both[0][2] == both[1][2]


def test_nodes_and_features_color_the_atoms(molecule: Any, generator: np.random.Generator) -> None:
    features = generator.normal(size=(molecule.num_nodes, len(ATOM_MAP)))
    by_node = draw_molecule(molecule, explained(molecule, features.sum(1), "nodes"))
    by_feature = draw_molecule(molecule, explained(molecule, features, "node_features"))

    def fills(figure: Figure) -> list[tuple[float, ...]]:
        return [p.get_facecolor() for p in figure.axes[0].patches if isinstance(p, Circle)]

    assert fills(by_node) == fills(by_feature)
    assert len(set(fills(by_node))) > molecule.num_nodes // 2


def test_nothing_overlaps() -> None:
    """Circles of atoms are apart, and every label is inside the picture."""
    for molecule in nitro_molecules(8, seed=4):
        figure = draw_molecule(molecule, np.ones(molecule.num_edges), edge_labels=True, title="saliency")
        axes = figure.axes[0]
        circles = [patch for patch in axes.patches if isinstance(patch, Circle)]
        centers = np.array([circle.center for circle in circles])
        radii = np.array([circle.radius for circle in circles])
        apart = np.linalg.norm(centers[:, None] - centers, axis=2) - radii[:, None] - radii
        assert apart[~np.eye(len(circles), dtype=bool)].min() > 0, molecule.smiles
        low, high = np.transpose([axes.get_xlim(), axes.get_ylim()])
        assert ((centers - radii[:, None] > low) & (centers + radii[:, None] < high)).all()


def test_without_rdkit_springs_place_the_atoms(monkeypatch: pytest.MonkeyPatch, molecule: Any) -> None:
    def missing() -> None:
        raise InvalidArgument("rdkit is not installed")

    monkeypatch.setattr(layouts, "rdkit_chem", missing)
    graph = to_molecule(molecule)
    places = layouts.molecule_layout(graph)
    lengths = [float(np.linalg.norm(places[u] - places[v])) for u, v in graph.edges]
    assert np.median(lengths) == pytest.approx(layouts.BOND_LENGTH)
    assert texts(draw_molecule(molecule, {(0, 1): 1.0}, edge_labels=True))[-1] == "1.00"


def test_subgraphs_are_drawn_as_data_and_as_networks(molecule: Any) -> None:
    explanation = explained(molecule, molecule.edge_in_group.double().numpy())
    for part in (explanation.subgraph(3), explanation.subgraph(3, data=molecule)):
        assert sorted(texts(draw_molecule(part))) == ["C", "N", "O", "O"]


def test_scores_of_something_else_are_refused(molecule: Any) -> None:
    with pytest.raises(
        InvalidArgument, match=r"a score is given to \(0, 9\), which is neither a bond nor an atom"
    ):
        draw_molecule(molecule, {(0, 9): 1.0})
    with pytest.raises(InvalidArgument, match=r"scores have shape \(3,\), expected \(30,\) for edges"):
        draw_molecule(molecule, np.ones(3))
    with pytest.raises(InvalidArgument, match="the explanation is of 15 nodes, the molecule has 8"):
        draw_molecule(graph_of_smiles("CC"), explained(molecule, np.ones(molecule.num_edges)))
    with pytest.raises(InvalidArgument, match="top is 0; at least 1"):
        draw_molecule(molecule, np.ones(molecule.num_edges), top=0)
