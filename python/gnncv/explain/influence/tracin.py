"""TracIn: which training frames taught a model what it says of a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from torch import nn

from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation
from gnncv.explain.influence.gradients import Gradient, LinearLayerGradient, ParameterGradient
from gnncv.explain.influence.result import Influence
from gnncv.explain.influence.scores import influence_scores, self_scores
from gnncv.explain.influence.source import InfluenceSource

Array = NDArray[np.float64]


def tracin(
    model: Any,
    training_frames: Sequence[Any],
    test_frames: Any,
    of: str | int = "loss",
    *,
    trained_with: str | int | None = None,
    layer: str = "all",
    checkpoints: Any = None,
    loss: Callable[..., Any] | None = None,
    precision: Literal["float64", "float32"] = "float64",
    show_progress: bool = True,
) -> Influence:
    r"""Influence of training frames on test frames (Pruthi et al., NeurIPS 2020, arXiv:2002.08484).

    TracInCP, eq. 1 of its section 3.2, over the checkpoints :math:`w_i` with learning rates :math:`\eta_i`:

    .. math:: \sum_i \eta_i \, \nabla \ell(w_i, \text{train}) \cdot \nabla \ell(w_i, \text{test})

    which is, to first order, by how much a step of gradient descent on the training frame alone lowers the
    loss of the test frame, summed over the checkpoints. A proponent (positive score) lowered it, an opponent
    raised it. Of an output the score is by how much the step *raised* it.

    Parameters
    ----------
    model : TrainedRun, torch module, or InfluenceSource
        A run has its own checkpoints (``training: {checkpoint_every: N}``); any other module is taken as one
        of torch_geometric, see :class:`gnncv.explain.influence.TorchGeometricSource`.
    training_frames : sequence of ase.Atoms or torch_geometric.data.Data
        Frames whose influence is asked, labeled as they were in training.
    test_frames : the same, or one of them
        Frames on which.
    of : str or int
        What of the test frames. Of a run: ``"loss"`` (what was minimized), one of its terms (``"phase"``,
        ``"reconstruction"``, ``"adjacency"``, ``"divergence"``, ``"pooled"``), or an output, for example
        ``"progress"``; of a module: ``"loss"``. Outputs also by number.
    trained_with : str or int, optional
        What of the training frames; default: the same for losses, ``"loss"`` for outputs. Outputs on both
        sides give the similarity of frames to the model, raised by both at once.
    layer : str
        ``"all"`` weights; those of the ``"last"`` linear layer that `of` and `trained_with` come through, or
        of the linear layer named, in the fast form, which does not go back further than this layer.
    checkpoints : iterable, optional
        Files, pairs of a file or state_dict and its learning rate, or :class:`Checkpoint`; default: those of
        the run.
    loss : callable, optional
        Of a module: ``loss(output, y)`` of a batch, ``(B, K)`` and the graphs' ``y`` ``(B, ...)``, one number
        for each graph, ``(B,)``. Default: cross entropy, with logits for a single output.
    precision : str
        Of weights, gradients and activations; products are summed in float64.
    show_progress : bool
        Show a bar.

    Returns
    -------
    Influence
        For each test frame an :class:`Explanation` over the training frames, with their `proponents` and
        `opponents`; units are those of what is explained.

    Raises
    ------
    InvalidArgument
        If there are no frames or checkpoints, or `of`, `trained_with` or `layer` is unknown.
    ModelError
        If a checkpoint is not of this model.

    Notes
    -----
    Frames are taken as they are: without augmentation, and with latent means rather than samples. The paper's
    formula is of gradient descent; AdamW, with which gnncv trains, scales each weight's step besides, so that
    scores rank frames but are not the changes of this very training.
    """
    source = as_source(model, checkpoints, loss, precision)
    training = _frames(training_frames, "training")
    test = _frames(test_frames, "test")
    prepared = source.prepare(training), source.prepare(test)
    of = _name(source, "of", of)
    given = ("loss" if of in source.outputs else of) if trained_with is None else trained_with
    trained_with = _name(source, "trained_with", given)
    if layer == "last":
        layer = source.last_layer([of, trained_with], prepared[0][0])
    scores, values = _scores(source, *prepared, of, trained_with, layer, show_progress)
    labels = [source.frame_name(frame, number) for number, frame in enumerate(training)]
    explained = [(of, frame if isinstance(frame, Atoms) else None) for frame in test]
    return Influence(
        [
            _explanation(source, layer, row, value, labels, *what)
            for row, value, what in zip(scores, values, explained, strict=True)
        ]
    )


def self_influence(
    model: Any,
    frames: Sequence[Any],
    of: str | int = "loss",
    *,
    layer: str = "all",
    checkpoints: Any = None,
    loss: Callable[..., Any] | None = None,
    precision: Literal["float64", "float32"] = "float64",
    show_progress: bool = True,
) -> Explanation:
    """How much each training frame taught the model about itself: large for outliers and wrong labels.

    The scores of :func:`tracin` of each frame for itself (section 4.1 of the paper), at the cost of one
    gradient a frame and checkpoint. Parameters and errors are those of :func:`tracin`.
    """
    source = as_source(model, checkpoints, loss, precision)
    given = _frames(frames, "training")
    prepared = source.prepare(given)
    of = _name(source, "of", of)
    if layer == "last":
        layer = source.last_layer([of], prepared[0])
    gradient = gradient_of(source, layer)
    scores, values = self_scores(source, prepared, of, gradient, source.checkpoints, show_progress)
    labels = [source.frame_name(frame, number) for number, frame in enumerate(given)]
    return _explanation(source, layer, scores, float(values.mean()), labels, of, None)


def as_source(
    model: Any, checkpoints: Any, loss: Callable[..., Any] | None, precision: str
) -> InfluenceSource:
    """The source of a run or a module; one that is given as such is taken as it is."""
    if precision not in ("float64", "float32"):
        raise InvalidArgument(f"precision is {precision!r}; choose float64 or float32")
    if hasattr(model, "influence_source"):
        source: InfluenceSource = model.influence_source(checkpoints, precision)
    elif isinstance(model, InfluenceSource):
        source = model
    elif isinstance(model, nn.Module) and not hasattr(model, "graph_function"):
        from gnncv.explain.influence.torch_geometric_source import TorchGeometricSource

        return TorchGeometricSource(model, checkpoints, loss, precision)
    else:
        raise InvalidArgument(
            f"no influence from a {type(model).__name__}: TracIn needs what training left; give the run "
            "(gnncv.training.load_run), or a torch module on graphs with its checkpoints"
        )
    if loss is not None:
        raise InvalidArgument(f"{type(model).__name__} has losses of its own; choose one with `of`")
    return source


def gradient_of(source: InfluenceSource, layer: str) -> Gradient:
    """By all weights, or by those of a layer in the fast form."""
    return ParameterGradient(source.model) if layer == "all" else LinearLayerGradient(source.model, layer)


def _scores(
    source: InfluenceSource,
    training: Sequence[Any],
    test: Sequence[Any],
    of: str,
    trained_with: str,
    layer: str,
    show_progress: bool,
) -> tuple[Array, Array]:
    """From captum where its forms fit, else our own."""
    from gnncv.explain.influence.torch_geometric_source import TorchGeometricSource

    if isinstance(source, TorchGeometricSource) and source.fits_captum(layer, training):
        from gnncv.explain.influence.captum_scores import captum_scores

        return captum_scores(source, training, test, of, trained_with, layer, show_progress)
    gradient = gradient_of(source, layer)
    return influence_scores(
        source, training, test, of, trained_with, gradient, source.checkpoints, show_progress
    )


def _explanation(
    source: InfluenceSource,
    layer: str,
    scores: Array,
    value: float,
    labels: Sequence[str],
    of: str,
    atoms: Atoms | None,
) -> Explanation:
    rates = {f"learning rate of {one.name}": one.learning_rate for one in source.checkpoints}
    return Explanation(
        scores=scores,
        over="frames",
        node_labels=(),
        output=of,
        method="TracInCP" if layer == "all" else f"TracInCP, fast form on {layer}",
        units="1",
        model_hash=source.model_hash,
        value=float(value),
        labels=labels,
        atoms=atoms,
        details=rates,
    )


def _frames(given: Any, which: str) -> list[Any]:
    frames = list(given) if isinstance(given, Iterable) and not _is_one(given) else [given]
    if not frames:
        raise InvalidArgument(f"there are no {which} frames")
    return frames


def _is_one(given: Any) -> bool:
    return isinstance(given, Atoms) or hasattr(given, "edge_index")


def _name(source: InfluenceSource, argument: str, given: str | int) -> str:
    """The name of a loss or an output; outputs also by their number."""
    known = [*source.losses, *source.outputs]
    if isinstance(given, int) and -len(source.outputs) <= given < len(source.outputs):
        return source.outputs[given]
    if given not in known:
        raise InvalidArgument(f"{argument} is {given!r}; choose one of {', '.join(known)}")
    return str(given)
