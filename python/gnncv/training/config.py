"""Configuration of a training run, as a YAML file gives it."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gnncv.configuration import load_configuration
from gnncv.data import Augmentation
from gnncv.models.config import ModelConfig
from gnncv.topology import MoleculeEntry

from .optimization_config import OptimizationConfig
from .stage1_config import Stage1Config


class DataConfig(BaseModel):
    """Which frames to train on, and how they are split."""

    model_config = ConfigDict(extra="forbid")

    phases: dict[str, list[Path]] = Field(
        default_factory=dict, description="Trajectories of each named phase, in any format ASE reads."
    )
    unlabeled: list[Path] = Field(default_factory=list, description="Trajectories without a label.")
    reference: str = Field(
        default="melt", description="The disordered phase that `progress` starts from; one of `phases`."
    )
    index: str = Field(default=":", description="Slice of every trajectory, as ASE writes it.")
    validation_fraction: float = Field(default=0.2, gt=0, lt=1, description="Share of the frames.")
    validation_blocks: int = Field(default=2, ge=1, description="Blocks of time a trajectory.")
    gap: int | None = Field(
        default=None,
        ge=0,
        description="Frames left out beside a block; twice the correlation time if absent.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> "DataConfig":
        if not self.phases and not self.unlabeled:
            raise ValueError("give trajectories under `phases`, or under `unlabeled`")
        if self.phases and self.reference not in self.phases:
            raise ValueError(
                f"reference {self.reference!r} is none of the phases {', '.join(self.phases)}: labels missing"
            )
        return self

    def phase_names(self) -> list[str]:
        """Phases, the reference first."""
        return sorted(self.phases, key=lambda name: name != self.reference)


class LossConfig(BaseModel):
    """Weights of the terms of the loss."""

    model_config = ConfigDict(extra="forbid")

    reconstruction: float = Field(default=1.0, ge=0, description="Environment invariants.")
    adjacency: float = Field(default=0.1, ge=0, description="Adjacency of neighboring sites.")
    divergence: float = Field(
        default=1e-3, ge=0, description="Kullback-Leibler term of the latents; 0 leaves a plain autoencoder."
    )
    phase: float = Field(default=0.5, ge=0, description="Phase labels, where there are any.")
    pooled: float = Field(
        default=0.5,
        ge=0,
        description="Phase, or mean invariants, from the pooled latent; not for `pooling` mean and sum.",
    )


class ClustersConfig(BaseModel):
    """Phases found as clusters of the frames' latents, for data without labels."""

    model_config = ConfigDict(extra="forbid")

    count: int | None = Field(
        default=None, ge=2, le=10, description="How many; by the Bayesian information criterion if absent."
    )
    most: int = Field(
        default=4, ge=2, le=10, description="The largest number tried, where `count` is absent."
    )
    order: Literal["volume", "population"] = Field(
        default="volume",
        description="The reference, `cluster-1`, is that of the largest mean volume per atom (of the most "
        "frames where volumes are the same), or of the most frames.",
    )


class TrainConfig(BaseModel):
    """Everything ``gnncv train`` needs to know."""

    model_config = ConfigDict(extra="forbid")

    data: DataConfig
    molecules: list[MoleculeEntry] = Field(
        default_factory=list, description="Kinds of molecules; without, every atom is a site."
    )
    stage1: Stage1Config = Field(
        default_factory=Stage1Config, description="The autoencoder of the molecules, if there are any."
    )
    model: ModelConfig
    augmentation: Augmentation = Field(default_factory=Augmentation)
    loss: LossConfig = Field(default_factory=LossConfig)
    training: OptimizationConfig = Field(default_factory=OptimizationConfig)
    clusters: ClustersConfig | None = Field(
        default=None, description="Find phases as clusters, where frames are not labeled."
    )

    @model_validator(mode="after")
    def _labels_or_clusters(self) -> "TrainConfig":
        if self.clusters is not None and self.data.phases:
            raise ValueError(
                "clusters are for frames without labels: give them under `unlabeled` of `data`, not `phases`"
            )
        if not self.model.decoder and not self.data.phases:
            raise ValueError(
                "model.decoder is off, and a classifier alone needs labels: give `phases` of `data`"
            )
        return self

    @classmethod
    def from_yaml(cls, path: str | Path) -> "TrainConfig":
        """Read and check a YAML file; :class:`InvalidArgument` names line, key and what is allowed."""
        return load_configuration(path, cls)
