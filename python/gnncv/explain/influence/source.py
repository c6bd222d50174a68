"""What TracIn needs of a model: its weights at checkpoints, and losses or outputs of single frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from gnncv.explain.influence.checkpoint import Checkpoint


@runtime_checkable
class InfluenceSource(Protocol):
    """A model with its checkpoints, and what of a frame is differentiated.

    Attributes
    ----------
    model
        A copy whose weights may be changed, in the precision of the computation.
    model_hash
        SHA-256 of the final model.
    checkpoints
        Those that training left.
    losses, outputs
        What `value` knows by name: losses, of which less is better, and outputs.
    """

    model: nn.Module
    model_hash: str
    checkpoints: Sequence[Checkpoint]
    losses: Sequence[str]
    outputs: Sequence[str]

    def prepare(self, frames: Sequence[Any]) -> Sequence[Any]:
        """The frames as `value` takes them, made once; `InvalidArgument` names the frame that is unfit."""

    def load(self, checkpoint: Checkpoint, training: Sequence[Any]) -> None:
        """Give `model` these weights, and whatever outputs take from the (prepared) training frames."""

    def value(self, of: str, frame: Any) -> Tensor:
        """Loss or output of one prepared frame, 0-dimensional, with a graph to the weights."""

    def last_layer(self, names: Sequence[str], frame: Any) -> str:
        """Name of the last linear layer in `model` that all these losses and outputs come through."""

    def frame_name(self, frame: Any, number: int) -> str:
        """A name of a frame, as given."""
