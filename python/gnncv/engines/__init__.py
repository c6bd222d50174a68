"""Molecular dynamics under a bias on a collective variable, with OpenMM or with any ASE calculator.

Nothing here imports torch, OpenMM or the native library until a run needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gnncv.engines.ase import BiasedCalculator
    from gnncv.engines.config import RunConfig
    from gnncv.engines.loop import run

__all__ = ["BiasedCalculator", "RunConfig", "run"]

_HOMES = {"BiasedCalculator": "ase", "RunConfig": "config", "run": "loop"}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _HOMES:
        value = getattr(import_module(f"gnncv.engines.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
