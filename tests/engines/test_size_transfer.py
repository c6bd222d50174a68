"""A CV trained on 500 atoms means the same on 4000: its intensive outputs depend on the phase alone."""

from pathlib import Path

import numpy as np
import pytest
from ase.io import read, write

import gnncv
from argon_runs import ARGON
from gnncv.data import load_frames
from gnncv.demo import demo_frames, shipped_model
from gnncv.engines import RunConfig, run

MODEL = shipped_model()
GROWTH_STEPS = 1500
SHIPPED_SYSTEM = {"kind": "lennard-jones", "species": {"Ar": ARGON}, "cutoff_angstrom": 2.7 * 3.405}


def simulate_4000(phase: str, folder: Path) -> list:
    """Frames of 4000 atoms at the shipped frames' state, from a replicated frame with new velocities."""
    start = load_frames(demo_frames()[phase], phase, "50")[0].repeat(2)
    write(folder / "start.extxyz", start, format="extxyz")
    plan = {
        "engine": "openmm",
        "start": str(folder / "start.extxyz"),
        "system": SHIPPED_SYSTEM,
        "output": str(folder / "run"),
        "steps": GROWTH_STEPS,
        "timestep_fs": 4.0,
        "ensemble": "npt",
        "temperature_kelvin": 82.0,
        "pressure_bar": 1.0,
        "colvar_stride": 500,
        "trajectory_stride": 100,
        "checkpoint_stride": GROWTH_STEPS,
        "seed": 1,
        "threads": 2,
    }
    run(RunConfig.from_dict(plan), progress=False)
    return read(folder / "run" / "trajectory.extxyz", index="6:")


def outputs(frames: list, cv: gnncv.CollectiveVariable) -> np.ndarray:
    return np.array([cv.compute(atoms, outputs=[]).values for atoms in frames])


def test_4000_atoms_have_the_intensive_outputs_of_500(tmp_path: Path) -> None:
    """Within 1 % of the gap between the phases, and three standard errors of the means."""
    cv = gnncv.CollectiveVariable(str(MODEL))
    intensive = [o["name"] for o in cv.metadata["outputs"] if o["kind"] == "intensive"]
    small = {p: outputs(load_frames(path, p, "::5"), cv) for p, path in demo_frames().items()}
    gap = np.abs(small["crystal"].mean(axis=0) - small["melt"].mean(axis=0))
    gap[cv.names.index("deviation")] = 1.0  # near zero in both phases, and in units of the gap already
    for phase, values in small.items():
        (tmp_path / phase).mkdir()
        large = outputs(simulate_4000(phase, tmp_path / phase), cv)
        # frames of the short run are correlated: count two of them as one
        errors = np.hypot(
            values.std(axis=0) / np.sqrt(len(values)), large.std(axis=0) / np.sqrt(len(large) / 2)
        )
        for name in intensive:
            k = cv.names.index(name)
            difference = abs(large[:, k].mean() - values[:, k].mean())
            print(f"{phase} {name}: {difference / gap[k]:.4f} of the gap, error {errors[k] / gap[k]:.4f}")
            assert difference <= 0.01 * gap[k] + 3.0 * errors[k], (phase, name)


def test_one_atom_count_is_not_another(tmp_path: Path) -> None:
    """The extensive output tells the sizes apart: eight times the atoms, eight times the solid."""
    cv = gnncv.CollectiveVariable(str(MODEL))
    crystal = load_frames(demo_frames()["crystal"], "crystal", "3")[0]
    few, many = cv.compute(crystal, outputs=[]), cv.compute(crystal.repeat(2), outputs=[])
    assert many["ncrystal"] == pytest.approx(8.0 * few["ncrystal"], rel=1e-6)
    assert many["progress"] == pytest.approx(few["progress"], abs=1e-5)
