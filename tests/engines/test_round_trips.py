"""A bias on the variable alone melts argon, and an order parameter that it does not know says so."""

from __future__ import annotations

import json

import ase.io
import numpy as np
from ase.build import bulk

from gnncv.analysis import phase_visits, read_colvar
from gnncv.demo import shipped_model
from gnncv.demo.settings import thresholds
from gnncv.engines import run


def test_argon_is_melted_by_a_bias_on_progress(make_config) -> None:
    """Hills four times as high as in the demonstration; the run stops when Q6 is that of the melt."""
    _, limits = thresholds()
    config = make_config(
        bulk("Ar", "fcc", a=5.48, cubic=True).repeat(4),
        cv=str(shipped_model()),
        temperature_kelvin=82.0,
        ensemble="npt",
        pressure_bar=1.0,
        steps=48_000,
        cv_every=8,
        barostat_stride=48,
        bias={"kind": "metadynamics", "cv": "progress", "sigma": 0.05, "height_kj_mol": 4.0, "pace": 128,
              "biasfactor": 60.0},
        colvar_stride=128,
        trajectory_stride=12_800,
        checkpoint_stride=12_800,
        stop_when={"order_parameter": "Q6", "below": round(limits.melt_below, 4), "rows": 5},
    )  # fmt: skip
    folder = run(config, progress=False)
    values, facts = read_colvar(folder / "COLVAR"), json.loads((folder / "run.json").read_text())
    print(f"melted after {values['time'][-1]:.0f} ps, {facts['steps_per_second']:.0f} steps/s")
    visits = phase_visits(values["Q6"], limits.melt_below, limits.crystal_above)
    assert facts["ended"].startswith("Q6 is ")
    assert visits.ordered.tolist() == [True, False]
    melt = slice(-5, None)
    assert values["progress"][0] > 0.8 and values["progress"][melt].max() < 0.4
    assert np.corrcoef(values["progress"], values["Q6"])[0, 1] > 0.9
    volume = values["volume"] / 256
    assert volume[:20].mean() < 43.0 < volume[melt].mean()  # a second order parameter: the melt is larger
    assert len(ase.io.read(folder / "trajectory.extxyz", index=":")) >= 1
