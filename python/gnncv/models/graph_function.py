"""A trained model on one frame, as a function of what explainers vary."""

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import replace

import torch
from ase import Atoms
from torch import Tensor, nn

from gnncv.data import GraphDataset, collate
from gnncv.data.graph import GraphBatch
from gnncv.data.node_features import node_features
from gnncv.errors import InvalidArgument
from gnncv.nn import HardCutoff, QuinticSwitching

from .autoencoder import GraphAutoencoder
from .collective_variables import outputs_of
from .feature_names import feature_names
from .frame_graph import FrameGraph
from .frame_values import pooled_values


class GatedSwitching(nn.Module):
    """A switching function times gates, one a pair: a pair of gate zero is not there.

    Everything a pair carries, in densities, averages, messages and pooling, is weighted by the switching
    function; so one product removes it from all of them.
    """

    def __init__(self, switching: nn.Module) -> None:
        super().__init__()
        self.switching = switching
        self.gates: Tensor | None = None

    def forward(self, distances: Tensor) -> Tensor:
        """``(P,)`` from distances ``(P,)``."""
        weights = self.switching(distances)
        return weights if self.gates is None else weights * self.gates.to(weights.dtype)


class TrainedGraphFunction:
    """One output of a trained model on one frame: what the explainers of :mod:`gnncv.explain` take.

    Evaluated in float64 by a copy of the model, through its networks (not through tables).

    Parameters
    ----------
    model
        Trained; it is left as it is.
    atoms
        The frame.
    output
        Name or index of the output.

    Attributes
    ----------
    inputs
        ``positions`` ``(N, 3)`` of the atoms, angstrom; ``edges`` ``(P,)`` gates of the pairs; ``vectors``
        ``(P, 3)`` of the pairs, angstrom; where the model looks at them ``node_features`` ``(M, F)``, the
        standardized invariants of the sites.
    baselines
        ``no interaction`` of all but the positions: gates of zero, pairs as far apart as the cutoff, the
        invariants of a lone site.

    Raises
    ------
    InvalidArgument
        An unknown output or species.
    """

    def __init__(self, model: GraphAutoencoder, atoms: Atoms, output: str | int = 0) -> None:
        self.output = choose_name(list(outputs_of(model)), output)
        self._column = list(outputs_of(model)).index(self.output)
        self.model: nn.Module | None = model
        self.model_hash = weights_hash(model)
        self._exact = copy.deepcopy(model).double().eval().requires_grad_(False)
        self._exact.train_through_tables(False)
        self._gated = _gate(self._exact)
        config = model.config
        self._frame = FrameGraph.of(atoms, config.cutoff, model.species, model.topology)
        graph = self._frame.graph
        if config.node_features:
            graph.node_features = node_features(atoms, config.node_features, config.cutoff, model.topology)
        self._batch = collate([graph])
        self.atoms = self._frame.atoms
        self.node_labels: Sequence[str] = self._frame.site_labels
        self.node_of_atom = self._frame.site_of_atom
        self.edge_index = torch.stack([graph.neighbor, graph.center])
        self.feature_names: Sequence[str] = ()
        self.inputs: dict[str, Tensor] = {
            "positions": self._frame.positions,
            "edges": torch.ones(len(graph.center), dtype=torch.float64),
            "vectors": graph.vectors,
        }
        self.baselines = {
            "edges": {"no interaction": torch.zeros_like(self.inputs["edges"])},
            "vectors": {"no interaction": stretched(graph.vectors, config.cutoff)},
        }
        if config.invariants:
            self._offer_features(model)

    def _offer_features(self, model: GraphAutoencoder) -> None:
        self.feature_names = feature_names(model)
        with torch.no_grad():
            self.inputs["node_features"] = self._invariants(self._batch)
        encoder = self._exact.encoder
        lone = (-encoder.feature_mean / encoder.feature_scale).expand_as(self.inputs["node_features"])
        self.baselines["node_features"] = {"no interaction": lone.clone()}

    def __call__(self, **inputs: Tensor) -> Tensor:
        """The output, 0-dimensional, float64; what is not given is as in the frame.

        Raises
        ------
        InvalidArgument
            An input there is not, one of another shape, or positions beside vectors.
        """
        check_inputs(inputs, self.inputs)
        batch = self._batch
        if "positions" in inputs:
            vectors, molecules = self._frame.at(inputs["positions"])
            batch = replace(batch, vectors=vectors)
            if molecules:
                batch = replace(batch, axes=molecules[0], descriptors=molecules[1])
        elif "vectors" in inputs:
            batch = replace(batch, vectors=inputs["vectors"])
        for switching in self._gated:
            switching.gates = inputs.get("edges")
        encoder = self._exact.encoder
        pairs = (batch.vectors, batch.center, batch.neighbor, batch.row_ptr, batch.types)
        given = inputs.get("node_features")
        if given is None:
            raw = encoder.surroundings(*pairs, batch.axes)
        else:
            raw = given * encoder.feature_scale + encoder.feature_mean
        features, invariants = encoder.start(raw, batch.types, batch.descriptors, batch.node_features)
        mean = encoder.latent_mean(encoder.refine(features, *pairs))
        return pooled_values(self._exact, mean, invariants, batch)[0, self._column]

    def with_model(self, model: nn.Module) -> "TrainedGraphFunction":
        """The same frame and output under another model of the same kind."""
        if not isinstance(model, GraphAutoencoder):
            raise InvalidArgument(f"a {type(model).__name__} cannot stand in for a GraphAutoencoder")
        return TrainedGraphFunction(model, self.atoms, self.output)

    def feature_baseline(self, frames: Sequence[Atoms]) -> Tensor:
        """Mean invariants over the sites of frames of a reference phase, ``(M, F)``: of each site's kind.

        Raises
        ------
        InvalidArgument
            The model has no invariants, or a kind of site is not in the frames.
        """
        if "node_features" not in self.inputs:
            raise InvalidArgument("this model has no invariants that its outputs start from: no baseline")
        model = self._exact
        topology = model.topology
        dataset = GraphDataset(list(frames), model.config.cutoff, model.species, topology=topology)
        batch = collate([dataset[k] for k in range(len(dataset))])
        with torch.no_grad():
            invariants = self._invariants(batch)
        rows = torch.zeros_like(self.inputs["node_features"])
        for kind in self._batch.types.unique().tolist():
            there = batch.types == kind
            if not there.any():
                raise InvalidArgument(f"no frame of the baseline has a {model.species[kind]}")
            rows[self._batch.types == kind] = invariants[there].mean(dim=0)
        return rows

    def _invariants(self, batch: GraphBatch) -> Tensor:
        """Standardized invariants ``(M, F)`` of the sites of a batch."""
        for switching in self._gated:
            switching.gates = None
        encoder = self._exact.encoder
        pairs = (batch.vectors, batch.center, batch.neighbor, batch.row_ptr, batch.types)
        return (encoder.surroundings(*pairs, batch.axes) - encoder.feature_mean) / encoder.feature_scale


def _gate(model: nn.Module) -> list[GatedSwitching]:
    """Put gates on every switching function of a model, and give them back."""
    gated: dict[int, GatedSwitching] = {}
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, QuinticSwitching | HardCutoff):
                setattr(module, name, gated.setdefault(id(child), GatedSwitching(child)))
    return list(gated.values())


def stretched(vectors: Tensor, cutoff: float) -> Tensor:
    """Pair vectors ``(P, 3)`` made as long as the cutoff, where a pair carries nothing."""
    return vectors * (cutoff / vectors.norm(dim=1, keepdim=True))


def weights_hash(model: nn.Module) -> str:
    """SHA-256 of the names and numbers of a model's parameters and buffers, in hexadecimal."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def choose_name(names: Sequence[str], output: str | int) -> str:
    """Name of an output given by name or index; `InvalidArgument` lists those there are."""
    if isinstance(output, str) and output in names:
        return output
    if isinstance(output, int) and -len(names) <= output < len(names):
        return names[output]
    raise InvalidArgument(f"the model has no output {output!r}; its {len(names)} are {', '.join(names)}")


def check_inputs(given: dict[str, Tensor], actual: dict[str, Tensor]) -> None:
    """Refuse inputs that are not there or have another shape."""
    for name, tensor in given.items():
        if name not in actual:
            raise InvalidArgument(f"this model has no input {name!r}; it has {', '.join(actual)}")
        if tensor.shape != actual[name].shape:
            raise InvalidArgument(
                f"{name} have shape {tuple(tensor.shape)}, expected {tuple(actual[name].shape)}"
            )
    if "positions" in given and "vectors" in given:
        raise InvalidArgument("give positions or vectors, not both: vectors are made of positions")
