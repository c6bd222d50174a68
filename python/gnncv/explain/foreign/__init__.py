"""Models of torch_geometric that others wrote, their data sets and their molecules."""

from gnncv.explain.foreign.torch_geometric_function import TorchGeometricFunction

__all__ = ["TorchGeometricFunction"]
