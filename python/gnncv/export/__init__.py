"""Export of a trained model to one TorchScript file, checked against the PyTorch model."""

import sys
from types import ModuleType
from typing import Any

from .exporter import export
from .self_check import SelfCheck
from .widened import export_widened

__all__ = ["SelfCheck", "export", "export_widened"]


class _Export(ModuleType):
    """Once this package is imported, ``gnncv.export`` is the package; it is called like the function."""

    def __call__(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        return export(*arguments, **options)


sys.modules[__name__].__class__ = _Export
