"""Where integrated gradients start from: a named state, numbers, or the mean of a reference phase."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from ase import Atoms
from torch import Tensor

from gnncv.errors import InvalidArgument
from gnncv.explain.attribution.from_function import input_value
from gnncv.explain.attribution.graph_function import GraphFunction
from gnncv.explain.frames import frame_list


def baseline_value(function: GraphFunction, key: str, baseline: Any) -> Tensor:
    """The baseline of one input, of its shape, precision and device.

    Parameters
    ----------
    function : GraphFunction
    key : str
        The input.
    baseline : str, Tensor, array, float, ase.Atoms, or iterable of ase.Atoms
        A name among ``function.baselines[key]``; a value that broadcasts to the input's shape; or frames of a
        reference phase, of which the function takes the mean descriptors of each kind of site.

    Raises
    ------
    InvalidArgument
        An unknown name (those there are are listed), a shape that does not fit, numbers that are not finite,
        frames for another input than ``"node_features"`` or for a function that cannot describe them.
    """
    value = input_value(function, key)
    if isinstance(baseline, str):
        named = function.baselines.get(key, {})
        if baseline not in named:
            raise InvalidArgument(
                f"there is no baseline {baseline!r} of {key}; there is "
                f"{', '.join(named) or 'none with a name'}, or give a tensor"
            )
        return named[baseline].detach().to(value)
    if isinstance(baseline, Atoms) or _are_frames(baseline):
        if key != "node_features":
            raise InvalidArgument(f"a reference phase is a baseline of node_features, not of {key}")
        return _reference_phase(function, frame_list(baseline)).to(value)
    start = torch.as_tensor(baseline, dtype=value.dtype, device=value.device).detach()
    try:
        start = start.expand_as(value)
    except RuntimeError:
        raise InvalidArgument(
            f"the baseline of {key} has shape {tuple(start.shape)}, expected {tuple(value.shape)} or what "
            "broadcasts to it"
        ) from None
    if not torch.isfinite(start).all():
        raise InvalidArgument(f"the baseline of {key} is not finite")
    return start


def _are_frames(baseline: Any) -> bool:
    if isinstance(baseline, list | tuple):
        return any(isinstance(item, Atoms) for item in baseline)
    return isinstance(baseline, Iterable) and not isinstance(baseline, Tensor | np.ndarray)


def _reference_phase(function: GraphFunction, frames: list[Atoms]) -> Tensor:
    describe = getattr(function, "feature_baseline", None)
    if describe is None:
        raise InvalidArgument(
            f"the features of {function.output}'s nodes are not computed from frames; give the mean features "
            "of the reference themselves, (F,) or (n, F)"
        )
    mean: Tensor = describe(frames)
    return mean
