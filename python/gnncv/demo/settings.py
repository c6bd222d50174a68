"""How the demonstration trains and runs: the default model, and argon pushed out of the crystal."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from gnncv.engines.config import RunConfig
from gnncv.rounds.thresholds import OrderThresholds
from gnncv.training import TrainConfig

from .frames import demo_frames, shipped_order

SIGMA: Final = 3.405  # A
ORDER_CUTOFF: Final = 1.5 * SIGMA  # A, as in data/README.md
TEMPERATURE: Final = 82.0  # K
TIMESTEP_FS: Final = 4.0
STEPS: Final = 125_000
EQUILIBRATION_STEPS: Final = 5_120
ROW_STRIDE: Final = 64
FRAME_STRIDE: Final = 512
MELT_PS: Final = 60.0
"""The run ends when it was in the melt, by q6, for this long without a break."""


def training_config(seed: int = 0) -> TrainConfig:
    """Train the default model on the shipped frames, the cutoff at two neighbor shells of the crystal."""
    phases = {phase: [str(path)] for phase, path in demo_frames().items()}
    return TrainConfig.model_validate(
        {
            "data": {"phases": phases, "reference": "melt"},
            "model": {"cutoff": 6.0},
            "training": {"seed": seed},
        }
    )


def thresholds() -> tuple[OrderThresholds, OrderThresholds]:
    """Return the thresholds of mean averaged q6 and of global Q6, from the shipped frames' own values."""
    melt, crystal = shipped_order("melt"), shipped_order("crystal")
    averaged = OrderThresholds.learn(melt["averaged_q6"], crystal["averaged_q6"])
    return averaged, OrderThresholds.learn(melt["global_q6"], crystal["global_q6"])


def run_config(
    model: Path, start: Path, output: Path, seed: int = 0, steps: int = STEPS, threads: int = 1
) -> RunConfig:
    """Bias ``progress`` of 256 argon atoms at 82 K and 1 bar by well-tempered metadynamics.

    1 kJ/mol every 0.5 ps with a bias factor of 60 pushes hard: it shows a transition within minutes, not a
    converged free energy. The CV is evaluated every fourth step of 4 fs (multiple time steps).
    """
    averaged, _ = thresholds()
    common = _common(start, seed, threads)
    rows = round(MELT_PS * 1e3 / (ROW_STRIDE * TIMESTEP_FS))
    return RunConfig.from_dict(
        {
            **common,
            "cv": str(model),
            "output": str(output),
            "steps": steps,
            "bias": {
                "kind": "metadynamics",
                "cv": "progress",
                "sigma": 0.03,
                "height_kj_mol": 1.0,
                "pace": 128,
                "biasfactor": 60.0,
            },
            "cv_every": 4,
            "colvar_stride": ROW_STRIDE,
            "trajectory_stride": FRAME_STRIDE,
            "checkpoint_stride": 4096,
            "order_parameter_stride": ROW_STRIDE,
            "order_parameter_cutoff_angstrom": ORDER_CUTOFF,
            "stop_when": {"order_parameter": "q6", "below": round(averaged.melt_below, 4), "rows": rows},
        }
    )


def equilibration_config(start: Path, output: Path, seed: int = 0, threads: int = 1) -> RunConfig:
    """Let the perfect lattice become a crystal at 82 K and 1 bar: 20 ps without bias."""
    strides = {"colvar_stride": ROW_STRIDE, "trajectory_stride": FRAME_STRIDE, "checkpoint_stride": 4096}
    plan = _common(start, seed, threads) | {"output": str(output), "steps": EQUILIBRATION_STEPS} | strides
    return RunConfig.from_dict(plan)


def _common(start: Path, seed: int, threads: int) -> dict[str, Any]:
    """What both runs share: the argon of the shipped frames (data/README.md)."""
    return {
        "engine": "openmm",
        "start": str(start),
        "system": {
            "kind": "lennard-jones",
            "species": {"Ar": {"sigma_angstrom": SIGMA, "epsilon_kj_mol": 0.99607}},
            "cutoff_angstrom": 2.7 * SIGMA,
            "tail_correction": True,
        },
        "timestep_fs": TIMESTEP_FS,
        "ensemble": "npt",
        "temperature_kelvin": TEMPERATURE,
        "pressure_bar": 1.0,
        "friction_per_ps": 1.0,
        "seed": seed,
        "threads": threads,
    }
