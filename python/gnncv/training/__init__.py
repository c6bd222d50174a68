"""Training of the graph autoencoder with Lightning, and the folder a run leaves."""

from .config import DataConfig, LossConfig, OptimizationConfig, TrainConfig
from .fit import configured_frames, fit
from .run_folder import TrainedRun, load_run

__all__ = [
    "DataConfig",
    "LossConfig",
    "OptimizationConfig",
    "TrainConfig",
    "TrainedRun",
    "configured_frames",
    "fit",
    "load_run",
]
