"""Walkers on one bias through PLUMED's WALKERS_DIR: each hill counts once, whoever is killed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from gnncv.analysis.bias import hill_sum
from gnncv.engines import run
from gnncv.engines.plumed_session import PlumedSession, Resumed
from gnncv.engines.plumed_start import find_kernel
from gnncv.errors import InvalidArgument
from gnncv.files import read_colvar, read_hills
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
        np.testing.assert_allclose(felt, expected, rtol=1e-9)


def words(shared: Path, number: int) -> dict[str, str]:
    text = (
        "d: COORDINATION GROUPA=1-108 R_0=0.45\nm: METAD ARG=d SIGMA=5 HEIGHT=2 PACE=10 BIASFACTOR=10 "
        f"WALKERS_DIR={shared} WALKERS_N=2 WALKERS_ID={number} WALKERS_RSTRIDE=10\n"
        "PRINT ARG=d,m.bias FILE=COLVAR STRIDE=10\n"
    )
    return {"kind": "plumed", "lines": text}


@pytest.mark.parametrize("torn", ["", " 0.9  1.5e"])
def test_a_run_goes_on_with_what_others_have_read(torn: str, make_config, tmp_path) -> None:
    """Hills after the restart point stay, but for half a row; another walker need not have started."""
    shared = tmp_path / "shared"
    shared.mkdir()
    keys = {"bias": words(shared, 1), "platform": "Reference"}
    run(make_config(steps=50, **keys), progress=False)
    hills = shared / "HILLS.1"
    before = hills.read_text()
    late = before.splitlines()[-1] + "\n"
    hills.write_text(before + late + torn)
    folder = run(make_config(steps=100, **keys), progress=False)
    assert hills.read_text().startswith(before + late)
    found = read_hills(hills)
    assert np.allclose(found.time, 0.04 * np.array([1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10]))
    last = read_colvar(folder / "plumed" / "COLVAR")
    assert last["m.bias"][-1] == pytest.approx(hill_sum(found.part(0, 10), last["d"][-1:])[0], rel=1e-4)
    other = make_config(steps=20, bias=words(shared, 0), output=str(tmp_path / "other"))
    assert (shared / "HILLS.0").read_text() == ""  # made for the walker that went on
    assert read_colvar(run(other, progress=False) / "COLVAR")["bias_kj_mol"][-1] > 10.0


def test_hills_of_another_run_are_not_put_aside(make_config, tmp_path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    run(make_config(steps=20, bias=words(shared, 1)), progress=False)
    before = (shared / "HILLS.1").read_bytes()
    again = make_config(steps=20, bias=words(shared, 1), output=str(tmp_path / "again"))
    with pytest.raises(
        InvalidArgument, match=r"HILLS.1 has hills of another run already; take another WALKERS_ID"
    ):
        run(again, progress=False)
    assert (shared / "HILLS.1").read_bytes() == before
    assert os.listdir(shared) == ["HILLS.1"]


def test_killed_before_its_first_restart_point(walkers: list[Walker]) -> None:
    """Others have its empty file open by then: it must stay that file."""
    first, second, _ = walkers
    for walker in walkers:
        walker.advance(5)  # opens the files of all
    identity = os.stat(first.shared / "HILLS.0").st_ino
    first.restart()  # nothing was saved: from the start
    assert os.stat(first.shared / "HILLS.0").st_ino == identity
    first.advance(STRIDE)
    second.advance(STRIDE)
    assert sorted(os.listdir(first.shared)) == [f"HILLS.{k}" for k in range(N_WALKERS)]
    own, others = (read_hills(first.shared / f"HILLS.{k}") for k in (1, 0))
    felt = second.bias(float(others.centers[0, 0]))
    assert felt == pytest.approx(
        sum(hill_sum(each, others.centers[0])[0] for each in (own, others)), rel=1e-9
    )
