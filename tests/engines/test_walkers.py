"""Walkers on one bias through a folder of grids: each hill counts once for everybody, whoever is killed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gnncv.engines.walkers import SharedBias

Array = NDArray[np.float64]
GRID: dict[str, float | str] = {"cv": "progress", "min": 0.0, "max": 1.0, "points": 50, "sigma": 0.1}
N_WALKERS = 4


@dataclass
class Walker:
    """What an engine does with the folder, without dynamics: a hill is a number added at one point."""

    directory: Path
    number: int
    own: Array = field(default_factory=lambda: np.zeros(50))
    saved: Array = field(default_factory=lambda: np.zeros(50))

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.own = self.saved.copy()
        self.shared = SharedBias(self.directory, self.number, GRID)
        self.exchange()

    def exchange(self) -> None:
        self.shared.publish(self.own)
        self.shared.read_others()

    @property
    def felt(self) -> Array:
        return self.shared.total(self.own)


def act(walker: Walker, action: str, generator: np.random.Generator) -> None:
    if action == "deposit":
        walker.own[generator.integers(50)] += generator.uniform(0.1, 1.0)
    elif action == "save":
        walker.saved = walker.own.copy()
    elif action == "exchange":
        walker.exchange()
    elif action == "kill":
        walker.start()
    else:  # killed between the new file and the removal of the old
        stale = next(walker.directory.glob(f"bias_{walker.number}_*"))
        content = stale.read_bytes()
        walker.exchange()
        stale.write_bytes(content)
        walker.start()


def test_everybody_feels_the_sum_of_what_all_have(tmp_path, generator) -> None:
    walkers = [Walker(tmp_path, k) for k in range(N_WALKERS)]
    actions = ["deposit", "save", "exchange", "kill", "killed in between"]
    done = []
    for _ in range(300):
        walker = walkers[generator.integers(N_WALKERS)]
        done.append(str(generator.choice(actions, p=[0.6, 0.12, 0.18, 0.07, 0.03])))
        before = sum(each.own.sum() for each in walkers if each is not walker)
        act(walker, done[-1], generator)
        assert sum(each.own.sum() for each in walkers if each is not walker) == before  # others go on
        if done[-1] != "deposit" and done[-1] != "save":
            shown = {
                path.name.split("_")[1]: np.load(path) for path in sorted(tmp_path.glob("bias_*"), key=index)
            }
            assert np.array_equal(shown[str(walker.number)], walker.own)
            assert walker.felt == pytest.approx(sum(shown.values()), rel=1e-12)
    for _ in range(2):
        for walker in walkers:
            walker.exchange()
    for walker in walkers:
        assert walker.felt == pytest.approx(sum(each.own for each in walkers), rel=1e-12)
    assert len(list(tmp_path.glob("bias_*"))) == N_WALKERS
    assert min(done.count(action) for action in actions) > 0


def index(path: Path) -> int:
    return int(path.stem.split("_")[2])
