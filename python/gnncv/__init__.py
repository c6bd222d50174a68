"""gnncv: learned collective variables, trained in PyTorch and evaluated with forces by a C++ core.

Names are loaded when they are first used, so that `gnncv.analysis` or `gnncv.files` need neither torch nor
the compiled library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gnncv.errors import DeviceError, GnncvError, InvalidArgument, ModelError, OutputExists

if TYPE_CHECKING:
    from gnncv.committee import Committee
    from gnncv.cv import CollectiveVariable, Result
    from gnncv.data import GraphDataset, load_frames
    from gnncv.export import export
    from gnncv.jacobian import SmartDerivatives, SparseJacobian
    from gnncv.models import GraphAutoencoder
    from gnncv.training import fit

__version__ = "0.1.0"

# name -> the module that defines it
_HOMES = {
    "CollectiveVariable": "gnncv.cv",
    "Committee": "gnncv.committee",
    "Result": "gnncv.cv",
    "GraphAutoencoder": "gnncv.models",
    "GraphDataset": "gnncv.data",
    "SmartDerivatives": "gnncv.jacobian",
    "SparseJacobian": "gnncv.jacobian",
    "load_frames": "gnncv.data",
    "fit": "gnncv.training",
    "export": "gnncv.export",
}
_ROOMS = (
    "analysis",
    "cli",
    "committee",
    "data",
    "demo",
    "engines",
    "explain",
    "files",
    "jacobian",
    "models",
    "nn",
    "plumed",
    "rounds",
    "topology",
    "training",
)

__all__ = [
    "CollectiveVariable",
    "Committee",
    "DeviceError",
    "GnncvError",
    "GraphAutoencoder",
    "GraphDataset",
    "InvalidArgument",
    "ModelError",
    "OutputExists",
    "Result",
    "SmartDerivatives",
    "SparseJacobian",
    "__version__",
    "cmake_prefix_path",
    "export",
    "fit",
    "load_frames",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _ROOMS:
        return importlib.import_module(f"gnncv.{name}")
    if name == "cmake_prefix_path":
        from gnncv._native import package_folder

        return str(package_folder() / "lib" / "cmake")
    raise AttributeError(f"module 'gnncv' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
