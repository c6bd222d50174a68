"""What a model looks at: sensitivities, attributions and how far they can be trusted.

Names are loaded when they are first used: sensitivities of a callable model need neither torch nor the native
library; attributions need torch, and those that stand on captum or torch_geometric these (`gnncv[explain]`).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gnncv.explain.attribution.gnn_explainer import gnn_explainer
    from gnncv.explain.attribution.graph_function import GraphFunction, as_graph_function
    from gnncv.explain.attribution.integrated_gradients import integrated_gradients
    from gnncv.explain.attribution.saliency import saliency
    from gnncv.explain.explanation import Explanation
    from gnncv.explain.foreign.torch_geometric_function import TorchGeometricFunction
    from gnncv.explain.formats import write_extxyz
    from gnncv.explain.grouping import ScoreTable, shell_boundaries
    from gnncv.explain.model import DifferentiableModel, as_model
    from gnncv.explain.per_site import write_per_site
    from gnncv.explain.sensitivity import graph_node_sensitivity
    from gnncv.explain.sensitivity_report import (
        sensitivity_picture,
        sensitivity_table,
        write_sensitivity_report,
    )

# name -> the module of this room that defines it
_HOMES = {
    "DifferentiableModel": "model",
    "Explanation": "explanation",
    "GraphFunction": "attribution.graph_function",
    "TorchGeometricFunction": "foreign.torch_geometric_function",
    "ScoreTable": "grouping",
    "as_graph_function": "attribution.graph_function",
    "as_model": "model",
    "gnn_explainer": "attribution.gnn_explainer",
    "graph_node_sensitivity": "sensitivity",
    "integrated_gradients": "attribution.integrated_gradients",
    "saliency": "attribution.saliency",
    "sensitivity_picture": "sensitivity_report",
    "sensitivity_table": "sensitivity_report",
    "shell_boundaries": "grouping",
    "write_extxyz": "formats",
    "write_per_site": "per_site",
    "write_sensitivity_report": "sensitivity_report",
}

__all__ = [
    "DifferentiableModel",
    "Explanation",
    "GraphFunction",
    "ScoreTable",
    "TorchGeometricFunction",
    "as_graph_function",
    "as_model",
    "gnn_explainer",
    "graph_node_sensitivity",
    "integrated_gradients",
    "saliency",
    "sensitivity_picture",
    "sensitivity_table",
    "shell_boundaries",
    "write_extxyz",
    "write_per_site",
    "write_sensitivity_report",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"gnncv.explain.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gnncv.explain' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
