"""What may not be exported, and why: a CV that biases dynamics must have continuous values and forces."""

from gnncv.errors import ModelError
from gnncv.models import ModelConfig
from gnncv.nn import SMOOTH_ACTIVATIONS


def refuse_discontinuous(config: ModelConfig) -> None:
    """Raise :class:`ModelError` for the first choice that makes the CV or its forces jump."""
    smooth = ", ".join(SMOOTH_ACTIVATIONS)
    if config.activation not in SMOOTH_ACTIVATIONS:
        raise ModelError(
            f"activation {config.activation!r} has a kink: forces on the atoms would jump where its input "
            f"crosses zero; train with one of {smooth}"
        )
    if config.switching == "none":
        raise ModelError(
            "switching 'none' lets the CV jump whenever an atom crosses the cutoff; train with 'quintic'"
        )
    if config.pooling == "max":
        raise ModelError(
            "pooling 'max' makes forces jump from one site to another when the largest changes; "
            "train with 'mean' (size-independent) or 'sum'"
        )
    if config.message == "attention" and config.n_layers > 0 and config.attention_constant == 0.0:
        raise ModelError(
            "attention_constant 0 gives the only neighbor of a site full weight up to the cutoff, where it "
            "vanishes at once; train with a positive constant, for instance 1"
        )
