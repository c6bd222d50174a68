"""Configuration of the molecule autoencoder."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class MoleculeConfig(BaseModel):
    """Hyperparameters of :class:`gnncv.models.MoleculeAutoencoder`, stage 1."""

    model_config = ConfigDict(extra="forbid")

    embedding: int = Field(default=8, ge=1, le=64, description="Numbers in the embedding of a molecule.")
    width: int = Field(default=32, ge=1, description="Channels of the atoms' features.")
    n_layers: int = Field(
        default=2, ge=1, le=8, description="Rounds of message passing along bonds and pairs."
    )
    n_basis: int = Field(
        default=8, ge=2, le=64, description="Gaussians that each distance and cosine is expanded in."
    )
    pooling: Literal["attention", "mean"] = Field(
        default="attention", description="Atoms to molecule: each counts as it has learned to, or the same."
    )
    activation: Literal["silu", "softplus", "tanh"] = Field(
        default="silu", description="Smooth ones only: the embedding is part of the CV."
    )
    decoder_width: int = Field(default=128, ge=1, description="Channels of the decoder's two hidden layers.")
    distance_floor: float = Field(
        default=0.01, gt=0, description="Spread of a distance, angstrom, below which it counts as stiff."
    )
    cosine_floor: float = Field(default=0.01, gt=0, description="The same for the cosine of a torsion.")
    max_symmetries: int = Field(
        default=500,
        ge=1,
        description="Up to so many symmetries of the molecular graph, rebuilt and true molecule are compared "
        "in each; beyond, sorted values of equivalent descriptors are.",
    )
