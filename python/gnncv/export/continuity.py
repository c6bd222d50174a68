"""What may not be exported, and why: a CV that biases dynamics must have continuous values and forces."""

from gnncv.errors import ModelError
from gnncv.models import ModelConfig
from gnncv.nn.layers import first_refused


def refuse_unfit(config: ModelConfig) -> None:
    """Raise :class:`ModelError` for the first choice that a biased CV may not be made with.

    The CV or its forces would jump, change with the frame of reference, depend on more than the positions or
    mean something else in a box of another size. Reasons are those of the registry of layers.
    """
    refused = first_refused(config.model_dump())
    if refused is not None:
        raise ModelError(refused.refusal)
