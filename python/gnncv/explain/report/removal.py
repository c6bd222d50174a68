"""Scores held against taking sites out: whether they also are what the output's value stands on."""

from __future__ import annotations

from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation
from gnncv.explain.measured_trust.curves import FidelityCurves, fidelity_curves
from gnncv.explain.report.frame_view import ExplainedModel, FrameView

STEPS = 5
RANDOM_ORDERS = 8


def check_by_removal(model: ExplainedModel, view: FrameView, output: str) -> FidelityCurves | None:
    """Deletion and insertion of the sites of one frame in the order of their scores, beside random orders.

    A site goes with all its pairs. ``None`` where nothing is lost when all are gone.
    """
    function = model.graph_function(view.atoms, output)
    explanation = Explanation(
        view.scores, "nodes", list(view.labels), output, "node sensitivity", "1/Å", model.hash, view.value,
        edge_index=function.edge_index.numpy(),
    )  # fmt: skip
    try:
        return fidelity_curves(
            explanation, function, steps=STEPS, random_orders=RANDOM_ORDERS, show_progress=False
        )
    except InvalidArgument:
        return None
