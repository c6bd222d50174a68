"""A training run as TracIn sees it: its checkpoints, and losses and outputs of single frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from ase import Atoms
from torch import Tensor

from gnncv.data import GraphDataset, collate
from gnncv.data.graph import NO_PHASE, GraphBatch
from gnncv.errors import InvalidArgument
from gnncv.explain.influence.checkpoint import Checkpoint, as_checkpoints
from gnncv.models import Encoding
from gnncv.models.collective_variables import DEVIATION_SOFTNESS, NOVELTY_POWER, output_names
from gnncv.models.frame_values import frame_latents
from gnncv.models.graph_function import weights_hash
from gnncv.nn import reference
from gnncv.nn.layers import MeanPooling, SumPooling

from .config import LossConfig
from .epoch_checkpoints import PATTERN
from .losses import LossTerms, autoencoder_loss
from .run_folder import CHECKPOINTS, untrained_model

if TYPE_CHECKING:
    from .run_folder import TrainedRun

TERMS = ("reconstruction", "adjacency", "divergence", "phase", "pooled")


class RunInfluence:
    """What :func:`gnncv.explain.tracin` differentiates of a run (an ``InfluenceSource``).

    Losses are those of the training, of one frame at a time, without augmentation and with latent means in
    the place of samples: ``loss`` is their weighted sum. Outputs are those of the exported file but the
    novelty, which is calibrated when training is over; ``progress`` and ``deviation`` are measured between
    centroids of the given training frames at each checkpoint, held fixed when differentiating. Frames that
    are labeled by clusters after training are unlabeled here, as they were then.

    Parameters
    ----------
    run
        Finished.
    checkpoints
        As :func:`gnncv.explain.influence.as_checkpoints` takes them; ``None``: the run's ``epoch-*.ckpt``.
    precision
        ``float64`` or ``float32``.

    Raises
    ------
    InvalidArgument
        If the run left no checkpoints and none are given.
    """

    def __init__(self, run: TrainedRun, checkpoints: Any = None, precision: str = "float64") -> None:
        if checkpoints is None:
            checkpoints = epoch_checkpoints(run.path)
        self.checkpoints: Sequence[Checkpoint] = as_checkpoints(checkpoints)
        config = run.summary["config"]
        self._weights = LossConfig.model_validate(config["loss"])
        phases = [] if config.get("clusters") is not None else run.summary["phases"]
        self._dtype: torch.dtype = getattr(torch, precision)
        self._model = untrained_model(run.summary, phases).to(self._dtype).eval()
        self.model: torch.nn.Module = self._model
        self.model_hash = weights_hash(run.model)
        self.losses: Sequence[str] = ("loss", *self._terms_there())
        settings = self._model.config
        self._columns = list(output_names(settings.latent, phases, settings.pooling, decoder=False))
        self.outputs: Sequence[str] = self._columns
        self._uncentered: Sequence[GraphBatch] | None = None

    def _terms_there(self) -> list[str]:
        """Terms that this model has and the training gave weight to."""
        model = self._model
        there = {
            "reconstruction": model.environment_decoder is not None,
            "adjacency": model.adjacency_decoder is not None,
            "divergence": True,
            "phase": model.phase_head is not None,
            "pooled": not isinstance(model.pooling, MeanPooling | SumPooling),
        }
        return [name for name in TERMS if there[name] and getattr(self._weights, name) > 0.0]

    def prepare(self, frames: Sequence[Any]) -> list[GraphBatch]:
        """Graphs of frames, one a batch, with their invariants, which no weight changes."""
        for number, atoms in enumerate(frames):
            if not isinstance(atoms, Atoms):
                raise InvalidArgument(f"frame {number} is a {type(atoms).__name__}, not ase.Atoms")
        model = self._model
        dataset = GraphDataset(
            frames,
            model.config.cutoff,
            model.species,
            model.phases,
            topology=model.topology,
            node_features=model.config.node_features,
        )
        encoder = model.encoder
        dataset.describe = lambda graph: encoder.surroundings(
            graph.vectors, graph.center, graph.neighbor, graph.row_ptr, graph.types, graph.axes
        )
        return [collate([dataset[k]]).to("cpu", self._dtype) for k in range(len(dataset))]

    def load(self, checkpoint: Checkpoint, training: Sequence[GraphBatch]) -> None:
        """Weights of a checkpoint; the training frames are for the centroids, where an output needs them."""
        checkpoint.load_into(self._model)
        self._uncentered = training

    @torch.no_grad()
    def _center(self) -> None:
        """Set the centroids, once a checkpoint."""
        if self._uncentered is None:
            return
        model, training = self._model, self._uncentered
        latents = torch.cat([frame_latents(model, self._encode(batch).mean, batch) for batch in training])
        labels = torch.cat([batch.phase for batch in training])
        for k, phase in enumerate(model.phases):
            if not bool((labels == k).any()):
                raise InvalidArgument(
                    f"no training frame is labeled {phase!r}: progress and deviation are measured between "
                    "the centroids of all phases; give frames of each, or ask for another output"
                )
            model.centroids[k] = latents[labels == k].mean(dim=0)
        self._uncentered = None

    def value(self, of: str, frame: GraphBatch) -> Tensor:
        """A loss or an output of a frame, 0-dimensional."""
        if of not in self.losses:
            return self._output(of, frame)
        if of == "phase" and bool((frame.phase == NO_PHASE).all()):
            raise InvalidArgument(
                "the loss 'phase' is of labeled frames: give every frame info['phase'], one of "
                + ", ".join(self._model.phases)
            )
        terms = self._terms(frame)
        return terms.total(self._weights) if of == "loss" else getattr(terms, of)

    def _encode(self, frame: GraphBatch) -> Encoding:
        encoder = self._model.encoder
        assert frame.invariants is not None  # see prepare
        features, invariants = encoder.start(
            frame.invariants, frame.types, frame.descriptors, frame.node_features
        )
        pairs = (frame.vectors, frame.center, frame.neighbor, frame.row_ptr, frame.types)
        features = encoder.refine(features, *pairs)
        return Encoding(encoder.latent_mean(features), encoder.latent_log_variance(features), invariants)

    def _terms(self, frame: GraphBatch) -> LossTerms:
        return autoencoder_loss(self._model, frame, self._encode(frame), variational=False)

    def _output(self, of: str, frame: GraphBatch) -> Tensor:
        """An output, float64, differentiable by all weights: exported networks hold copies of them."""
        model, settings = self._model, self._model.config
        mean = self._encode(frame).mean
        columns = [mean.double()]
        if model.phase_head is not None:
            columns.append(torch.softmax(model.phase_head(mean).double(), dim=1)[:, 1:])
        columns.append(torch.ones_like(columns[0][:, :1]))  # in the place of the novelty
        sums = reference.site_sums(torch.cat(columns, dim=1))
        latent = frame_latents(model, mean, frame)[0] * sums[-1]
        sums = torch.cat([latent, sums[settings.latent :]])
        if of.startswith(("progress", "deviation")):
            self._center()
            centroids = model.centroids.double()
        else:  # any that differ: where they are the same, as before training, slopes of all would be nan
            centroids = torch.eye(*model.centroids.shape, dtype=torch.float64)
        pooled = (settings.latent, settings.pooling == "sum", DEVIATION_SOFTNESS, NOVELTY_POWER)
        return reference.pooled_outputs(sums, centroids, *pooled)[self._columns.index(of)]

    def last_layer(self, names: Sequence[str], frame: GraphBatch) -> str:
        """The head's for a loss of one head, else that of the latent means, through which all come."""
        model = self._model
        if set(names) == {"phase"} and model.phase_head is not None:
            return f"phase_head.{len(model.phase_head) - 1}"
        if set(names) == {"reconstruction"} and model.environment_decoder is not None:
            return f"environment_decoder.{len(model.environment_decoder) - 1}"
        return f"encoder.latent_mean.{len(model.encoder.latent_mean) - 1}"

    def frame_name(self, frame: Atoms, number: int) -> str:
        """File and number in it where they are known, else the number in the list; the phase."""
        name = f"frame {number}"
        if "source" in frame.info:
            name = f"{Path(str(frame.info['source'])).name} {frame.info.get('frame', number)}"
        phase = frame.info.get("phase")
        return name if phase is None else f"{name} ({phase})"


def epoch_checkpoints(folder: Path) -> list[Path]:
    """The ``epoch-*.ckpt`` of a run, in their order.

    Raises
    ------
    InvalidArgument
        There are none.
    """
    files = sorted((folder / CHECKPOINTS).glob(PATTERN))
    if not files:
        raise InvalidArgument(
            f"{folder} has no {CHECKPOINTS}/{PATTERN}: train with `checkpoint_every` above 0 and below the "
            f"number of epochs, or give checkpoints, for example {CHECKPOINTS}/best.ckpt"
        )
    return files
