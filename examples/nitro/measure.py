"""How often do explanations find the nitro group?  The table of docs/explain/foreign.md.

    python measure.py > table.md

Three trainings of each classifier; held-out nitro molecules that are classified rightly. "First": the
molecule's highest bond is one of the group's three (N-O, N-O, C-N). "Of three": how many of its three highest
bonds are the group's. Of atoms the group's three are N, O, O.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from classifiers import MutagClassifier, Net, loss_of, predicted, train

from gnncv.explain import (
    Explanation,
    TorchGeometricFunction,
    as_graph_function,
    gnn_explainer,
    integrated_gradients,
    nitro_molecules,
    saliency,
    tracin,
)

Method = Callable[[Any, Any], "Explanation | dict[tuple[int, int], float]"]


def removal(model: Any, graph: Any) -> dict[tuple[int, int], float]:
    """What the output loses without each bond: both gates closed, one bond at a time."""
    function = as_graph_function(model, graph)
    low, high = graph.edge_index.sort(dim=0).values
    lost = {}
    with torch.no_grad():
        for u, v in {*zip(low.tolist(), high.tolist(), strict=True)}:
            open_gates = (~((low == u) & (high == v))).to(function.inputs["edges"])
            lost[u, v] = float(function() - function(edges=open_gates))
    return lost


def by_messages(method: Method) -> Method:
    """The same with gates on what edges carry, instead of edge weights."""
    return lambda model, graph: method(TorchGeometricFunction(model, graph, gates="messages"), graph)


METHODS: dict[str, Method] = {
    "each bond removed": removal,
    "each bond removed, gates on messages": by_messages(removal),
    "saliency, bonds": lambda model, graph: saliency(model, graph, "edges"),
    "integrated gradients, bonds": lambda model, graph: integrated_gradients(
        model, graph, "edges", show_progress=False
    ),
    "integrated gradients, bonds, gates on messages": by_messages(
        lambda model, graph: integrated_gradients(model, graph, "edges", show_progress=False)
    ),
    "GNNExplainer, bonds": lambda model, graph: gnn_explainer(model, graph, "edges", show_progress=False),
    "GNNExplainer, bonds, opening=2": lambda model, graph: gnn_explainer(
        model, graph, "edges", opening=2.0, show_progress=False
    ),
    "saliency, atoms": lambda model, graph: saliency(model, graph, "nodes"),
    "integrated gradients, atoms": lambda model, graph: integrated_gradients(
        model, graph, "nodes", show_progress=False
    ),
}


def found(scores: "Explanation | dict[Any, float]", graph: Any) -> tuple[float, float]:
    """Whether the highest is of the group, and which share of the three highest are."""
    if isinstance(scores, Explanation) and scores.over == "edges":
        scores = scores.undirected()
    if isinstance(scores, Explanation):
        scores = dict(enumerate(scores.scores.tolist()))
        group: set[Any] = {*torch.nonzero(graph.node_in_group).ravel().tolist()}
    else:
        ends = graph.edge_index[:, graph.edge_in_group].sort(dim=0).values
        group = {*zip(*ends.tolist(), strict=True)}
    ranked = sorted(scores, key=lambda key: -abs(scores[key]))
    return float(ranked[0] in group), len({*ranked[:3]} & group) / 3


def by_chance(graph: Any) -> tuple[float, float]:
    """The same for bonds in random order: 3 of so many."""
    return (6 / graph.num_edges,) * 2


def measure(
    model: torch.nn.Module, molecules: Sequence[Any], methods: dict[str, Method]
) -> dict[str, list[tuple[float, float]]]:
    """By method, what :func:`found` says of each molecule."""
    result = {
        name: [found(method(model, graph), graph) for graph in molecules] for name, method in methods.items()
    }
    return {"by chance, bonds": [by_chance(graph) for graph in molecules], **result}


def taught_by_nitro(
    checkpoints: Any, graphs: Sequence[Any], molecules: Sequence[Any], kind: Any
) -> list[float]:
    """Of each molecule's ten strongest proponents, the share with a nitro group (half of all have one)."""
    influence = tracin(
        kind(), graphs, molecules, layer="last", checkpoints=checkpoints, loss=loss_of, show_progress=False
    )
    return [
        float(np.mean([graphs[one.number].y.item() == 0 for one in influence.proponents(i, 10)]))
        for i in range(len(molecules))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--molecules", type=int, default=40, help="held-out nitro molecules (default: 40)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each classifier (default: 3)")
    options = parser.parse_args()
    graphs = nitro_molecules(400)
    train_graphs, test_graphs = graphs[:320], graphs[320:]
    labels = torch.cat([graph.y for graph in test_graphs])
    print("| classifier | method | molecules | first | of three | by training, first |")
    print("|---|---|---|---|---|---|")
    for name, kind, lr in [("GraphConv", Net, 2e-3), ("GCN", MutagClassifier, 5e-3)]:
        results: dict[str, list[list[tuple[float, float]]]] = defaultdict(list)
        proponents: list[float] = []
        accuracy = []
        for seed in range(options.seeds):
            torch.manual_seed(seed)
            model = kind()
            checkpoints = train(model, train_graphs, lr=lr, seed=seed)
            model.double()
            right = predicted(model, test_graphs) == labels
            accuracy.append(float(right.double().mean()))
            molecules = [g for g, ok in zip(test_graphs, right, strict=True) if ok and g.y.item() == 0]
            molecules = molecules[: options.molecules]
            for method, rows in measure(model, molecules, METHODS).items():
                results[method].append(rows)
            proponents += taught_by_nitro(checkpoints, train_graphs, molecules, kind)
        for method, trainings in results.items():
            rows = np.concatenate([np.array(rows) for rows in trainings])
            apart = ", ".join(f"{np.mean(rows, axis=0)[0]:.2f}" for rows in trainings)
            first, share = rows.mean(axis=0)
            print(f"| {name} | {method} | {len(rows)} | {first:.2f} | {share:.2f} | {apart} |", flush=True)
        print(f"| {name} | TracIn, proponents | {len(proponents)} | {np.mean(proponents):.2f} | | |")
        print(
            f"{name}: accuracy on held-out molecules {', '.join(f'{a:.3f}' for a in accuracy)}",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
