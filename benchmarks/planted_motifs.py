"""Whether explainers find a motif that is all a model looks at: the tables of docs/explain/trust.md.

    python benchmarks/planted_motifs.py [--graphs 20]

Clusters of 12 atoms on a shaken grid, most of them carbon. A model's output depends on one motif only (but
for one model, whose background is weak): three nitrogen atoms near each other, or, for the trained network, a
nitrogen and an oxygen near each other. A method ranks the motif first if each of the motif's edges (atoms,
features) has a higher absolute score than any other edge (atom, feature).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from ase import Atoms
from torch import nn

from gnncv.explain import (
    Explanation,
    fidelity_curves,
    gnn_explainer,
    integrated_gradients,
    perturbation,
    saliency,
    trust,
)
from planted_models import (
    N_FEATURES,
    AnyEdge,
    Network,
    PlantedFunction,
    PlantedModel,
    Saturated,
    Sum,
    Triangle,
    trained_network,
    with_pair,
    with_triangle,
)


@dataclass(frozen=True)
class Case:
    """A model and the clusters it is asked about."""

    name: str
    model: nn.Module
    draw: Callable[[np.random.Generator], Atoms]


def cases() -> list[Case]:
    """The five models, the last of them trained."""
    planted = [
        Case("sum", Sum(), with_triangle),
        Case("triangle", Triangle(), with_triangle),
        Case("one is enough", AnyEdge(), with_triangle),
        Case("saturated", Saturated(), with_triangle),
    ]
    return [*planted, Case("trained network", trained_network()[0], with_pair)]


def one_by_one(model: Any, graph: Atoms, over: str, output: int | str = 0) -> Explanation:
    """Every edge, or every node with its edges, taken out by itself."""
    by = {"edges": "edge", "nodes": "atom"}[over]
    return perturbation(model, graph, by, output, show_progress=False)


METHODS: dict[str, dict[str, Callable[..., Explanation]]] = {
    "edges": {
        "saliency": saliency,
        "integrated gradients": partial(integrated_gradients, show_progress=False),
        "GNNExplainer": partial(gnn_explainer, show_progress=False),
        "GNNExplainer, opening=3": partial(gnn_explainer, opening=3.0, show_progress=False),
        "perturbation": one_by_one,
    },
    "nodes": {
        "node sensitivity": saliency,
        "perturbation": one_by_one,
    },
    "node_features": {
        "saliency": saliency,
        "integrated gradients": partial(integrated_gradients, show_progress=False),
        "GNNExplainer": partial(gnn_explainer, show_progress=False),
    },
}


def motif_of(function: PlantedFunction, over: str) -> np.ndarray:
    """Which scores belong to the motif, of their shape."""
    if over == "edges":
        return function.motif_edges.numpy()
    nodes = function.motif_nodes.numpy()
    if over == "nodes":
        return nodes
    columns = np.arange(N_FEATURES) < (3 if isinstance(function.model, Network) else 1)
    return nodes[:, None] & columns & (function.inputs["node_features"].numpy() != 0.0)


@dataclass(frozen=True)
class Row:
    """One method on one model: in how many clusters the motif is first, and what trust says."""

    over: str
    model: str
    method: str
    graphs: int
    first: int
    better_than_random: int
    z: float
    necessity: float
    sufficiency: float

    @property
    def cells(self) -> tuple[str, ...]:
        """As the tables show it: counts of clusters, medians over them."""
        return (
            self.model,
            self.method,
            f"{self.first}/{self.graphs}",
            f"{self.better_than_random}/{self.graphs}",
            f"{self.z:.1f}",
            f"{self.necessity:.2f}",
            f"{self.sufficiency:.2f}",
        )


HEADER = ("model", "method", "first", "better than random", "z", "necessity", "sufficiency")


def is_first(scores: np.ndarray, motif: np.ndarray) -> bool:
    """Whether the least of the motif exceeds everything else."""
    return bool(scores[motif].min() > scores[~motif].max())


def measure(case: Case, over: str, name: str, graphs: int, seed: int = 0) -> Row:
    """One method on clusters of one model, with trust at the size of the motif."""
    random = np.random.default_rng(seed)
    model, found = PlantedModel(case.model), []
    for _ in range(graphs):
        atoms = case.draw(random)
        motif = motif_of(model.graph_function(atoms), over)
        report = trust(
            {name: METHODS[over][name]},
            model,
            atoms,
            over,
            size=int(motif.sum()),
            copies=0,
            draws=0,
            seed=seed,
            show_progress=False,
        )
        (judged,) = report.methods
        curves, fidelity = judged.curves, judged.fidelity
        assert curves is not None and fidelity is not None
        first = is_first(judged.explanation.magnitudes, motif)
        found.append((first, curves.z >= 3.0, curves.z, fidelity.necessity, fidelity.sufficiency))
    first, better, z, necessity, sufficiency = np.array(found, dtype=np.float64).T
    medians = (float(np.median(values)) for values in (z, necessity, sufficiency))
    return Row(over, case.name, name, graphs, int(first.sum()), int(better.sum()), *medians)


def false_alarms(case: Case, count: int) -> tuple[float, float, float]:
    """Share of random scores of edges called better than random; mean and deviation of their z."""
    found = []
    for seed in range(count):
        random = np.random.default_rng(seed)
        function = PlantedFunction(case.model, case.draw(random))
        explanation = saliency(function, function.atoms, "edges")
        noise = replace(explanation, scores=random.random(len(explanation.scores)))
        found.append(fidelity_curves(noise, function, seed=seed, show_progress=False).z)
    z = np.array(found)
    return float((z >= 3.0).mean()), float(z.mean()), float(z.std())


def table(rows: list[Row]) -> str:
    """Markdown of rows over the same."""
    lines = ["| " + " | ".join(HEADER) + " |", "|---" * 2 + "|--:" * (len(HEADER) - 2) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row.cells) + " |" for row in rows])


def main() -> None:
    parser = argparse.ArgumentParser(description="Which explainers rank a planted motif first.")
    parser.add_argument("--graphs", type=int, default=20)
    parser.add_argument("--over", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument(
        "--false-alarms", type=int, metavar="N", help="instead, judge N random explanations of each model"
    )
    parser.add_argument("--picture", metavar="FILE", help="instead, draw the curves of one saturated cluster")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    known = cases()
    if arguments.picture:
        case = next(case for case in known if case.name == "saturated")
        atoms = case.draw(np.random.default_rng(0))
        drawn = {
            name: METHODS["edges"][name] for name in ("saliency", "integrated gradients", "GNNExplainer")
        }
        report = trust(drawn, PlantedModel(case.model), atoms, copies=0, draws=0, show_progress=False)
        print(report, report.plot(arguments.picture), sep="\n\n")
        return
    if arguments.false_alarms:
        for case in known:
            share, mean, deviation = false_alarms(case, arguments.false_alarms)
            print(
                f"{case.name}: {share:.4f} called better than random; z {mean:.2f} +- {deviation:.2f}",
                flush=True,
            )
        return
    for over in arguments.over:
        print(f"\n**{over.replace('_', ' ')}**\n")
        rows = [measure(case, over, name, arguments.graphs) for case in known for name in METHODS[over]]
        print(table(rows), flush=True)


if __name__ == "__main__":
    main()
