"""What is perturbed: a frame under a model, or a graph function; and its output without some of it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from ase import Atoms
from numpy.typing import NDArray
from torch import nn

from gnncv.errors import InvalidArgument
from gnncv.explain.attribution.from_function import explanation_of, input_value
from gnncv.explain.attribution.graph_function import GraphFunction, as_graph_function
from gnncv.explain.explanation import Explanation
from gnncv.explain.model import DifferentiableModel, as_model, choose_output, model_hash, value_of

Integers = NDArray[np.int64]


class Target(Protocol):
    """An output whose parts can be perturbed.

    Attributes
    ----------
    value
        Of the output as it is.
    blank
        An explanation of the nodes with scores of zero: says what there is.
    atoms
        The frame, where there is one.
    """

    value: float
    blank: Explanation
    atoms: Atoms | None

    def without(self, members: Integers) -> float:
        """The output without these: nodes of a frame, edges of a graph function."""

    def moved(self, members: Integers, positions: NDArray[np.float64]) -> float:
        """The output with these atoms at other positions (N, 3)."""


class FrameTarget:
    """A frame under a model of atoms: nodes are deleted from it, molecules where those are the sites."""

    def __init__(self, view: DifferentiableModel, atoms: Any, output: int | str) -> None:
        if not isinstance(atoms, Atoms):
            raise InvalidArgument(f"the frame is a {type(atoms).__name__}; give ase.Atoms")
        self.view = view
        self.atoms = Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        self.output = choose_output(view, output)
        self.value = value_of(view, self.atoms, self.output)
        owners, labels = self._nodes()
        self.owners = np.arange(len(atoms)) if owners is None else owners
        self.blank = Explanation(
            scores=np.zeros(len(labels)),
            over="nodes",
            node_labels=labels,
            output=self.output,
            method="perturbation",
            units="1",
            model_hash=model_hash(view),
            value=self.value,
            atoms=self.atoms,
            node_of_atom=owners,
        )

    @property
    def cutoff(self) -> float | None:
        """Of the model, where it says so."""
        found = getattr(getattr(self.view, "cv", None), "cutoff", None)
        return None if found is None else float(found)

    def without(self, members: Integers) -> float:
        """The output of the frame without these nodes."""
        left = ~np.isin(self.owners, members)
        if not left.any():
            raise InvalidArgument(
                "a group is the whole frame: nothing would be left; name the groups to remove (only=), or "
                "freeze them"
            )
        return value_of(self.view, self.atoms[left], self.output)

    def moved(self, members: Integers, positions: NDArray[np.float64]) -> float:
        """The output with these atoms at other positions."""
        frame = self.atoms.copy()
        frame.positions[members] = positions[members]
        return value_of(self.view, frame, self.output)

    def _nodes(self) -> tuple[Integers | None, list[str]]:
        """Node of each atom where nodes are molecules, and the names of nodes."""
        cv = getattr(self.view, "cv", None)
        sites = getattr(cv, "site_of_atom", None)
        if sites is None or len(sites) == len(np.unique(sites)):
            return None, [f"{symbol}{i}" for i, symbol in enumerate(self.atoms.symbols, start=1)]
        kinds = [cv.kinds[kind] for kind in cv.site_kinds]  # type: ignore[union-attr]
        return np.asarray(sites), [f"{kind}{k}" for k, kind in enumerate(kinds, start=1)]


class GraphTarget:
    """A function of a graph: edges go by their gates, or are stretched to where they no longer act."""

    def __init__(self, function: GraphFunction) -> None:
        self.function = function
        self.atoms = function.atoms
        zeros = torch.zeros(function.edge_index.shape[1])
        self.edges = explanation_of(function, zeros, "edges", "perturbation")
        self.value = self.edges.value
        self.blank = explanation_of(function, torch.zeros(len(function.node_labels)), "nodes", "perturbation")

    def without(self, members: Integers) -> float:
        """The output without what these edges carry."""
        key = "edges" if "edges" in self.function.inputs else "vectors"
        changed = input_value(self.function, key).clone()
        chosen = torch.as_tensor(members, device=changed.device)
        if key == "edges":
            changed[chosen] = 0.0
        else:
            changed[chosen] = self.function.baselines["vectors"]["no interaction"].to(changed)[chosen]
        return self._evaluated(key, changed)

    def moved(self, members: Integers, positions: NDArray[np.float64]) -> float:
        """The output with these atoms at other positions."""
        changed = input_value(self.function, "positions").clone()
        chosen = torch.as_tensor(members, device=changed.device)
        changed[chosen] = torch.as_tensor(positions[members]).to(changed)
        return self._evaluated("positions", changed)

    def _evaluated(self, key: str, changed: torch.Tensor) -> float:
        with torch.no_grad():
            return float(self.function(**{key: changed}))


def target_of(model: Any, graph: Any, output: int | str, device: str, edges: bool) -> Target:
    """The frame under the model, or its graph function where edges are wanted or there is nothing else."""
    if isinstance(model, nn.Module) and not hasattr(model, "nn"):
        return GraphTarget(as_graph_function(model, graph, output))
    if isinstance(model, GraphFunction):
        return GraphTarget(model)
    if hasattr(model, "graph_function") and not hasattr(model, "compute"):
        return GraphTarget(as_graph_function(model, graph, output))
    view = as_model(model, device)
    if not edges:
        return FrameTarget(view, graph, output)
    cv = getattr(view, "cv", None)
    if cv is None or not hasattr(cv, "graph_function"):
        raise InvalidArgument(
            f"a {type(model).__name__} is no function of edges; give a GraphFunction, or a model that has one"
        )
    return GraphTarget(as_graph_function(cv, graph, output))
