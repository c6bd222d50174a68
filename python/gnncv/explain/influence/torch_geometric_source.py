"""A module on graphs that others trained, as TracIn sees it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gnncv.errors import InvalidArgument
from gnncv.explain.foreign.calling import calling_of
from gnncv.explain.foreign.evaluation import WithoutDropout, weights_hash
from gnncv.explain.foreign.libraries import torch_geometric
from gnncv.explain.influence.checkpoint import Checkpoint, as_checkpoints

Loss = Callable[[Tensor, Tensor], Tensor]  # output (B, K), y (B, ...) -> (B,)


class TorchGeometricSource:
    """An ``InfluenceSource`` of any torch module on graphs of torch_geometric.

    The module gives one row for each graph, and is called by the names of its forward's arguments, see
    :class:`gnncv.explain.foreign.TorchGeometricFunction`; a copy of it in eval mode is evaluated, without
    dropout.

    Parameters
    ----------
    model : torch.nn.Module
        Left as it is.
    checkpoints
        As :func:`as_checkpoints` takes them; the seeds' ``gnn-v2-epoch=49.ckpt`` of Lightning, for example.
    loss : callable, optional
        ``loss(output, y)`` of a batch, one number for each graph. Default: cross entropy; with one output
        that of its sigmoid, for ``y`` of 0 and 1.
    precision : str
        ``float64`` or ``float32``.

    Raises
    ------
    InvalidArgument
        If no checkpoints are given.
    """

    def __init__(
        self, model: nn.Module, checkpoints: Any, loss: Loss | None = None, precision: str = "float64"
    ) -> None:
        if checkpoints is None:
            raise InvalidArgument(
                "no checkpoints: give files that training left, or [(model.state_dict(), learning_rate)]"
            )
        self.checkpoints: Sequence[Checkpoint] = as_checkpoints(checkpoints)
        self._dtype: torch.dtype = getattr(torch, precision)
        self.model = copy.deepcopy(model).to(self._dtype).eval().requires_grad_(True)
        self.model_hash = weights_hash(model)
        self.loss: Loss = default_loss if loss is None else loss
        self.losses: Sequence[str] = ("loss",)
        self.outputs: Sequence[str] = ()

    def prepare(self, frames: Sequence[Any]) -> list[Any]:
        """Graphs with their numbers in the precision of the computation; finds how many outputs there are."""
        for number, graph in enumerate(frames):
            if getattr(graph, "edge_index", None) is None:
                raise InvalidArgument(
                    f"frame {number} is a {type(graph).__name__} without edges; give torch_geometric Data"
                )
        prepared = [graph.clone().apply(self._converted) for graph in frames]
        with torch.no_grad():
            width = self.rows(joined(prepared[:1])).shape[1]
        self.outputs = [str(column) for column in range(width)]
        return prepared

    def _converted(self, tensor: Tensor) -> Tensor:
        return tensor.to(self._dtype) if tensor.is_floating_point() else tensor

    def load(self, checkpoint: Checkpoint, training: Sequence[Any]) -> None:
        """Give the copy these weights."""
        checkpoint.load_into(self.model)

    def rows(self, batch: Any) -> Tensor:
        """What the module gives for a batch of graphs, ``(B, K)``."""
        fields = {name: value for name, value in batch.to_dict().items() if isinstance(value, Tensor)}
        known = set(fields)
        ones = torch.ones(batch.edge_index.shape[1], dtype=self._dtype)
        fields.setdefault("edge_weight", ones)
        try:
            calling = calling_of(self.model, known)
        except InvalidArgument:  # unless it wants edge weights
            calling = calling_of(self.model, known | {"edge_weight"})
        with WithoutDropout():
            answer = calling(self.model, batch, {} if calling.whole_graph else fields)
        if not isinstance(answer, Tensor) or answer.ndim == 0 or len(answer) != batch.num_graphs:
            shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
            raise InvalidArgument(
                f"{type(self.model).__name__} gives {shape} for {batch.num_graphs} graphs, not a row each"
            )
        return answer.reshape(batch.num_graphs, -1)

    def per_graph(self, of: str) -> Loss:
        """A loss or an output, from rows ``(B, K)`` and labels to ``(B,)``."""
        if of in self.losses:
            return self._losses
        column = self.outputs.index(of)
        return lambda rows, _: rows[:, column]

    def value(self, of: str, frame: Any) -> Tensor:
        """Loss or output of one graph, 0-dimensional."""
        batch = joined([frame])
        return self.per_graph(of)(self.rows(batch), labels_of(batch, of in self.losses))[0]

    def _losses(self, rows: Tensor, labels: Tensor) -> Tensor:
        values = self.loss(rows, labels)
        if values.shape != (len(rows),):
            raise InvalidArgument(
                f"the loss of {len(rows)} graphs has shape {tuple(values.shape)}; give one that takes "
                "neither their sum nor their mean (reduction='none')"
            )
        return values

    def last_layer(self, names: Sequence[str], frame: Any) -> str:
        """The linear layer that is called last."""
        called: list[str] = []
        hooks = [
            module.register_forward_hook(lambda *_, name=name: called.append(name))
            for name, module in self.model.named_modules()
            if isinstance(module, nn.Linear)
        ]
        try:
            with torch.no_grad():
                self.rows(joined([frame]))
        finally:
            for hook in hooks:
                hook.remove()
        if not called:
            raise InvalidArgument(f"{type(self.model).__name__} has no linear layer; ask for layer='all'")
        return called[-1]

    def fits_captum(self, layer: str, frames: Sequence[Any]) -> bool:
        """Whether captum's forms apply: all weights matter, or the layer gives the output, a row a graph."""
        batch = joined(frames[:2])
        if layer == "all":
            slopes = torch.autograd.grad(
                self.rows(batch).sum(), list(self.model.parameters()), allow_unused=True
            )
            return all(slope is not None for slope in slopes)
        made: list[Tensor] = []
        hook = self.model.get_submodule(layer).register_forward_hook(lambda *called: made.append(called[2]))
        try:
            with torch.no_grad():
                rows = self.rows(batch)
        finally:
            hook.remove()
        return len(made) == 1 and made[0].shape == rows.shape and torch.equal(made[0], rows)

    def frame_name(self, frame: Any, number: int) -> str:
        """The graph's ``name`` or ``smiles`` where it has one, else its number; and its label."""
        name = str(getattr(frame, "name", None) or getattr(frame, "smiles", None) or f"graph {number}")
        label = getattr(frame, "y", None)
        return f"{name} (y={label.item():g})" if isinstance(label, Tensor) and label.numel() == 1 else name


def joined(graphs: Sequence[Any]) -> Any:
    """A batch of graphs."""
    return torch_geometric().data.Batch.from_data_list(list(graphs))


def labels_of(batch: Any, needed: bool) -> Tensor:
    """The graphs' ``y`` ``(B, ...)``; zeros where they have none and need none."""
    labels = getattr(batch, "y", None)
    if isinstance(labels, Tensor) and len(labels) % batch.num_graphs == 0:
        rest = labels.shape[1:] if len(labels) == batch.num_graphs else (-1,)
        return labels.reshape(batch.num_graphs, *rest)
    if needed:
        raise InvalidArgument("the loss is of labeled graphs: give each its y")
    return torch.zeros(batch.num_graphs)


def default_loss(rows: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of each graph: of classes, or for one output ``(B, 1)`` of a logit."""
    labels = labels.reshape(len(rows), -1)
    if labels.shape[1] != 1:
        raise InvalidArgument(f"y has {labels.shape[1]} numbers a graph: give a `loss`")
    labels = labels[:, 0]
    whole = labels.long()
    classes = max(rows.shape[1], 2)
    if not torch.equal(whole.to(labels.dtype), labels) or int(whole.min()) < 0 or int(whole.max()) >= classes:
        raise InvalidArgument(f"y is not a class below {classes}: give a `loss`, for example of a regression")
    if rows.shape[1] == 1:
        target = labels.to(rows.dtype)
        return nn.functional.binary_cross_entropy_with_logits(rows[:, 0], target, reduction="none")
    return nn.functional.cross_entropy(rows, whole, reduction="none")
