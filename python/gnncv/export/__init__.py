"""Export of a trained model to one TorchScript file, checked against the PyTorch model."""

from .exporter import export
from .self_check import SelfCheck

__all__ = ["SelfCheck", "export"]
