"""Walkers on one bias through PLUMED's WALKERS_DIR: each hill counts once for everybody, whoever is killed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from gnncv.analysis.bias import hill_sum
from gnncv.engines.plumed_files import cut_back
from gnncv.engines.plumed_session import PlumedSession, Resumed
from gnncv.engines.plumed_start import find_kernel
from gnncv.errors import InvalidArgument
from gnncv.files import read_hills
from gnncv.plumed import PlumedInput, find_installations

pytestmark = pytest.mark.skipif(not find_installations(), reason="no PLUMED is installed")
STRIDE = 10
N_WALKERS = 3


@dataclass
class Walker:
    """A walker without dynamics: two atoms at random distances, a hill every tenth step."""

    folder: Path
    shared: Path
    number: int
    generator: np.random.Generator
    step: int = 0
    saved: tuple[int, Resumed] | None = None
    session: PlumedSession = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        text = (
            f"d: DISTANCE ATOMS=1,2\nm: METAD ARG=d SIGMA=0.1 HEIGHT=1 PACE={STRIDE} BIASFACTOR=5 TEMP=300 "
            f"WALKERS_DIR={self.shared} WALKERS_N={N_WALKERS} WALKERS_ID={self.number} WALKERS_RSTRIDE=5\n"
        )
        resumed = None if self.saved is None else self.saved[1]
        kernel, _ = find_kernel()
        self.session = PlumedSession(PlumedInput(text, self.folder), self.folder, kernel, resumed)
        self.session.start(2, 0.001, 2.5, "test")
        self.step = 0 if self.saved is None else self.saved[0]
        self.bias(float(self.generator.uniform(0.5, 1.5)))
        if resumed is None:
            self.session.update(0)
        else:
            self.session.resume(self.step)

    def bias(self, distance: float) -> float:
        positions = np.array([[0.0, 0.0, 0.0], [distance, 0.0, 0.0]])
        return self.session.evaluate(self.step, positions, None, masses=np.ones(2)).bias

    def advance(self, steps: int) -> None:
        for _ in range(steps):
            self.step += 1
            self.bias(float(self.generator.uniform(0.5, 1.5)))
            self.session.update(self.step)

    def save(self) -> None:
        self.bias(1.0)
        self.session.update(self.step, checkpoint=True)
        self.saved = self.step, Resumed(*self.session.files())

    def restart(self) -> None:
        """Killed, and started again from its restart point."""
        self.session.close()  # as if killed just after a flush
        self.open()


@pytest.fixture
def walkers(tmp_path: Path, generator: np.random.Generator) -> list[Walker]:
    (tmp_path / "shared").mkdir()
    return [Walker(tmp_path / str(k), tmp_path / "shared", k, generator) for k in range(N_WALKERS)]


def test_everybody_feels_the_hills_in_the_files(walkers: list[Walker], generator) -> None:
    """Also those that a killed walker left behind its restart point, while others had read them."""
    for walker in walkers:
        walker.save()
    kills = []
    for _ in range(30):
        walker = walkers[generator.integers(N_WALKERS)]
        walker.advance(int(generator.integers(1, 50)))
        if generator.random() < 0.3:
            walker.save()
        elif generator.random() < 0.4:
            kills.append((walker.number, walker.step, walker.saved[0]))
            walker.restart()
    for walker in walkers:
        walker.advance(STRIDE - walker.step % STRIDE)  # to its last hill
    for walker in walkers:
        walker.advance(STRIDE // 2)  # it reads the others', and adds none
    print("killed (walker, at step, back to step):", kills)
    assert any(at - back >= STRIDE for _, at, back in kills)
    hills = [read_hills(path) for path in sorted(walkers[0].shared.glob("HILLS.*"))]
    assert len(hills) == N_WALKERS
    distances = np.linspace(0.6, 1.4, 9)
    expected = sum(hill_sum(each, distances) for each in hills)
    for walker in walkers:
        felt = [walker.bias(distance) for distance in distances]
        print(walker.number, np.array(felt) - expected)
        np.testing.assert_allclose(felt, expected, rtol=1e-9)
