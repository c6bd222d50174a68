"""Configurations of short runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import pytest
from ase import Atoms

from argon_runs import SYSTEM, argon
from gnncv.engines.config import RunConfig


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., RunConfig]:
    """Builds configurations of short runs in a temporary folder; keywords replace or add keys."""

    def make(atoms: Atoms | None = None, **keys: Any) -> RunConfig:
        start = tmp_path / "start.extxyz"
        if atoms is not None or not start.exists():
            ase.io.write(start, argon() if atoms is None else atoms)
        values: dict[str, Any] = {
            "engine": "openmm",
            "start": str(start),
            "system": SYSTEM,
            "output": str(tmp_path / "run"),
            "steps": 100,
            "timestep_fs": 4.0,
            "temperature_kelvin": 80.0,
            "colvar_stride": 10,
            "trajectory_stride": 50,
            "checkpoint_stride": 50,
        }
        return RunConfig.from_dict({**values, **keys})

    return make
