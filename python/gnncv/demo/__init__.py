"""The main job end to end on shipped argon frames: train, export, biased run, free energy, report."""

from importlib import import_module
from typing import Any

_NAMES = {
    "demo_frames": "gnncv.demo.frames",
    "fcc_crystal": "gnncv.demo.frames",
    "shipped_order": "gnncv.demo.frames",
    "shipped_model": "gnncv.demo.frames",
    "run_demo": "gnncv.demo.driver",
    "write_report": "gnncv.demo.report",
}

__all__ = ["demo_frames", "fcc_crystal", "run_demo", "shipped_model", "shipped_order", "write_report"]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
