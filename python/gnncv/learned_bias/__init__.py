"""Learned bias: a network from outputs of a collective variable to an energy, learned from a free energy."""

from importlib import import_module
from typing import Any

_HOMES = {
    "Fit": "gnncv.learned_bias.fit",
    "Landscape": "gnncv.learned_bias.landscape",
    "Learned": "gnncv.learned_bias.learn",
    "LearnedBias": "gnncv.learned_bias.network",
    "add_bias": "gnncv.learned_bias.model_file",
    "fit_bias": "gnncv.learned_bias.fit",
    "landscape_from_hills": "gnncv.learned_bias.landscape",
    "landscape_from_samples": "gnncv.learned_bias.landscape",
    "learn_bias": "gnncv.learned_bias.learn",
    "read_landscape": "gnncv.learned_bias.source",
}

__all__ = [
    "Fit",
    "Landscape",
    "Learned",
    "LearnedBias",
    "add_bias",
    "fit_bias",
    "landscape_from_hills",
    "landscape_from_samples",
    "learn_bias",
    "read_landscape",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
