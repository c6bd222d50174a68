"""Training of the graph autoencoder and of molecule autoencoders with Lightning, and the folders of runs."""

from .committee import committee_runs, fit_committee
from .config import DataConfig, LossConfig, TrainConfig
from .fit import configured_frames, fit
from .molecule_config import MoleculeLossConfig, MoleculeOptimization, MoleculeTrainConfig
from .molecules import MoleculeRun, fit_molecule, fit_molecules, frame_descriptors, load_molecule_run
from .optimization_config import OptimizationConfig
from .run_folder import TrainedRun, load_run
from .stage1_config import Stage1Config

__all__ = [
    "DataConfig",
    "LossConfig",
    "MoleculeLossConfig",
    "MoleculeOptimization",
    "MoleculeRun",
    "MoleculeTrainConfig",
    "OptimizationConfig",
    "Stage1Config",
    "TrainConfig",
    "TrainedRun",
    "committee_runs",
    "configured_frames",
    "fit",
    "fit_committee",
    "fit_molecule",
    "fit_molecules",
    "frame_descriptors",
    "load_molecule_run",
    "load_run",
]
