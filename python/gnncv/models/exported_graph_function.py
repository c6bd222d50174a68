"""An exported model on one frame, as a function of what explainers vary."""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from ase import Atoms
from torch import Tensor, nn

from gnncv.errors import InvalidArgument, ModelError
from gnncv.topology import Topology

from .frame_graph import FrameGraph
from .graph_function import check_inputs, choose_name, stretched


class ExportedGraphFunction:
    """One output of a model file on one frame: what the explainers of :mod:`gnncv.explain` take.

    Its TorchScript is evaluated by itself, which gives derivatives with respect to every pair; what the
    forces of a simulation are made of comes from :class:`gnncv.CollectiveVariable`, to the same digits.
    There are no gates and no node features: a file takes pair vectors, and its weights are not drawn anew.

    Parameters
    ----------
    path
        The file.
    atoms
        The frame.
    output
        Name or index of the output.
    model_hash
        SHA-256 of the file.
    precision
        ``float32`` or ``float64``, see :class:`gnncv.CollectiveVariable`.

    Attributes
    ----------
    inputs
        ``positions`` ``(N, 3)`` of the atoms and ``vectors`` ``(P, 3)`` of the pairs, angstrom.
    baselines
        ``no interaction`` of the vectors: pairs as far apart as the cutoff.

    Raises
    ------
    InvalidArgument
        An unknown output or species.
    ModelError
        The file is not gnncv's.
    """

    def __init__(
        self,
        path: str | Path,
        atoms: Atoms,
        output: str | int = 0,
        model_hash: str = "",
        precision: str | None = None,
    ) -> None:
        self._module, facts = _load(Path(path))
        self.output = choose_name(list(self._module.output_names), output)
        self._column = list(self._module.output_names).index(self.output)
        self.model: nn.Module | None = None
        self.model_hash = model_hash
        wide = precision == "float64" or self._module.precision == "float64"
        if wide:
            self._module.double()
        wide = wide or getattr(self._module, "vectors", "") == "float64"
        self._dtype = torch.float64 if wide else torch.float32
        topology = None if facts.get("topology") is None else Topology.from_dict(facts["topology"])
        self._frame = FrameGraph.of(atoms, self._module.cutoff, facts["species"], topology)
        graph = self._frame.graph
        self._pairs = self._as_wanted()
        self.atoms = self._frame.atoms
        self.node_labels: Sequence[str] = self._frame.site_labels
        self.node_of_atom = self._frame.site_of_atom
        self.edge_index = torch.stack([graph.neighbor, graph.center])
        self.feature_names: Sequence[str] = ()
        self.inputs: dict[str, Tensor] = {"positions": self._frame.positions, "vectors": graph.vectors}
        self.baselines = {"vectors": {"no interaction": stretched(graph.vectors, self._module.cutoff)}}

    def _as_wanted(self) -> list[Tensor]:
        """Centers, neighbors, row offsets and types in the form that the file's ``pairs`` names."""
        graph = self._frame.graph
        if getattr(self._module, "pairs", "full") == "full":
            return [graph.center, graph.neighbor, graph.row_ptr, graph.types]
        return [torch.empty(0, dtype=torch.int64), graph.neighbor.int(), graph.row_ptr, graph.types]

    def __call__(self, **inputs: Tensor) -> Tensor:
        """The output, 0-dimensional, float64; what is not given is as in the frame.

        Raises
        ------
        InvalidArgument
            An input there is not, one of another shape, or positions beside vectors.
        """
        check_inputs(inputs, self.inputs)
        vectors, molecules = self._frame.at(inputs.get("positions", self.inputs["positions"]))
        vectors = inputs.get("vectors", vectors)
        outputs: Tensor = self._module.forward(vectors.to(self._dtype), *self._pairs, *molecules)
        return outputs[self._column]

    def with_model(self, model: nn.Module) -> "ExportedGraphFunction":
        """Always `InvalidArgument`: explain the training run where weights are to be drawn anew."""
        raise InvalidArgument(
            "the weights of an exported file are not drawn anew: explain the trained model, "
            "gnncv.training.load_run(folder).model"
        )


def _load(path: Path) -> tuple[torch.jit.ScriptModule, dict[str, Any]]:
    from gnncv._native import load_operators

    load_operators()
    extra = {"gnncv.json": ""}
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
            module = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
        facts = json.loads(extra["gnncv.json"])
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"{path} is no model file of gnncv that can be explained: export it again"
        ) from error
    module.eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return module, facts
