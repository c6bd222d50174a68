"""How methods are called here: one shape for all, without their own progress bars."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation

# perturbation names the parts that it takes out, not what is scored
_PARTS = {"edges": "edge", "nodes": "atom"}


# explain(model, graph, over=..., output=...): a method of this package, or anything called like one
Explain = Callable[..., Explanation]


def in_one_shape(explain: Explain) -> Explain:
    """A method as ``explain(model, graph, over=..., output=...)``, whose own progress bar is turned off.

    `gnncv.explain.perturbation` takes ``by=`` in place of ``over=``: every edge, or every node.
    """
    try:
        takes = inspect.signature(explain).parameters
    except ValueError:  # some callables written in C have none
        return explain
    quiet = {"show_progress": False} if "show_progress" in takes else {}
    by_parts = "by" in takes and "over" not in takes

    @wraps(explain, updated=())
    def called(model: Any, graph: Any, /, *, over: str, output: int | str) -> Explanation:
        if not by_parts:
            return explain(model, graph, over=over, output=output, **quiet)
        if over not in _PARTS:
            raise InvalidArgument(f"parts are taken out one by one of {', '.join(_PARTS)}, not of {over}")
        return explain(model, graph, by=_PARTS[over], output=output, **quiet)

    return called
