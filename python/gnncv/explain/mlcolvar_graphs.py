"""What users of mlcolvar have in Python: its graph CVs, and its data sets of graphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.selection import ENVIRONMENT, ENVIRONMENT_LABELS, Rows

Array = NDArray[np.float64]


def is_graph_data_set(given: Any) -> bool:
    """Whether this is mlcolvar's `DictDataset` of graphs (or looks like it)."""
    metadata = getattr(given, "metadata", None)
    return isinstance(metadata, Mapping) and metadata.get("data_type") == "graphs"


class GraphDataSet:
    """mlcolvar's data set: graphs as frames, and which of their nodes are whose.

    Parameters
    ----------
    dataset
        `mlcolvar.data.DictDataset` with ``data_type="graphs"``.
    """

    def __init__(self, dataset: Any) -> None:
        self.graphs: Sequence[Any] = dataset["data_list"]
        metadata = dataset.metadata
        self._numbers = np.asarray(metadata["atomic_numbers"], dtype=np.int64)
        self.truncated = bool(metadata["is_truncated_graph"])
        self._used = np.asarray(metadata["system_idx"], dtype=np.int64).reshape(-1)
        self.labels = [str(name) for name in metadata["system_atoms_names"]]
        if self.truncated:
            self.labels += ENVIRONMENT_LABELS
        if not len(self.graphs):
            raise InvalidArgument("there are no frames in the data set")

    def rows(self, number: int) -> Rows:
        """(n,) row of the averages that each node of a graph belongs to."""
        graph = self.graphs[number]
        in_system = np.asarray(graph["system_masks"]).reshape(-1).astype(bool)
        rows = np.full(len(in_system), ENVIRONMENT, dtype=np.int64)
        n_system = int(in_system.sum())
        names = np.asarray(graph["system_names_idx"], dtype=np.int64).reshape(-1)
        if len(names) == n_system:
            rows[in_system] = np.searchsorted(self._used, names)
        elif n_system == len(self._used):
            rows[in_system] = np.arange(n_system)
        else:
            raise InvalidArgument(
                f"graph {number} has {n_system} nodes of the system and names {len(names)} of "
                f"{len(self._used)}: mlcolvar lost count of isolated nodes; make the data set with "
                "remove_isolated_nodes=False"
            )
        return rows

    def frame(self, number: int) -> Atoms:
        """The nodes of a graph as a frame.

        mlcolvar keeps no periodicity: vectors of its cell that are not zero are periodic. It makes those of
        open directions longer than any structure.
        """
        graph = self.graphs[number]
        kinds = np.asarray(graph["node_attrs"]).argmax(axis=1)
        cell = np.asarray(graph["cell"], dtype=np.float64)
        positions = np.asarray(graph["positions"].detach(), dtype=np.float64)
        return Atoms(self._numbers[kinds], positions=positions, cell=cell, pbc=cell.any(axis=1))


class GraphModule:
    """A graph CV of mlcolvar as it is in Python, before export: its own derivatives, by torch.

    Parameters
    ----------
    module
        `mlcolvar.cvs.BaseCV` (or one that looks like it) around a graph network. It is moved to `device`, as
        mlcolvar does, and evaluated as in inference (`eval`); its mode is put back.
    """

    def __init__(self, module: Any, device: str = "cpu") -> None:
        network = module.nn
        missing = [name for name in ("n_out", "cutoff", "atomic_numbers") if not hasattr(network, name)]
        if missing:
            raise InvalidArgument(
                f"the CV's network, a {type(network).__name__}, has no {missing[0]}: it is not on graphs; "
                "mlcolvar.explain.sensitivity_analysis is for descriptors"
            )
        self.module = module.to(device)
        self._network = network

    @property
    def names(self) -> list[str]:
        """As in the exported file: node-0, node-1, ..."""
        n_outputs = int(getattr(self.module, "out_features", None) or self._network.n_out)
        return [f"node-{k}" for k in range(n_outputs)]

    def value_and_gradient(self, atoms: Atoms, name: str) -> tuple[float, Array]:
        """On a frame; the graph has all its atoms, and exactly the pairs within the cutoff."""

        graph = self._graph(atoms)
        values, gradient = self._differentiate(graph, name)
        return float(values[0]), gradient

    def value(self, atoms: Atoms, name: str) -> float:
        """Of a frame, without its gradient."""
        import torch

        with torch.no_grad():
            return float(self._values(self._moved(self._graph(atoms)), name)[0])

    def on_graphs(self, graphs: Sequence[Any], name: str) -> Iterator[tuple[float, Array]]:
        """Value and gradient (n, 3) of each of some graphs, evaluated as one batch."""
        from torch_geometric.data import Batch

        batch = Batch.from_data_list(list(graphs))
        values, gradients = self._differentiate(
            batch.to_dict() | {"batch": batch.batch, "ptr": batch.ptr}, name
        )
        ends = np.asarray(batch.ptr)[1:-1]
        yield from zip(values.tolist(), np.split(gradients, ends), strict=True)

    def _differentiate(self, graph: dict[str, Any], name: str) -> tuple[Array, Array]:
        """Values (B,) and gradients of their sum (n, 3), on the module's device and in its precision."""
        import torch

        inputs = self._moved(graph)
        positions = inputs["positions"].detach().clone().requires_grad_(True)
        values = self._values(inputs | {"positions": positions}, name)
        (gradient,) = torch.autograd.grad(values.sum(), positions, allow_unused=True)
        if gradient is None:
            gradient = torch.zeros_like(positions)
        return values.detach().double().cpu().numpy(), gradient.double().cpu().numpy()

    def _moved(self, graph: dict[str, Any]) -> dict[str, Any]:
        """The graph's tensors on the module's device, real numbers in its precision."""
        import torch

        weight = next(iter(self.module.parameters()))

        def moved(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            return value.to(weight.device, weight.dtype if value.is_floating_point() else value.dtype)

        return {key: moved(value) for key, value in graph.items()}

    def _values(self, inputs: dict[str, Any], name: str) -> Any:
        """(B,) of one output, evaluated as in inference."""
        training = self.module.training
        self.module.eval()
        try:
            return self.module(inputs)[:, self.names.index(name)]
        finally:
            self.module.train(training)

    def _graph(self, atoms: Atoms) -> dict[str, Any]:
        """The inputs mlcolvar's models take, of one frame without environment."""
        import torch
        from vesin import NeighborList

        if float(getattr(self._network, "long_range_cutoff", -1.0)) > 0.0:
            raise InvalidArgument(
                "the model has long-range edges of a subsystem; give the data set of graphs"
            )
        known = self._network.atomic_numbers.tolist()
        for i, number in enumerate(atoms.numbers):
            if number not in known:
                raise InvalidArgument(f"species {atoms.symbols[i]!r} of atom {i} is unknown to the model")
        search = NeighborList(cutoff=float(self._network.cutoff), full_list=True, n_threads=1)
        first, second, shifts = search.compute(
            atoms.positions, atoms.cell.array, atoms.pbc.tolist(), quantities="ijS"
        )
        kinds = torch.tensor([known.index(number) for number in atoms.numbers])
        n_atoms, dtype = len(atoms), torch.float64
        return {
            "edge_index": torch.from_numpy(np.stack([first, second]).astype(np.int64)),
            "shifts": torch.from_numpy(shifts.reshape(-1, 3) @ atoms.cell.array),
            "unit_shifts": torch.from_numpy(shifts.reshape(-1, 3).astype(np.float64)),
            "positions": torch.from_numpy(atoms.positions.copy()),
            "cell": torch.from_numpy(atoms.cell.array.copy()),
            "node_attrs": torch.nn.functional.one_hot(kinds, len(known)).to(dtype),
            "n_system": torch.tensor([[n_atoms]], dtype=dtype),
            "n_env": torch.zeros((1, 1), dtype=dtype),
            "system_masks": torch.ones((n_atoms, 1), dtype=torch.bool),
            "subsystem_masks": torch.zeros((n_atoms, 1), dtype=torch.bool),
            "edge_masks_lr": torch.zeros((len(first), 1), dtype=torch.bool),
            "batch": torch.zeros(n_atoms, dtype=torch.int64),
            "ptr": torch.tensor([0, n_atoms]),
        }
