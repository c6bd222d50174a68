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
    from gnncv.explain.foreign.molecule import to_molecule
    from gnncv.explain.foreign.mutagenicity import mutagenicity, tu_dataset
    from gnncv.explain.foreign.nitro_molecules import nitro_molecules
    from gnncv.explain.foreign.torch_geometric_function import TorchGeometricFunction
    from gnncv.explain.formats import write_extxyz
    from gnncv.explain.grouping import ScoreTable, shell_boundaries
    from gnncv.explain.influence import Influence, self_influence, tracin
    from gnncv.explain.measured_trust.curves import FidelityCurves, fidelity_curves
    from gnncv.explain.measured_trust.measure import TrustSettings, trust
    from gnncv.explain.measured_trust.ranking import Agreement, agreement
    from gnncv.explain.measured_trust.report import MethodTrust, TrustReport
    from gnncv.explain.measured_trust.stability import Stability, stability
    from gnncv.explain.measured_trust.sufficiency import Fidelity, fidelity
    from gnncv.explain.measured_trust.weights import WeightRandomization, weight_randomization
    from gnncv.explain.model import DifferentiableModel, as_model
    from gnncv.explain.over_frames import explain_frames
    from gnncv.explain.per_site import write_per_site
    from gnncv.explain.perturbed.perturbation import perturbation
    from gnncv.explain.pictures.molecule_graph import draw_molecule
    from gnncv.explain.report import AlongRun, write_run_report
    from gnncv.explain.scored_frames import ScoredFrame, ScoredFrames
    from gnncv.explain.sensitivity import graph_node_sensitivity, node_sensitivity
    from gnncv.explain.sensitivity_report import (
        sensitivity_picture,
        sensitivity_table,
        write_sensitivity_report,
    )
    from gnncv.explain.sensitivity_summary import SensitivitySummary

# name -> the module of this room that defines it
_HOMES = {
    "Agreement": "measured_trust.ranking",
    "AlongRun": "report",
    "DifferentiableModel": "model",
    "Explanation": "explanation",
    "Fidelity": "measured_trust.sufficiency",
    "FidelityCurves": "measured_trust.curves",
    "GraphFunction": "attribution.graph_function",
    "Influence": "influence",
    "MethodTrust": "measured_trust.report",
    "ScoreTable": "grouping",
    "ScoredFrame": "scored_frames",
    "ScoredFrames": "scored_frames",
    "SensitivitySummary": "sensitivity_summary",
    "Stability": "measured_trust.stability",
    "TorchGeometricFunction": "foreign.torch_geometric_function",
    "TrustReport": "measured_trust.report",
    "TrustSettings": "measured_trust.measure",
    "WeightRandomization": "measured_trust.weights",
    "agreement": "measured_trust.ranking",
    "as_graph_function": "attribution.graph_function",
    "as_model": "model",
    "draw_molecule": "pictures.molecule_graph",
    "explain_frames": "over_frames",
    "fidelity": "measured_trust.sufficiency",
    "fidelity_curves": "measured_trust.curves",
    "gnn_explainer": "attribution.gnn_explainer",
    "graph_node_sensitivity": "sensitivity",
    "integrated_gradients": "attribution.integrated_gradients",
    "mutagenicity": "foreign.mutagenicity",
    "nitro_molecules": "foreign.nitro_molecules",
    "node_sensitivity": "sensitivity",
    "perturbation": "perturbed.perturbation",
    "saliency": "attribution.saliency",
    "self_influence": "influence",
    "sensitivity_picture": "sensitivity_report",
    "sensitivity_table": "sensitivity_report",
    "shell_boundaries": "grouping",
    "stability": "measured_trust.stability",
    "to_molecule": "foreign.molecule",
    "tracin": "influence",
    "trust": "measured_trust.measure",
    "tu_dataset": "foreign.mutagenicity",
    "weight_randomization": "measured_trust.weights",
    "write_extxyz": "formats",
    "write_per_site": "per_site",
    "write_run_report": "report",
    "write_sensitivity_report": "sensitivity_report",
}

__all__ = [
    "Agreement",
    "AlongRun",
    "DifferentiableModel",
    "Explanation",
    "Fidelity",
    "FidelityCurves",
    "GraphFunction",
    "Influence",
    "MethodTrust",
    "ScoreTable",
    "ScoredFrame",
    "ScoredFrames",
    "SensitivitySummary",
    "Stability",
    "TorchGeometricFunction",
    "TrustReport",
    "TrustSettings",
    "WeightRandomization",
    "agreement",
    "as_graph_function",
    "as_model",
    "draw_molecule",
    "explain_frames",
    "fidelity",
    "fidelity_curves",
    "gnn_explainer",
    "graph_node_sensitivity",
    "integrated_gradients",
    "mutagenicity",
    "nitro_molecules",
    "node_sensitivity",
    "perturbation",
    "saliency",
    "self_influence",
    "sensitivity_picture",
    "sensitivity_table",
    "shell_boundaries",
    "stability",
    "to_molecule",
    "tracin",
    "trust",
    "tu_dataset",
    "weight_randomization",
    "write_extxyz",
    "write_per_site",
    "write_run_report",
    "write_sensitivity_report",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"gnncv.explain.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gnncv.explain' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
