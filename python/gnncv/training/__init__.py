"""Training of the graph autoencoder with Lightning, and the folder a run leaves."""

from .config import DataConfig, LossConfig, OptimizationConfig, TrainConfig
from .fit import fit
from .run_folder import TrainedRun, load_run

__all__ = [
    "DataConfig",
    "LossConfig",
    "OptimizationConfig",
    "TrainConfig",
    "TrainedRun",
    "fit",
    "load_run",
]
