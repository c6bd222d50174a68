"""The libraries behind `gnncv[explain]` (and RDKit), imported where they are needed first."""

from __future__ import annotations

import importlib
import warnings
from types import ModuleType

from gnncv.errors import InvalidArgument

# What is used of torch_geometric: some of it is loaded by it only on import.
_PARTS = ("data", "explain", "loader", "nn", "transforms", "utils")


def torch_geometric() -> ModuleType:
    """torch_geometric with ``data``, ``explain``, ``loader``, ``nn``, ``transforms`` and ``utils`` loaded.

    Raises
    ------
    InvalidArgument
        If it is not installed.
    """
    module = _imported("torch_geometric", "torch-geometric")
    for part in _PARTS:
        _imported(f"torch_geometric.{part}", "torch-geometric")
    return module


def captum_attr() -> ModuleType:
    """``captum.attr``: saliency, integrated gradients and the like; raises as :func:`torch_geometric`."""
    return _imported("captum.attr", "captum")


def captum_influence() -> ModuleType:
    """``captum.influence``: TracIn; raises as :func:`torch_geometric`."""
    return _imported("captum.influence", "captum")


def rdkit_chem() -> ModuleType:
    """``rdkit.Chem`` and its 2-D coordinates; where it is missing, ``gnncv[molecules]`` is named."""
    _imported("rdkit.Chem.rdDepictor", "rdkit", "molecules")
    return _imported("rdkit.Chem", "rdkit", "molecules")


def _imported(name: str, project: str, extra: str = "explain") -> ModuleType:
    with warnings.catch_warnings():
        # torch deprecated what torch_geometric still does when it is imported
        warnings.filterwarnings("ignore", message=".*torch.jit.*", category=DeprecationWarning)
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and error.name != name.partition(".")[0]:
                raise
            raise InvalidArgument(f"{project} is not installed; pip install 'gnncv[{extra}]'") from None
