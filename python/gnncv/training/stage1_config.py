"""Configuration of stage 1 as a part of the training of a configuration model."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gnncv.models.molecule_config import MoleculeConfig

from .molecule_config import MoleculeLossConfig, MoleculeOptimization


class Stage1Config(BaseModel):
    """The autoencoder of the molecules, whose embeddings the sites of the configuration start from."""

    model_config = ConfigDict(extra="forbid")

    use: Literal["frozen", "along", "none"] = Field(
        default="frozen",
        description="Train it first and leave it as it is, train it further along with stage 2, or do "
        "without: sites then do not know the conformations of their molecules.",
    )
    run: Path | None = Field(
        default=None, description="Folder of finished runs of stage 1, one a kind, instead of training it."
    )
    model: MoleculeConfig = Field(default_factory=MoleculeConfig, description="Its hyperparameters.")
    loss: MoleculeLossConfig = Field(
        default_factory=MoleculeLossConfig, description="Weights of the terms of its loss."
    )
    training: MoleculeOptimization = Field(
        default_factory=MoleculeOptimization, description="How long and how fast it is trained."
    )
