"""What the run loop asks of an engine, whichever it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gnncv.files import HillsWriter

Array = NDArray[np.float64]


class Engine(Protocol):
    """Molecular dynamics under a bias, advanced by the run loop."""

    @property
    def step(self) -> int:
        """Steps of `timestep_fs` done so far."""

    def advance(self, steps: int) -> None:
        """Integrate; no hills are added."""

    def deposit(self) -> None:
        """Add a hill at the current configuration."""

    def exchange(self) -> None:
        """Publish this walker's hills and take in those of the others."""

    def observe(self) -> dict[str, float]:
        """The columns of COLVAR at the current configuration, in the order of `columns`."""

    def columns(self) -> list[str]:
        """Names of what `observe` returns."""

    def snapshot(self) -> Atoms:
        """The current configuration."""

    def save(self) -> tuple[dict[str, bytes], dict[str, Any]]:
        """The state as files, and as plain values, for a restart point."""

    def restore(self, files: dict[str, bytes], facts: dict[str, Any]) -> None:
        """Go on from a restart point."""

    def connect(self, hills: HillsWriter | None, directory: Path | None, walker: int) -> None:
        """Say where hills are written and shared; called once, before the first step."""

    def performance(self) -> dict[str, float | int]:
        """``seconds_cv``, ``n_evaluations``, ``n_reused``, ``n_rebuilds`` since the start of this process.

        The last are the neighbor lists that the CV made; those of a PLUMED input are in plumed.log.
        """

    def about(self) -> dict[str, Any]:
        """Platform, versions, the range of the bias: facts for run.json."""
