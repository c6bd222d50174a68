"""The example benzene_melting in short: the bias pushes the crystal, and the order of centers is watched."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from benzene_runs import EXAMPLE
from gnncv.engines import RunConfig, run
from gnncv.files import read_colvar

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
STEPS, PACE = 240, 20


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the folder beside one of examples/benzene, as its README says."""
    folder = tmp_path_factory.mktemp("examples")
    for name in ("benzene", "benzene_melting"):
        shutil.copytree(EXAMPLE.parent / name, folder / name)
    subprocess.run([sys.executable, "make_system.py"], cwd=folder / "benzene", check=True)
    return folder / "benzene_melting"


def test_hills_push_the_crystal_and_q6_judges(example: Path) -> None:
    settings = yaml.safe_load((example / "run.yaml").read_text())
    settings["bias"]["pace"] = PACE
    settings |= {"steps": STEPS, "trajectory_stride": 3 * PACE, "checkpoint_stride": STEPS}
    settings |= {"colvar_stride": PACE, "order_parameter_stride": PACE}
    (example / "short.yaml").write_text(yaml.safe_dump(settings))
    folder = run(RunConfig.from_yaml(example / "short.yaml"), progress=False)

    colvar, hills = read_colvar(folder / "COLVAR"), read_colvar(folder / "HILLS")
    assert np.allclose(hills.column("time"), 0.004 * PACE * np.arange(1, STEPS // PACE + 1))
    assert hills.column("height")[0] == pytest.approx(4.0 * 120 / 119)  # as PLUMED writes it
    assert np.all(colvar.column("bias_kj_mol") >= 0.0) and colvar.column("bias_kj_mol")[-1] > 4.0
    assert colvar.column("progress")[0] == pytest.approx(1.13, abs=0.15)
    assert np.ptp(colvar.column("progress")) > 0.03
    potential = colvar.column("potential_kj_mol") / 72
    assert np.all(np.abs(potential[1:] - np.median(potential)) < 4.0)
    assert 200.0 < colvar.column("temperature_kelvin")[3:].mean() < 330.0
    assert np.all(np.abs(colvar.column("Q6") - 0.40) < 0.04)

    judge = runpy.run_path(str(example / "order.py"))
    shutil.copy(example / "cv.pt", folder)
    frames = judge["trajectory"](folder)
    model = judge["CollectiveVariable"](folder / "cv.pt")
    table = judge["order_table"](frames, model)
    assert np.allclose(table[:, 1:3], [[f.info["q6"], f.info["Q6"]] for f in frames], atol=1e-3)
    assert np.allclose(table[:, 6], [f.info["progress"] for f in frames], atol=1e-3)
    assert np.all(table[:, 3] > 0.3)
    thresholds = judge["learned_thresholds"](judge["Topology"].from_dict(model.metadata["topology"]))
    assert [phase for _, phase in judge["transitions"](judge["phases_of"](table, thresholds))] == ["crystal"]


def test_a_visit_that_does_not_last_is_no_transition() -> None:
    transitions = runpy.run_path(str(EXAMPLE.parent / "benzene_melting" / "order.py"))["transitions"]
    history = ["crystal"] * 6 + ["melt"] * 4 + ["crystal"] * 5 + [None] * 3 + ["melt"] * 5 + ["crystal"] * 5
    assert transitions(history) == [(0, "crystal"), (18, "melt"), (23, "crystal")]
