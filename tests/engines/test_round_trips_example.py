"""The example of round trips in short: both phases made, each variable biased, the runs judged by Q6."""

from __future__ import annotations

import csv
import importlib.util
import shutil
import sys
from argparse import Namespace
from pathlib import Path
from types import ModuleType

import pytest

from gnncv.analysis import read_colvar
from gnncv.plumed import find_installations

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "round_trips"
pytestmark = pytest.mark.skipif(
    not find_installations() or importlib.util.find_spec("plumed") is None, reason="no PLUMED"
)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example's program in a copy of its folder."""
    folder = tmp_path / "round_trips"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("runs", "prepared", "*rounds", "fooled*"))
    monkeypatch.syspath_prepend(str(folder))
    for name in ("judge", "round_trips"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import round_trips

    return round_trips


def test_the_density_is_biased_from_both_phases_and_q6_judges(example: ModuleType) -> None:
    example.prepare(Namespace(steps=8192))
    for phase in ("crystal", "melt"):
        for steps in (256, 512):  # the second goes on with the first
            example.one_run(Namespace(variable="density", phase=phase, seed=1, steps=steps))
    example.table(Namespace())
    with (example.HERE / "round_trips.csv").open() as file:
        crystal, melt = csv.DictReader(file)
    assert (crystal["run"], melt["run"]) == ("density-crystal-1", "density-melt-1")
    assert crystal["round_trips"] == melt["round_trips"] == "0"
    for phase in ("crystal", "melt"):
        folder = example.HERE / "runs" / f"density-{phase}-1"
        values, rows = read_colvar(folder / "COLVAR"), read_colvar(folder / "plumed" / "COLVAR")
        assert (values["Q6"] > 0.325).all() if phase == "crystal" else (values["Q6"] < 0.149).all()
        assert (values["progress"] > 0.5).all() if phase == "crystal" else (values["progress"] < 0.5).all()
        assert rows["time"].tolist() == pytest.approx([0.0, 0.512, 1.024, 1.536, 2.048])
        assert (256 / rows["density"]).tolist() == pytest.approx((values["volume"] * 1e-3).tolist(), rel=2e-5)
    assert (example.HERE / "round_trips.png").stat().st_size > 10_000
