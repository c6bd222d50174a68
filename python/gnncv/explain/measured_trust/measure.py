"""Everything there is to measure of explanations, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from gnncv.errors import InvalidArgument
from gnncv.explain.attribution.graph_function import GraphFunction, as_graph_function
from gnncv.explain.explanation import Explanation
from gnncv.explain.measured_trust.calling import Explain, in_one_shape
from gnncv.explain.measured_trust.curves import Order, curves_beside, random_deletions
from gnncv.explain.measured_trust.ranking import agreement
from gnncv.explain.measured_trust.removal import Removal, Removed, removed_input
from gnncv.explain.measured_trust.report import MethodTrust, TrustReport
from gnncv.explain.measured_trust.stability import stability
from gnncv.explain.measured_trust.sufficiency import fidelity_of
from gnncv.explain.measured_trust.weights import Scheme, weight_randomization

Array = NDArray[np.float64]
Explained = Explanation | Explain


@dataclass(frozen=True)
class TrustSettings:
    """How much is measured.

    Attributes
    ----------
    size
        How many count as the highest; a tenth if ``None``.
    order, remove, baseline, steps, random_orders
        Of deletion and insertion, see :func:`gnncv.explain.fidelity_curves`.
    jitter, copies
        Of stability, see :func:`gnncv.explain.stability`; no copies: not measured.
    scheme, stages, draws
        Of the weight randomization, see :func:`gnncv.explain.weight_randomization`; no draws: not measured.
    seed
        Of everything random.
    """

    size: int | None = None
    order: Order | None = None
    remove: Removed | None = None
    baseline: str | None = None
    steps: int = 10
    random_orders: int = 20
    jitter: float = 0.01
    copies: int = 5
    scheme: Scheme = "cascading"
    stages: int = 4
    draws: int = 3
    seed: int = 0


def _by_name(explanations: Any) -> dict[str, Explained]:
    """Explanations and methods by name; what has none is named after its method."""
    if isinstance(explanations, Mapping):
        named = dict(explanations)
    else:
        listed = explanations if isinstance(explanations, Sequence) else [explanations]
        named = {}
        for one in listed:
            name = (
                one.method if isinstance(one, Explanation) else getattr(one, "__name__", type(one).__name__)
            )
            if name in named:
                raise InvalidArgument(f"two explanations are called {name}; give a mapping with names")
            named[name] = one
    if not named:
        raise InvalidArgument("there are no explanations to judge")
    for name, one in named.items():
        if not isinstance(one, Explanation) and not callable(one):
            raise InvalidArgument(f"{name} is a {type(one).__name__}; give an Explanation or a method")
    return named


class _Measurement:
    """One graph, output and settings, and the measurements of one method after the other."""

    def __init__(
        self,
        model: Any,
        graph: Any,
        over: str,
        output: int | str,
        settings: TrustSettings,
        show_progress: bool,
    ) -> None:
        self.model, self.graph, self.over, self.output = model, graph, over, output
        self.settings, self.show_progress = settings, show_progress
        self.function: GraphFunction = as_graph_function(model, graph, output)
        self._shared: tuple[Removal, Array] | None = None
        # a model can explain a moved frame; a function is of its one graph
        self.can_move = graph is not None and (
            hasattr(model, "graph_function") or isinstance(model, nn.Module)
        )

    def _removal(self) -> tuple[Removal, Array]:
        """What takes parts out, and curves of random orders: the same for every method."""
        if self._shared is None:
            chosen = self.settings
            removal = Removal(self.function, self.over, chosen.remove, chosen.baseline)
            random = random_deletions(
                removal, chosen.steps, chosen.random_orders, chosen.seed, self.show_progress
            )
            self._shared = removal, random
        return self._shared

    def explained(self, one: Explained) -> Explanation:
        if isinstance(one, Explanation):
            return one
        return in_one_shape(one)(self.function, self.graph, over=self.over, output=self.output)

    def _of_moved(self, one: Explain) -> Explain:
        """The method on the function of a moved frame, as on that of the frame itself."""
        method = in_one_shape(one)

        def explain(model: Any, graph: Any, /, *, over: str, output: int | str) -> Explanation:
            return method(as_graph_function(model, graph, output), graph, over=over, output=output)

        return explain

    def _why_not(self, one: Explained) -> dict[str, str]:
        """What cannot be measured, and why."""
        settings, why = self.settings, {}
        needed = removed_input(self.function, self.over, settings.remove)
        if needed not in self.function.inputs:
            why["fidelity"] = f"the function has no {needed} to take out"
        if settings.copies < 1:
            why["stability"] = "no copies asked for"
        elif isinstance(one, Explanation):
            why["stability"] = "an explanation was given, not the method"
        elif not self.can_move:
            why["stability"] = "a function of one graph was given, not the model and the graph"
        elif not hasattr(self.graph, "positions") and getattr(self.graph, "pos", None) is None:
            why["stability"] = "the graph has no positions"
        if settings.draws < 1:
            why["weights"] = "no draws asked for"
        elif isinstance(one, Explanation):
            why["weights"] = "an explanation was given, not the method"
        elif self.function.model is None:
            why["weights"] = "the function comes without its network"
        return why

    def judge(self, name: str, one: Explained) -> MethodTrust:
        settings, why = self.settings, self._why_not(one)
        explanation = self.explained(one)
        if explanation.over != self.over:
            raise InvalidArgument(f"{name} is over {explanation.over}, not over {self.over}")
        ask: dict[str, Any] = {
            "over": self.over,
            "output": self.output,
            "size": settings.size,
            "seed": settings.seed,
        }
        ask |= {"explanation": explanation, "show_progress": self.show_progress}
        result: dict[str, Any] = {}
        if "fidelity" not in why:
            removal, random = self._removal()
            removal.check(explanation)
            result["curves"] = curves_beside(
                random, explanation, removal, settings.order, settings.steps, settings.seed
            )
            result["fidelity"] = fidelity_of(
                explanation, removal, settings.size, settings.order, settings.random_orders, settings.seed
            )
        if not isinstance(one, Explanation) and "stability" not in why:
            result["stability"] = stability(
                self._of_moved(one),
                self.model,
                self.graph,
                jitter=settings.jitter,
                copies=settings.copies,
                **ask,
            )
        if not isinstance(one, Explanation) and "weights" not in why:
            result["weights"] = weight_randomization(
                one,
                self.function,
                self.graph,
                scheme=settings.scheme,
                stages=settings.stages,
                draws=settings.draws,
                **ask,
            )
        return MethodTrust(name, explanation, not_measured=why, **result)


def trust(
    explanations: Explained | Sequence[Explained] | Mapping[str, Explained],
    model: Any,
    graph: Any = None,
    over: str = "edges",
    output: int | str = 0,
    *,
    settings: TrustSettings | None = None,
    show_progress: bool = True,
    **changes: Any,
) -> TrustReport:
    """Measure how far explanations of an output can be trusted.

    Parameters
    ----------
    explanations : method, Explanation, or several
        Methods of this package, functions called like them (``explain(model, graph, over=..., output=...)``)
        or finished explanations; one, a list, or by name. Stability and the weight check need the method.
    model, graph, over, output
        What the methods are called with; `model` may be a :class:`GraphFunction` already, which rules out
        stability. Edges, nodes or node features.
    settings : TrustSettings, optional
        How much is measured.
    show_progress : bool
        Whether to show progress bars on standard error.
    **changes
        Single settings by name, such as ``steps=20``.

    Returns
    -------
    TrustReport
        All numbers; ``print(report)`` is the table and the verdict in words: an explanation no better than
        random orders (less than 3 deviations), insensitive to the weights (rank correlation and overlap of
        the highest with random networks both at least 0.9) or unstable (rank correlation below 0.7 after the
        jitter) is called so.

    Raises
    ------
    InvalidArgument
        If a setting is unknown, an explanation is of something else, or nothing is lost when everything is
        taken out.

    Examples
    --------
    >>> from gnncv.explain import integrated_gradients, saliency, trust  # doctest: +SKIP
    >>> report = trust([saliency, integrated_gradients], model, atoms, output="progress")  # doctest: +SKIP
    >>> print(report)  # doctest: +SKIP
    """
    unknown = set(changes) - {entry.name for entry in fields(TrustSettings)}
    if unknown:
        raise InvalidArgument(
            f"unknown settings {', '.join(sorted(unknown))}; there are "
            f"{', '.join(entry.name for entry in fields(TrustSettings))}"
        )
    chosen = TrustSettings(**{**vars(settings or TrustSettings()), **changes})
    measurement = _Measurement(model, graph, over, output, chosen, show_progress)
    methods = tuple(measurement.judge(name, one) for name, one in _by_name(explanations).items())
    alike = None
    if len(methods) > 1:
        alike = agreement({method.name: method.explanation for method in methods}, chosen.size)
    function = measurement.function
    return TrustReport(function.output, function.model_hash, over, methods, alike, chosen.seed)
