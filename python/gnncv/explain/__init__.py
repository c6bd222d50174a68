"""What a model looks at: sensitivities and per-site values, for gnncv's CVs and for any callable model.

Importing this room needs neither torch nor the native library; a model file needs both.
"""

from gnncv.explain.model import DifferentiableModel, as_model
from gnncv.explain.per_site import write_per_site
from gnncv.explain.sensitivity import graph_node_sensitivity
from gnncv.explain.sensitivity_report import sensitivity_picture, sensitivity_table, write_sensitivity_report

__all__ = [
    "DifferentiableModel",
    "as_model",
    "graph_node_sensitivity",
    "sensitivity_picture",
    "sensitivity_table",
    "write_per_site",
    "write_sensitivity_report",
]
