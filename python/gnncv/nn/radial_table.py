"""Tables of smooth functions of distance: what evaluation uses in place of small networks of a distance.

A jet is a tensor ``(3, K, C)``: C functions of distance and their first two derivatives at K distances.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from .switching import QuinticSwitching

Functions = Callable[[Tensor], Tensor]
"""Maps distances ``(K,)`` in float64 to values ``(K, C)``."""
Jets = Callable[[Tensor], Tensor]
"""Maps distances ``(K,)`` in float64 to jets ``(3, K, C)``."""

TOLERANCE = 1e-7
"""Largest :func:`table_error`. Gradients of outputs err by less than that, and tables of 16 channels stay in
the first cache."""

QUINTIC = (
    (1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    (0.0, 1.0, 0.0, 0.0, 0.0, 0.0),
    (0.0, 0.0, 0.5, 0.0, 0.0, 0.0),
    (-10.0, -6.0, -1.5, 10.0, -4.0, 0.5),
    (15.0, 8.0, 1.5, -15.0, 7.0, -1.0),
    (-6.0, -3.0, -0.5, 6.0, -3.0, 0.5),
)
"""Coefficients on the unit interval of value, slope and curvature at its start and at its end."""


def make_table(jets: Jets, cutoff: float, n_intervals: int) -> Tensor:
    """Polynomials of degree five through value, slope and curvature at equally spaced knots.

    Value and first two derivatives are continuous, and a function that is such a polynomial between knots, as
    a switching function with its onset on a knot, is met exactly. The error falls as the sixth power of the
    spacing (quintic Hermite interpolation; de Boor, A Practical Guide to Splines, 2001, ch. IV).

    Parameters
    ----------
    jets
        The functions.
    cutoff
        Angstrom; the table runs from zero to it.
    n_intervals
        Number of polynomials.

    Returns
    -------
    Tensor
        Coefficients ``(n_intervals, 6, C)``, float64, the constant term first, in the place within the
        interval, 0 to 1.
    """
    spacing = cutoff / n_intervals
    return hermite(jets(torch.arange(n_intervals + 1, dtype=torch.float64) * spacing), spacing)


def hermite(jet: Tensor, spacing: float) -> Tensor:
    """Coefficients ``(K-1, 6, C)`` of the polynomials between K knots ``spacing`` (angstrom) apart."""
    scaled = jet * jet.new_tensor([1.0, spacing, spacing**2])[:, None, None]
    ends = torch.cat([scaled[:, :-1], scaled[:, 1:]])
    return torch.einsum("ke,enc->nkc", ends.new_tensor(QUINTIC), ends)


@torch.enable_grad()
def jets_by_autograd(functions: Functions, distances: Tensor) -> Tensor:
    """Jets ``(3, K, C)`` of twice differentiable functions at distances ``(K,)``, without their graph."""
    d = distances.clone().requires_grad_()
    values = functions(d)
    jets = []
    for channel in values.unbind(dim=1):
        slope = _slope(channel, d)
        jets.append(torch.stack([channel, slope, _slope(slope, d)]))
    return torch.stack(jets, dim=2).detach()


def _slope(function: Tensor, distances: Tensor) -> Tensor:
    if not function.requires_grad:
        return torch.zeros_like(distances)
    (slope,) = torch.autograd.grad(
        function.sum(), distances, create_graph=True, allow_unused=True, materialize_grads=True
    )
    return slope


@torch.no_grad()
def table_error(jets: Jets, table: Tensor, cutoff: float) -> float:
    """Largest error of value and of slope on a grid finer than the knots, relative to each channel's largest.

    A slope's error is measured beside the channel's largest slope.
    """
    from .reference import table_functions

    n_intervals = table.shape[0]
    n_points = 7 * n_intervals + 1
    places = torch.arange(n_points, dtype=torch.float64, device=table.device) + 0.37
    distances = places * (cutoff / (n_points + 1.0))
    slopes = torch.stack([k * table[:, k] * (n_intervals / cutoff) for k in range(1, 6)], dim=1)
    polynomials = (table, torch.nn.functional.pad(slopes, (0, 0, 0, 1)))
    largest = 0.0
    for right, terms in zip(jets(distances)[:2], polynomials, strict=True):
        scale = right.abs().amax(dim=0).clamp(min=1e-12)
        errors = (table_functions(distances, terms, cutoff) - right).abs().amax(dim=0) / scale
        largest = max(largest, float(errors.max()))
    return largest


def choose_intervals(
    jets: Jets, cutoff: float, knots_at: Sequence[float] = (), tolerance: float = TOLERANCE
) -> int:
    """The fewest intervals whose table is as good as the tolerance, with a knot where one is asked for.

    Parameters
    ----------
    jets, cutoff
        As in :func:`make_table`.
    knots_at
        Distances at which a third derivative jumps, such as the onset of switching. Numbers of intervals
        that put knots there are tried first.
    tolerance
        Of :func:`table_error`.

    Returns
    -------
    int
        At most 1024 intervals: more of them cost memory traffic and gain nothing.
    """
    best, smallest = 1024, float("inf")
    for n in (32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024):
        aligned = _aligned(n, cutoff, knots_at)
        error = table_error(jets, make_table(jets, cutoff, aligned), cutoff)
        if error <= tolerance:
            return aligned
        if error < smallest:
            best, smallest = aligned, error
    return best


def tabulate(
    jets: Jets, cutoff: float, switching: nn.Module, tolerance: float = TOLERANCE
) -> tuple[Tensor, float]:
    """A table of the tolerance with a knot at the onset of switching, and its error."""
    onsets = [switching.onset] if isinstance(switching, QuinticSwitching) else []
    table = make_table(jets, cutoff, choose_intervals(jets, cutoff, onsets, tolerance)).detach()
    return table, table_error(jets, table, cutoff)


def _aligned(at_least: int, cutoff: float, knots_at: Sequence[float]) -> int:
    numbers = range(at_least, at_least + at_least // 2)
    return min(numbers, key=lambda n: sum(_off_knot(n * x / cutoff) for x in knots_at))


def _off_knot(place: float) -> float:
    return round(abs(place - round(place)), 9)


def by_pair_of_species(table: Tensor, width: int) -> Tensor:
    """``(intervals, 6, tables width)`` as ``(tables, intervals, 6, width)``."""
    return table.unflatten(2, (-1, width)).permute(2, 0, 1, 3).contiguous()


def in_precision(table: Tensor, narrow: Tensor, like: Tensor) -> Tensor:
    """A table in the precision of ``like``, of the table itself (float64) and its float32 copy."""
    return table if table.dtype == like.dtype else narrow
