"""Rounds: of run, harvest, relabel and retrain, and of run, free energy and learned bias."""

from importlib import import_module
from typing import Any

_HOMES = {
    "BiasRoundsConfig": "gnncv.rounds.bias_loop",
    "HarvestConfig": "gnncv.rounds.harvest",
    "HarvestedRun": "gnncv.rounds.other_engines",
    "OrderThresholds": "gnncv.rounds.thresholds",
    "harvest_run": "gnncv.rounds.other_engines",
    "run_bias_rounds": "gnncv.rounds.bias_loop",
    "run_rounds": "gnncv.rounds.loop",
}

__all__ = [
    "BiasRoundsConfig",
    "HarvestConfig",
    "HarvestedRun",
    "OrderThresholds",
    "harvest_run",
    "run_bias_rounds",
    "run_rounds",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
