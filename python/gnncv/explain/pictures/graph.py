"""An explanation as a molecular graph in two dimensions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import networkx as nx
import numpy as np
from matplotlib.figure import Figure

from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation
from gnncv.explain.nodes import need_nodes, node_scores, node_species


def graph_picture(
    explanation: Explanation, graph: Any = None, molecule: int | None = None, **options: Any
) -> Figure:
    """A molecule with its bonds, or its atoms, colored by scores.

    Parameters
    ----------
    explanation
        Of a molecular graph: edges are bonds, and are colored by both directions' scores. Or of a frame:
        bonds are guessed from covalent radii, and the atoms of one molecule are colored (an atom has half of
        its edges' scores, also of those to other molecules).
    graph
        The explained graph of torch_geometric or networkx: it may know elements and orders of bonds.
    molecule
        Which molecule of a frame, from 0; default the one with the largest sum of absolute scores.
    options
        Of :func:`gnncv.explain.draw_molecule`.
    """
    from gnncv.explain.pictures.molecule_graph import draw_molecule

    need_nodes(explanation, "a molecular graph")
    scored = explanation
    if graph is None and explanation.atoms is None:
        graph = _of_edges(explanation)
    elif graph is None:
        graph, scored = _of_frame(explanation, molecule)
    drawn: Any = draw_molecule(graph, scored, **options)  # a SubFigure only where ax= is one's
    return drawn


def _of_edges(explanation: Explanation) -> nx.Graph:
    network = nx.Graph()
    network.add_nodes_from((i, {"name": name}) for i, name in enumerate(node_species(explanation)))
    if explanation.edge_index is not None:
        network.add_edges_from(explanation.edge_index.T.tolist())
    return network


def _of_frame(explanation: Explanation, molecule: int | None) -> tuple[nx.Graph, Explanation]:
    """One molecule of the frame, and the scores of its atoms."""
    from gnncv.topology.bonds import components

    atoms = explanation.atoms
    assert atoms is not None
    if explanation.node_of_atom is not None:
        raise InvalidArgument("sites have no scores by atom to color a molecule with; draw them in 3d")
    parts = components(atoms)
    scores, sizes = node_scores(explanation), node_scores(explanation, magnitudes=True)
    if molecule is None:
        molecule = int(np.argmax([sizes[list(part.atoms)].sum() for part in parts]))
    if not 0 <= molecule < len(parts):
        raise InvalidArgument(f"molecule is {molecule}; the frame has {len(parts)}")
    part = parts[molecule]
    network = nx.Graph()
    network.add_nodes_from((i, {"name": name}) for i, name in enumerate(part.graph.symbols))
    network.add_edges_from(part.graph.bonds)
    own = list(part.atoms)
    scored = replace(
        explanation,
        scores=scores[own],
        over="nodes",
        node_labels=[explanation.node_labels[a] for a in own],
        labels=(),
        edge_index=None,
        edge_vectors=None,
        atoms=atoms[own],
        spread=None,
    )
    return network, scored
