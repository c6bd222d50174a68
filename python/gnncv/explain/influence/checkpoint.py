"""Weights that training left on its way, each with the learning rate it had there."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gnncv.errors import InvalidArgument, ModelError

_PREFIX = "model."  # of the weights in files of a LightningModule around a model


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The weights of a model at one time of its training.

    Attributes
    ----------
    name
        Of the file, or what tells it apart.
    learning_rate
        Of the steps that led here.
    weights
        The state of the model, or the file that holds it.
    """

    name: str
    learning_rate: float
    weights: Path | Mapping[str, Tensor]

    def load_into(self, model: nn.Module) -> None:
        """Give a model these weights, in its own precision.

        Raises
        ------
        ModelError
            If they are those of another model.
        """
        weights = _read(self.weights)[0] if isinstance(self.weights, Path) else self.weights
        own = set(model.state_dict())
        if own != set(weights) and own == {name.removeprefix(_PREFIX) for name in weights}:
            weights = {name.removeprefix(_PREFIX): tensor for name, tensor in weights.items()}
        try:
            model.load_state_dict(weights)
        except RuntimeError as error:
            raise ModelError(
                f"checkpoint {self.name} is not of this {type(model).__name__}: {error}"
            ) from None


def as_checkpoints(given: Any) -> list[Checkpoint]:
    """Checkpoints from what a user gives.

    Parameters
    ----------
    given : iterable
        Of :class:`Checkpoint`, of files, or of pairs of a file (or a state_dict) and a learning rate. Files
        are those of gnncv (``epoch-*.ckpt``), of Lightning, which know their learning rate, or of a
        state_dict saved by torch, which do not.

    Raises
    ------
    InvalidArgument
        If there is none, a file is missing or does not know its learning rate, or the rate is not positive.
    ModelError
        If a file cannot be read.
    """
    if isinstance(given, str | Path | Checkpoint):
        given = [given]
    found = [_as_checkpoint(one, number) for number, one in enumerate(_iterable(given))]
    if not found:
        raise InvalidArgument("there are no checkpoints; TracIn needs the weights of at least one")
    for checkpoint in found:
        if not checkpoint.learning_rate > 0.0:
            raise InvalidArgument(
                f"checkpoint {checkpoint.name}: learning rate {checkpoint.learning_rate} is not positive"
            )
    return found


def _iterable(given: Any) -> Iterable[Any]:
    if not isinstance(given, Iterable) or isinstance(given, Mapping):
        raise InvalidArgument(
            f"checkpoints are a {type(given).__name__}; give a list of files, or of (file, learning rate)"
        )
    return given


def _as_checkpoint(given: Any, number: int) -> Checkpoint:
    if isinstance(given, Checkpoint):
        return given
    rate: float | None = None
    if isinstance(given, tuple) and len(given) == 2:
        given, rate = given[0], float(given[1])
    if isinstance(given, Mapping):
        name = f"checkpoint {number}"
        if rate is None:
            raise InvalidArgument(f"{name}: give weights with their learning rate, (state_dict, 1e-3)")
        return Checkpoint(name, rate, given)
    if not isinstance(given, str | Path):
        raise InvalidArgument(f"checkpoint {number} is a {type(given).__name__}; give a file or a state_dict")
    path = Path(given)
    if rate is None:
        rate = _read(path)[1]
    if rate is None:
        raise InvalidArgument(f"{path} holds no learning rate; give it beside it, as ({path.name!r}, 1e-3)")
    return Checkpoint(path.name, rate, path)


def _read(path: Path) -> tuple[Mapping[str, Tensor], float | None]:
    """Weights of a file, and its learning rate where there is one."""
    if not path.is_file():
        raise InvalidArgument(f"no checkpoint {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        first = str(error).partition("\n")[0]
        raise ModelError(f"cannot read the checkpoint {path}: {first}; save a state_dict alone") from None
    if not isinstance(content, dict):
        raise ModelError(f"checkpoint {path} holds a {type(content).__name__}, not weights")
    weights = content.get("state_dict", content)
    rate = content.get("learning_rate")
    if rate is None and content.get("optimizer_states"):
        rate = content["optimizer_states"][0]["param_groups"][0]["lr"]
    return weights, None if rate is None else float(rate)
