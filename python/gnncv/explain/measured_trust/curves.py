"""Deletion and insertion: what is left of an output while parts are taken out, or put in, by score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid
from tqdm import tqdm

from gnncv.errors import InvalidArgument
from gnncv.explain.attribution.graph_function import GraphFunction
from gnncv.explain.explanation import Explanation
from gnncv.explain.measured_trust.ranking import descending
from gnncv.explain.measured_trust.removal import Removal, Removed

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Order = Literal["magnitude", "signed"]

NOTICEABLE = 3.0
"""Deviations of random orders that an area must differ by to count as better, or worse, than random."""


@dataclass(frozen=True, eq=False)
class FidelityCurves:
    """Deletion and insertion of one explanation beside those of random orders.

    With f the output, f(S) the output of the kept parts S and f(0) that of none, every value is
    ``y = (f(S) - f(0)) / (f - f(0))``: 1 with everything, 0 with nothing.

    Attributes
    ----------
    fractions
        ``(K,)`` shares of the parts taken out (deletion) or put in (insertion), from 0 to 1.
    deletion, insertion
        ``(K,)`` y while the first of the order are taken out, and while they are put in.
    random_mean, random_deviation
        ``(K,)`` mean and standard deviation of y over random orders of deletion; those of insertion are the
        same read backwards.
    deletion_area, insertion_area
        Areas under the curves, see `order`: the smaller and the larger the better.
    random_area, random_area_deviation
        Mean and standard deviation of the area over random orders, the same for both.
    gain, gain_deviation
        Insertion minus deletion area, and its standard deviation over random orders, whose mean is exactly
        zero because every order is taken with its reverse.
    order
        ``"magnitude"``: from the highest absolute score. ``"signed"``: from the score that supports the
        output's difference from f(0) most to the one that opposes it most. Magnitudes cannot know that
        parts cancel: their areas are those of ``1 - |1 - y|``, which counts moving away from the output in
        either direction alike and is y wherever y does not exceed 1.
    n_units, n_random
        Number of scored parts; number of pairs of random orders.
    output, output_without
        f and f(0), in the output's unit.
    """

    fractions: Array
    deletion: Array
    insertion: Array
    random_mean: Array
    random_deviation: Array
    deletion_area: float
    insertion_area: float
    random_area: float
    random_area_deviation: float
    gain: float
    gain_deviation: float
    order: Order
    n_units: int
    n_random: int
    output: float
    output_without: float

    @property
    def z(self) -> float:
        """Gain in deviations of random orders; with `NOTICEABLE` it is better than random."""
        return _in_deviations(self.gain, self.gain_deviation)

    @property
    def z_deletion(self) -> float:
        """How far the deletion area is below that of random orders, in their deviations."""
        return _in_deviations(self.random_area - self.deletion_area, self.random_area_deviation)

    @property
    def z_insertion(self) -> float:
        """How far the insertion area is above that of random orders, in their deviations."""
        return _in_deviations(self.insertion_area - self.random_area, self.random_area_deviation)


def _in_deviations(difference: float, deviation: float) -> float:
    """A difference over a deviation; where all orders are equal, none is better."""
    return difference / deviation if deviation > 1e-9 * max(1.0, abs(difference)) else 0.0


def chosen_order(explanation: Explanation) -> Order:
    """The order that an explanation's scores allow.

    Signed, if scores have both signs and mean what is lost: attributions that share out a difference, and
    everything on edges and nodes. A plain gradient by a feature does not say where its baseline is.
    """
    both = bool((explanation.scores > 0).any() and (explanation.scores < 0).any())
    means_loss = explanation.over != "node_features" or explanation.completeness_gap is not None
    return "signed" if both and means_loss else "magnitude"


def removal_order(
    explanation: Explanation, order: Order, difference: float, random: np.random.Generator
) -> Integers:
    """Indices of the parts from the first to be taken out to the last; ties in random order."""
    scores = explanation.scores.ravel()
    return descending(np.abs(scores) if order == "magnitude" else scores * np.sign(difference), random)


def _counts(n_units: int, steps: int) -> Integers:
    """How many parts are gone at each step: from none to all, and the same read backwards."""
    counts = np.round(np.linspace(0, n_units, steps + 1)).astype(np.int64)
    return np.unique(np.concatenate([counts, n_units - counts]))


def _deletion(removal: Removal, order: Integers, counts: Integers, done: Callable[[], object]) -> Array:
    """y of `FidelityCurves` after the first parts of an order are gone."""
    values = np.empty(len(counts))
    values[0], values[-1] = 1.0, 0.0
    for step in range(1, len(counts) - 1):
        kept = np.ones(removal.n_units, dtype=bool)
        kept[order[: counts[step]]] = False
        values[step] = removal.remaining(kept)
        done()
    return values


def fidelity_curves(
    explanation: Explanation,
    function: GraphFunction,
    *,
    order: Order | None = None,
    remove: Removed | None = None,
    baseline: str | None = None,
    steps: int = 10,
    random_orders: int = 20,
    seed: int = 0,
    show_progress: bool = True,
) -> FidelityCurves:
    """Take parts out in the order of their scores and put them in, beside random orders.

    Parameters
    ----------
    explanation : Explanation
        Scores over edges, nodes or node features.
    function : GraphFunction
        The output on the same graph.
    order : str, optional
        ``"magnitude"`` or ``"signed"``, see :class:`FidelityCurves`; if not given, signed where scores have
        both signs and mean what is lost, see :func:`chosen_order`.
    remove : str, optional
        Of nodes, what is taken out: ``"edges"`` (all edges of the node, default) or ``"node_features"``.
    baseline : str, optional
        Name of the baseline that features are put to; ``"no interaction"``, or the function's first, if not
        given.
    steps : int
        Number of steps from nothing taken out to everything, fewer where there are fewer parts.
    random_orders : int
        Number of random orders, at least 2; each is taken with its reverse.
    seed : int
        Of random orders and of the order among equal scores.
    show_progress : bool
        Whether to show a progress bar on standard error.

    Returns
    -------
    FidelityCurves
        From about ``2 (random_orders + 1) steps`` evaluations of the output.

    Notes
    -----
    Deletion and insertion: Petsiuk, Das, Saenko, BMVC 2018, arXiv:1806.07421, there for class probabilities.
    torch_geometric's fidelity compares class labels and refuses regression, and its
    ``fidelity_curve_auc`` is the area of another quotient.

    Raises
    ------
    InvalidArgument
        If the explanation is not one of this function's edges, nodes or features, or nothing is lost when
        everything is taken out.
    """
    removal = Removal(function, explanation.over, remove, baseline)
    removal.check(explanation)
    random = random_deletions(removal, steps, random_orders, seed, show_progress)
    return curves_beside(random, explanation, removal, order, steps, seed)


def random_deletions(
    removal: Removal, steps: int, random_orders: int, seed: int, show_progress: bool
) -> Array:
    """y of `FidelityCurves` (orders, way, step) for random orders and their reverses; of no explanation."""
    if steps < 2 or random_orders < 2:
        raise InvalidArgument(f"steps is {steps} and random_orders {random_orders}; both are at least 2")
    random, counts = np.random.default_rng(seed), _counts(removal.n_units, steps)
    orders = [random.permutation(removal.n_units) for _ in range(random_orders)]
    total = 2 * random_orders * max(len(counts) - 2, 0)
    with tqdm(
        total=total, desc="random orders", unit="output", disable=not show_progress, leave=False
    ) as bar:
        return np.array([_both_ways(removal, order, counts, bar.update) for order in orders])


def _both_ways(removal: Removal, order: Integers, counts: Integers, done: Callable[[], object]) -> Array:
    """Deletion of an order and of its reverse.

    What is put in first is what is taken out last: insertion is the deletion of the reverse, read backwards.
    """
    return np.array([_deletion(removal, way, counts, done) for way in (order, order[::-1])])


def curves_beside(
    random: Array, explanation: Explanation, removal: Removal, order: Order | None, steps: int, seed: int
) -> FidelityCurves:
    """Curves of an explanation beside those of `random_deletions` of the same removal and steps."""
    order = chosen_order(explanation) if order is None else order
    ranked = removal_order(explanation, order, removal.difference, np.random.default_rng([seed, 1]))
    counts = _counts(removal.n_units, steps)
    own = _both_ways(removal, ranked, counts, lambda: None)
    return _summary(np.concatenate([own[None], random]), counts, order, removal)


def _summary(pairs: Array, counts: Integers, order: Order, removal: Removal) -> FidelityCurves:
    """Areas of the deletion curves (orders, way, step); the first order is the explanation's."""
    fractions = counts / counts[-1]
    judged = pairs if order == "signed" else 1.0 - np.abs(1.0 - pairs)
    areas = trapezoid(judged, fractions, axis=2)
    random = pairs[1:].reshape(-1, len(counts))
    gains = areas[:, 1] - areas[:, 0]
    return FidelityCurves(
        fractions=fractions,
        deletion=pairs[0, 0],
        insertion=pairs[0, 1, ::-1].copy(),
        random_mean=random.mean(axis=0),
        random_deviation=random.std(axis=0),
        deletion_area=float(areas[0, 0]),
        insertion_area=float(areas[0, 1]),
        random_area=float(areas[1:].mean()),
        random_area_deviation=float(areas[1:].std()),
        gain=float(gains[0]),
        gain_deviation=float(np.sqrt(np.mean(gains[1:] ** 2))),
        order=order,
        n_units=removal.n_units,
        n_random=len(pairs) - 1,
        output=removal.full,
        output_without=removal.empty,
    )
