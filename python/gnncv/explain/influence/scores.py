"""Sums over checkpoints of products of gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from gnncv.explain.influence.checkpoint import Checkpoint
from gnncv.explain.influence.gradients import Gradient
from gnncv.explain.influence.source import InfluenceSource

Array = NDArray[np.float64]

KEPT_BYTES = 2**29  # of gradients of test frames at a time; more are done in parts


def influence_scores(
    source: InfluenceSource,
    training: Sequence[Any],
    test: Sequence[Any],
    of: str,
    trained_with: str,
    gradient: Gradient,
    checkpoints: Sequence[Checkpoint],
    progress: bool = False,
) -> tuple[Array, Array]:
    """Scores ``(test, training)`` of prepared frames, and each test frame's value at the last checkpoint.

    One gradient of each frame at each checkpoint; those of training frames again for every 512 MiB of
    gradients of test frames.
    """
    scores = np.zeros((len(test), len(training)))
    values = np.zeros(len(test))
    at_once = max(1, KEPT_BYTES // (8 * gradient.size))
    parts = [slice(k, min(k + at_once, len(test))) for k in range(0, len(test), at_once)]
    n_gradients = len(checkpoints) * (len(test) + len(parts) * len(training))
    sign = product_sign(source, of, trained_with)
    with _bar(n_gradients, progress) as bar:
        for checkpoint in checkpoints:
            source.load(checkpoint, training)
            for part in parts:
                rows = torch.zeros((part.stop - part.start, gradient.size), dtype=torch.float64)
                for row, frame in enumerate(test[part]):
                    values[part.start + row], rows[row] = gradient(partial(source.value, of, frame))
                    bar.update()
                for number, frame in enumerate(training):
                    _, slopes = gradient(partial(source.value, trained_with, frame))
                    scores[part, number] += sign * checkpoint.learning_rate * (rows @ slopes).numpy()
                    bar.update()
    return scores, values


def self_scores(
    source: InfluenceSource,
    frames: Sequence[Any],
    of: str,
    gradient: Gradient,
    checkpoints: Sequence[Checkpoint],
    progress: bool = False,
) -> tuple[Array, Array]:
    """Scores ``(frames,)`` of each prepared frame for itself, and its value at the last checkpoint."""
    scores, values = np.zeros(len(frames)), np.zeros(len(frames))
    with _bar(len(checkpoints) * len(frames), progress) as bar:
        for checkpoint in checkpoints:
            source.load(checkpoint, frames)
            for number, frame in enumerate(frames):
                values[number], slopes = gradient(partial(source.value, of, frame))
                scores[number] += checkpoint.learning_rate * float(slopes @ slopes)
                bar.update()
    return scores, values


def product_sign(source: InfluenceSource, of: str, trained_with: str) -> float:
    """A step down a loss changes another loss, downward, by plus the product; an output, upward, by minus."""
    return 1.0 if (of in source.losses) == (trained_with in source.losses) else -1.0


@contextmanager
def _bar(total: int, show: bool) -> Iterator[tqdm[Any]]:
    with tqdm(total=total, desc="tracin", unit="gradient", disable=not show, dynamic_ncols=True) as bar:
        yield bar
