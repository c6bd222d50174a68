"""TracIn by captum, for modules on graphs that others trained.

``captum.influence.TracInCP`` takes the gradient of each graph of a batch by itself
(``sample_wise_grads_per_batch=False``: its faster way needs layers with one row for each sample, and
convolutions have one for each node). ``TracInCPFast`` needs a last layer whose output, one row a graph, is
that of the model. Models of gnncv apply their heads to each site before pooling, so that a frame has many
rows there: for them, and for other layers, :mod:`gnncv.explain.influence.scores` does the same sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gnncv.explain.foreign.libraries import captum_influence
from gnncv.explain.influence.checkpoint import Checkpoint
from gnncv.explain.influence.scores import product_sign
from gnncv.explain.influence.torch_geometric_source import Loss, TorchGeometricSource, joined, labels_of

Array = NDArray[np.float64]

BATCH = 64


def captum_scores(
    source: TorchGeometricSource,
    training: Sequence[Any],
    test: Sequence[Any],
    of: str,
    trained_with: str,
    layer: str,
    progress: bool = False,
) -> tuple[Array, Array]:
    """As :func:`gnncv.explain.influence.scores.influence_scores`, where captum's forms fit."""
    influence = captum_influence()
    reduction = "none" if layer == "all" else "sum"
    losses = {
        "loss_fn": _Loss(source.per_graph(trained_with), reduction),
        "test_loss_fn": _Loss(source.per_graph(of), reduction),
    }
    of_training, of_test = _loader(source, training, trained_with), _loader(source, test, of)
    common = (of_training, list(source.checkpoints))
    module = _OnBatches(source)
    if layer == "all":
        source.model.requires_grad_(True)
        form = influence.TracInCP(
            module, *common, _loaded(source), batch_size=None, sample_wise_grads_per_batch=False, **losses
        )
        scores = form.influence(of_test, show_progress=progress)
    else:
        with _Head(source, layer) as head:
            form = influence.TracInCPFast(module, head.linear, *common, head.load, batch_size=None, **losses)
            parts = [form.influence(batch, show_progress=progress) for batch in of_test]
        scores = torch.cat(parts)
    source.load(source.checkpoints[-1], training)
    with torch.no_grad():
        values = [float(source.value(of, graph)) for graph in test]
    return product_sign(source, of, trained_with) * scores.detach().double().numpy(), np.array(values)


class _OnBatches(nn.Module):
    """The source's model, called with a batch of graphs."""

    def __init__(self, source: TorchGeometricSource) -> None:
        super().__init__()
        self.model = source.model
        self._rows = source.rows

    def forward(self, batch: Any) -> Tensor:
        return self._rows(batch)


class _Loss:
    """A loss that says, as captum asks, whether it is of each graph (``none``) or summed (``sum``)."""

    def __init__(self, per_graph: Loss, reduction: str) -> None:
        self.per_graph = per_graph
        self.reduction = reduction

    def __call__(self, rows: Tensor, labels: Tensor) -> Tensor:
        values = self.per_graph(rows, labels)
        return values.sum() if self.reduction == "sum" else values


class _Head:
    """The last layer, for the time of a `with`, as one without a bias on ``[x, 1]``.

    captum's fast form multiplies what goes into the layer and the slopes of what comes out of it, which is
    the gradient by the weights alone; with a column of ones it has that by the bias, too, as TracInCP does.
    """

    def __init__(self, source: TorchGeometricSource, name: str) -> None:
        self.source = source
        self.name = name
        layer = source.model.get_submodule(name)
        assert isinstance(layer, nn.Linear)
        self.plain = layer
        self.linear: nn.Linear = layer
        self.used: nn.Module = layer
        if layer.bias is not None:
            size = (layer.in_features + 1, layer.out_features)
            self.linear = nn.Linear(*size, bias=False, dtype=layer.weight.dtype)
            self.used = nn.Sequential(_WithOne(), self.linear)

    def __enter__(self) -> _Head:
        return self

    def __exit__(self, *_: object) -> None:
        self.source.model.set_submodule(self.name, self.plain)

    @torch.no_grad()
    def load(self, _: nn.Module, checkpoint: Checkpoint) -> float:
        """Load a checkpoint, captum's way; its learning rate."""
        self.source.model.set_submodule(self.name, self.plain)
        self.source.load(checkpoint, ())
        if self.plain.bias is not None:
            self.linear.weight.copy_(torch.cat([self.plain.weight, self.plain.bias[:, None]], dim=1))
        self.source.model.set_submodule(self.name, self.used)
        return checkpoint.learning_rate


class _WithOne(nn.Module):
    def forward(self, rows: Tensor) -> Tensor:
        return torch.cat([rows, rows.new_ones((len(rows), 1))], dim=1)


def _loaded(source: TorchGeometricSource) -> Any:
    def load(_: nn.Module, checkpoint: Checkpoint) -> float:
        source.load(checkpoint, ())
        return checkpoint.learning_rate

    return load


def _loader(source: TorchGeometricSource, graphs: Sequence[Any], of: str) -> Any:
    needed = of in source.losses

    def collate(chosen: list[Any]) -> tuple[Any, Tensor]:
        batch = joined(chosen)
        return batch, labels_of(batch, needed)

    return torch.utils.data.DataLoader(list(graphs), BATCH, collate_fn=collate)  # type: ignore[arg-type]
