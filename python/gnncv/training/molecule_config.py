"""Configuration of the training of molecule autoencoders, stage 1."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from gnncv.configuration import load_configuration
from gnncv.models import MoleculeConfig

from .optimization_config import Optimization


class MoleculeLossConfig(BaseModel):
    """Weights of the terms of the molecules' loss."""

    model_config = ConfigDict(extra="forbid")

    reconstruction: float = Field(default=1.0, ge=0, description="Distances and cosines of torsions.")
    types: float = Field(default=0.1, ge=0, description="Elements of the atoms.")
    slope: float = Field(
        default=0.01, ge=0, description="Slope of the embedding: keeps the CV's forces moderate."
    )
    divergence: float = Field(
        default=0.0,
        ge=0,
        description="Kullback-Leibler term of the embedding; above 0 the autoencoder is variational.",
    )


class MoleculeOptimization(Optimization):
    """How long and how fast to train a molecule autoencoder."""

    epochs: int = Field(default=60, ge=1, description="At most this many passes over the data.")
    patience: int = Field(default=12, ge=1, description="Epochs without a better validation loss to stop.")
    batch_size: int = Field(default=128, ge=1, description="Molecules a step.")


class MoleculeTrainConfig(BaseModel):
    """How stage 1 is trained: on the molecules of frames, each kind by itself."""

    model_config = ConfigDict(extra="forbid")

    model: MoleculeConfig = Field(default_factory=MoleculeConfig, description="Size of the autoencoder.")
    loss: MoleculeLossConfig = Field(default_factory=MoleculeLossConfig, description="What is minimized.")
    training: MoleculeOptimization = Field(default_factory=MoleculeOptimization, description="How long.")
    validation_fraction: float = Field(default=0.2, gt=0, lt=1, description="Share of the frames.")
    validation_blocks: int = Field(default=2, ge=1, description="Blocks of time a trajectory.")
    gap: int | None = Field(
        default=None,
        ge=0,
        description="Frames left out beside a block; twice the correlation time if absent.",
    )
    color_by: tuple[int, int, int, int] | None = Field(
        default=None,
        description="Torsion whose cosine colors `conformers.png`, as four atoms; the most flexible one of "
        "the heaviest atoms if absent.",
    )

    @classmethod
    def from_yaml(cls, path: str | Path) -> "MoleculeTrainConfig":
        """Read and check a YAML file; :class:`InvalidArgument` names line, key and what is allowed."""
        return load_configuration(path, cls)
