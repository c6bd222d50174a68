"""Rounds of run, harvest, relabel and retrain, so that a collective variable learns where it was fooled."""

from importlib import import_module
from typing import Any

_HOMES = {
    "HarvestConfig": "gnncv.rounds.harvest",
    "OrderThresholds": "gnncv.rounds.thresholds",
    "run_rounds": "gnncv.rounds.loop",
}

__all__ = ["HarvestConfig", "OrderThresholds", "run_rounds"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
