"""How long and how fast a model is trained."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Optimization(BaseModel):
    """How long and how fast to train: what all models share."""

    model_config = ConfigDict(extra="forbid")

    epochs: int = Field(default=30, ge=1, description="At most this many passes over the data.")
    patience: int = Field(default=8, ge=1, description="Epochs without a better validation loss to stop.")
    batch_size: int = Field(default=8, ge=1, description="Frames a step.")
    learning_rate: float = Field(
        default=3e-3, gt=0, description="Of AdamW at the start; it falls along a cosine to 2 %."
    )
    weight_decay: float = Field(default=1e-4, ge=0, description="Of AdamW.")
    gradient_clip: float = Field(default=1.0, gt=0, description="Largest norm of the parameters' gradient.")
    seed: int = Field(default=0, ge=0, description="Of weights, order, augmentation and latent noise.")
    threads: int | None = Field(default=None, ge=1, description="CPU threads; torch's choice if absent.")
    accelerator: Literal["cpu", "auto"] = Field(
        default="auto", description="auto takes a GPU if there is one."
    )


class OptimizationConfig(Optimization):
    """How long and how fast to train."""

    tables: bool = Field(
        default=True,
        description="Evaluate functions of distance at the knots of tables instead of at every pair: several "
        "times faster on the CPU, the same within 1e-6. Off for losses that need second derivatives.",
    )
    checkpoint_every: int = Field(
        default=5,
        ge=0,
        description="Epochs from one file of weights, `checkpoints/epoch-*.ckpt`, to the next (about 64 kB "
        "each): what `gnncv.explain.tracin` needs. 0 leaves none.",
    )
