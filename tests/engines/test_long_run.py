"""The long run of the examples, in short: the same after a stop, and each neighbor list has a reason."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from argon_runs import METADYNAMICS
from gnncv.demo import shipped_model
from gnncv.engines import run

EXAMPLE = Path(__file__).parents[2] / "examples" / "long_run"


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(EXAMPLE))
    import audit

    yield audit.Audit
    sys.modules.pop("audit")


@pytest.mark.parametrize("extra", [{}, {"ensemble": "npt", "pressure_bar": 1.0}], ids=["nvt", "npt"])
def test_every_list_is_accounted_for(extra: dict, audit, make_config, tmp_path) -> None:
    """Also at changing volume, where lists last as long as the deformation of the box allows."""

    def of(name: str, steps: int):
        keys = {"bias": METADYNAMICS | {"pace": 20}, "cv_every": 5, "seed": 3, "temperature_kelvin": 120.0}
        keys |= {"order_parameter_stride": 500, **extra}
        return make_config(output=str(tmp_path / name), steps=steps, checkpoint_stride=250, **keys)

    watched = audit(str(shipped_model()), every=10)
    whole = run(of("whole", 500), progress=False, cv=watched)
    report = watched.report()
    assert report["n_rebuilds"] == report["n_expected"] > 5
    assert report["n_rebuilds"] < report["n_evaluations"] / 2
    assert report["n_repeated"] >= 10 and report["largest_difference"] < 1e-9
    if extra:
        return
    for steps in (250, 500):
        again = audit(str(shipped_model()), every=10)
        parts = run(of("parts", steps), progress=False, cv=again)
        assert again.report()["n_rebuilds"] == again.report()["n_expected"]
    for name in ("COLVAR", "HILLS", "trajectory.extxyz"):
        assert (whole / name).read_bytes() == (parts / name).read_bytes(), name


def test_a_list_without_reason_is_seen(audit, generator: np.random.Generator) -> None:
    watched = audit(str(shipped_model()))
    watched.bind(["Ar"] * 4)
    cell, pbc = 20.0 * np.eye(3), np.ones(3, dtype=bool)
    positions = generator.uniform(0.0, 20.0, (4, 3))
    watched.compute(positions, cell, pbc, outputs=[])
    watched.cv.bind(["Ar"] * 4)  # the variable forgets its list, and nobody moved
    watched.compute(positions, cell, pbc, outputs=[])
    report = watched.report()
    assert (report["n_expected"], report["n_rebuilds"]) == (1, 2)
