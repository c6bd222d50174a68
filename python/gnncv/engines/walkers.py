"""One bias shared by several runs through a folder of grids, in the layout of OpenMM's Metadynamics."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.files import write_atomic

_NAME = re.compile(r"bias_(\d+)_(\d+)\.npy")


class SharedBias:
    """The folder where walkers publish their own hills and read those of the others.

    Each walker owns one number and at most one file ``bias_NUMBER_INDEX.npy`` that counts: the one with the
    highest index. So no hill counts twice, also after a restart from an older point, when `publish` replaces
    the file by the older grid under a higher index.

    Parameters
    ----------
    directory : Path
        The folder; made if missing.
    walker : int
        This walker's number.
    grid : dict
        What the grids stand for (CV, range, points, sigma). Walkers with another grid are refused.
    """

    def __init__(self, directory: Path, walker: int, grid: dict[str, float | str]) -> None:
        self.directory = directory
        self.walker = walker
        self.others: dict[int, tuple[int, NDArray[np.float64]]] = {}
        directory.mkdir(parents=True, exist_ok=True)
        self._points = int(grid["points"])
        self._check_grid(grid)

    def _check_grid(self, grid: dict[str, float | str]) -> None:
        record = self.directory / "grid.json"
        if not record.exists():
            with suppress(FileExistsError), write_atomic(record) as temporary:
                temporary.write_text(json.dumps(grid, indent=1))
        theirs = json.loads(record.read_text())
        if theirs != grid:
            raise InvalidArgument(
                f"the walkers in {self.directory} have the grid {theirs}, this run has {grid}; "
                "use equal cv, min, max, grid and sigma, or another walkers.directory"
            )

    def _indices(self, walker: int) -> list[int]:
        found = (_NAME.fullmatch(name) for name in os.listdir(self.directory))
        return sorted(int(match[2]) for match in found if match and int(match[1]) == walker)

    def publish(self, own: NDArray[np.float64]) -> None:
        """Replace this walker's file by `own`, under an index that the others have not seen."""
        before = self._indices(self.walker)
        index = before[-1] + 1 if before else 1
        target = self.directory / f"bias_{self.walker}_{index}.npy"
        with write_atomic(target, overwrite=True) as temporary:
            np.save(temporary, own)
        for old in before:
            (self.directory / f"bias_{self.walker}_{old}.npy").unlink(missing_ok=True)

    def withdraw(self) -> None:
        """Remove this walker's hills from the shared bias."""
        for index in self._indices(self.walker):
            (self.directory / f"bias_{self.walker}_{index}.npy").unlink(missing_ok=True)

    def read_others(self) -> bool:
        """Load grids that are new since the last call; whether there were any."""
        changed = False
        for name in sorted(os.listdir(self.directory)):
            match = _NAME.fullmatch(name)
            if match is None or int(match[1]) == self.walker:
                continue
            walker, index = int(match[1]), int(match[2])
            if walker in self.others and index <= self.others[walker][0]:
                continue
            with suppress(FileNotFoundError):  # replaced by its owner meanwhile: read at the next exchange
                grid = np.load(self.directory / name, allow_pickle=False)
                if grid.shape != (self._points,):
                    raise InvalidArgument(
                        f"{self.directory / name} has shape {grid.shape}, not ({self._points},)"
                    )
                self.others[walker] = (index, grid)
                changed = True
        return changed

    def total(self, own: NDArray[np.float64]) -> NDArray[np.float64]:
        """The bias that this walker feels: `own` hills and everybody else's."""
        felt = own.copy()
        for _, grid in self.others.values():
            felt += grid
        return felt


def draw_walker(directory: Path | None, generator: np.random.Generator) -> int:
    """A walker number that nobody in `directory` uses yet."""
    names = os.listdir(directory) if directory is not None and directory.is_dir() else []
    taken = {int(match[1]) for match in map(_NAME.fullmatch, names) if match}
    while True:
        walker = int(generator.integers(1, 2**31 - 1))
        if walker not in taken:
            return walker
