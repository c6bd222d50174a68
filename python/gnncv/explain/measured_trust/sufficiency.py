"""Fidelity of a continuous output at a fixed size: are the highest enough, are they needed?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gnncv.errors import InvalidArgument
from gnncv.explain.attribution.graph_function import GraphFunction
from gnncv.explain.explanation import Explanation
from gnncv.explain.measured_trust.curves import Integers, Order, chosen_order, removal_order
from gnncv.explain.measured_trust.ranking import default_size
from gnncv.explain.measured_trust.removal import Removal, Removed


@dataclass(frozen=True)
class Fidelity:
    """What the `size` highest-scored parts are worth by themselves, and what is left without them.

    Attributes
    ----------
    size
        How many were kept, or taken out.
    output, output_without
        The output f, and f(0) with everything taken out, in the output's unit.
    only, without
        The output with only the highest, and with all but them.
    random_necessity, random_sufficiency
        Means of both over random sets of the same size.
    """

    size: int
    output: float
    output_without: float
    only: float
    without: float
    random_necessity: float
    random_sufficiency: float

    @property
    def fidelity_plus(self) -> float:
        """``f - f(without)``: loss when the highest are removed; the output needs them if it is large."""
        return self.output - self.without

    @property
    def fidelity_minus(self) -> float:
        """``f - f(only)``: loss when only the highest are kept; they suffice if it is near zero."""
        return self.output - self.only

    @property
    def necessity(self) -> float:
        """``|fidelity_plus| / |f - f(0)|``: 0 not needed, 1 as bad as losing everything."""
        return abs(self.fidelity_plus) / abs(self.output - self.output_without)

    @property
    def insufficiency(self) -> float:
        """``|fidelity_minus| / |f - f(0)|``: 0 enough by themselves, 1 as bad as nothing."""
        return abs(self.fidelity_minus) / abs(self.output - self.output_without)

    @property
    def sufficiency(self) -> float:
        """``1 - insufficiency``: 1 enough by themselves, 0 (or below) not."""
        return 1.0 - self.insufficiency

    @property
    def characterization(self) -> float:
        """Harmonic mean of necessity and sufficiency, both cut to 0..1: high only if both are."""
        necessary, sufficient = np.clip([self.necessity, self.sufficiency], 0.0, 1.0)
        both = necessary + sufficient
        return float(2.0 * necessary * sufficient / both) if both > 0.0 else 0.0


def fidelity(
    explanation: Explanation,
    function: GraphFunction,
    size: int | None = None,
    *,
    order: Order | None = None,
    remove: Removed | None = None,
    baseline: str | None = None,
    random_sets: int = 20,
    seed: int = 0,
) -> Fidelity:
    """Necessity and sufficiency of the `size` highest-scored parts of a continuous output.

    Parameters
    ----------
    explanation : Explanation
        Scores over edges, nodes or node features.
    function : GraphFunction
        The output on the same graph.
    size : int, optional
        How many parts are the explanation; a tenth if not given.
    order, remove, baseline, seed
        As of :func:`gnncv.explain.fidelity_curves`.
    random_sets : int
        Random sets of the same size to compare with, at least 1.

    Returns
    -------
    Fidelity
        The values and their normalized forms.

    Notes
    -----
    The signed differences are Fidelity+ and Fidelity- of probabilities (Yuan, Yu, Gui, Ji, IEEE TPAMI 45,
    5782 (2023), arXiv:2012.15445; Fidelity after Pope et al., CVPR 2019) with the output in place of the
    probability and hard masks; one graph, so no mean over graphs. Absolute values, and the harmonic mean
    (equal weights), are those of Amara et al., GraphFramEx, LoG 2022, arXiv:2206.09677. Division by what
    everything together is worth makes outputs of any unit comparable.

    Raises
    ------
    InvalidArgument
        If the size is not between 1 and the number of parts, or as for :func:`fidelity_curves`.
    """
    removal = Removal(function, explanation.over, remove, baseline)
    removal.check(explanation)
    return fidelity_of(explanation, removal, size, order, random_sets, seed)


def fidelity_of(
    explanation: Explanation,
    removal: Removal,
    size: int | None,
    order: Order | None,
    random_sets: int,
    seed: int,
) -> Fidelity:
    """What :func:`fidelity` gives, of a removal that is there already."""
    size = default_size(removal.n_units) if size is None else size
    if not 1 <= size <= removal.n_units:
        raise InvalidArgument(f"size is {size}; it is between 1 and the {removal.n_units} {removal.over}")
    if random_sets < 1:
        raise InvalidArgument(f"random_sets is {random_sets}; it must be positive")
    order = chosen_order(explanation) if order is None else order
    ranked = removal_order(explanation, order, removal.difference, np.random.default_rng([seed, 1]))
    random = np.random.default_rng([seed, 2])
    sets = [ranked] + [random.permutation(removal.n_units) for _ in range(random_sets)]
    only, without = np.array([_only_and_without(removal, chosen[:size]) for chosen in sets]).T
    lost = np.abs(removal.full - np.array([without, only])) / abs(removal.difference)
    return Fidelity(
        size=size,
        output=removal.full,
        output_without=removal.empty,
        only=float(only[0]),
        without=float(without[0]),
        random_necessity=float(lost[0, 1:].mean()),
        random_sufficiency=float(1.0 - lost[1, 1:].mean()),
    )


def _only_and_without(removal: Removal, parts: Integers) -> tuple[float, float]:
    """The output with only these parts, and with all but them."""
    chosen = np.zeros(removal.n_units, dtype=bool)
    chosen[parts] = True
    return removal.output(chosen), removal.output(~chosen)
