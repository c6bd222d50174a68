"""Learned biases that nothing was learned for: random networks around given values of outputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

import gnncv
from gnncv.learned_bias import LearnedBias, add_bias


def random_bias(center: Sequence[float], spread: Sequence[float], seed: int, largest: float) -> LearnedBias:
    """A bias (eV) that is trusted within about two spreads of a point."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        centers = torch.randn((30, len(center)), generator=generator, dtype=torch.float64)
        bias = LearnedBias(
            torch.tensor(center), torch.tensor(spread), centers, torch.full((30,), 20.0), 0.7, 5.0, largest
        )
    return bias.requires_grad_(False)


def write_random_bias(
    model: Path, path: Path, inputs: list[str], frames: list, seed: int, largest: float, least: float = 0.1
) -> Path:
    """A copy of a model file with a random bias of some outputs, around their values on some frames.

    Its spread is theirs, and at least the part `least` of their mean.
    """
    cv = gnncv.CollectiveVariable(model)
    values = np.array([[cv.compute(atoms, outputs=[])[name] for name in inputs] for atoms in frames])
    spread = np.maximum(values.std(axis=0), least * np.abs(values).mean(axis=0))
    add_bias(model, random_bias(values.mean(axis=0), spread, seed, largest), inputs, {"test": True}, path)
    return path
