"""Non-linearities by name, and which of them have continuous derivatives."""

from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
}
"""Every activation a configuration may name."""

SMOOTH_ACTIVATIONS = ("silu", "softplus", "tanh")
"""Those whose derivative is continuous: an exported CV may only use these."""
