"""Tables of smooth functions of distance: what evaluation uses in place of small networks of a distance."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Functions = Callable[[Tensor], Tensor]


def make_table(functions: Functions, cutoff: float, n_intervals: int) -> Tensor:
    """Polynomials of degree five through value, slope and curvature at equally spaced knots.

    Value and first two derivatives are continuous, and a function that is such a polynomial between knots, as
    a switching function with its onset on a knot, is met exactly. The error falls as the sixth power of the
    spacing (quintic Hermite interpolation; de Boor, A Practical Guide to Splines, 2001, ch. IV).

    Parameters
    ----------
    functions
        Maps distances ``(P,)`` in float64 to ``(P, C)``, twice differentiable.
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
    knots = torch.arange(n_intervals + 1, dtype=torch.float64) * spacing
    values, slopes, curvatures = (x.detach() for x in _derivatives(functions, knots))
    p0, p1 = values[:-1], values[1:]
    v0, v1 = slopes[:-1] * spacing, slopes[1:] * spacing
    a0, a1 = curvatures[:-1] * spacing**2, curvatures[1:] * spacing**2
    rise = p1 - p0
    terms = [
        p0,
        v0,
        0.5 * a0,
        10.0 * rise - 6.0 * v0 - 4.0 * v1 - 1.5 * a0 + 0.5 * a1,
        -15.0 * rise + 8.0 * v0 + 7.0 * v1 + 1.5 * a0 - a1,
        6.0 * rise - 3.0 * (v0 + v1) - 0.5 * (a0 - a1),
    ]
    return torch.stack(terms, dim=1)


def _derivatives(functions: Functions, distances: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Values, first and second derivatives ``(P, C)`` of functions that each see one distance."""
    d = distances.clone().requires_grad_()
    values = functions(d)
    slopes, curvatures = [], []
    for channel in values.unbind(dim=1):
        slope = _slope(channel, d)
        slopes.append(slope)
        curvatures.append(_slope(slope, d))
    return values, torch.stack(slopes, dim=1), torch.stack(curvatures, dim=1)


def _slope(function: Tensor, distances: Tensor) -> Tensor:
    if not function.requires_grad:
        return torch.zeros_like(distances)
    (slope,) = torch.autograd.grad(
        function.sum(), distances, create_graph=True, allow_unused=True, materialize_grads=True
    )
    return slope


def table_error(functions: Functions, table: Tensor, cutoff: float) -> float:
    """Largest error of value and of slope on a grid finer than the knots, relative to each channel's largest.

    A slope's error is measured beside the channel's largest slope.
    """
    from .reference import table_functions

    n_points = 7 * table.shape[0] + 1
    distances = (torch.arange(n_points, dtype=torch.float64) + 0.37) * (cutoff / (n_points + 1.0))
    exact, exact_slope, _ = _derivatives(functions, distances)
    met, met_slope, _ = _derivatives(lambda d: table_functions(d, table, cutoff), distances)
    errors = []
    for ours, right in ((met, exact), (met_slope, exact_slope)):
        scale = right.detach().abs().amax(dim=0).clamp(min=1e-12)
        errors.append(((ours - right).detach().abs().amax(dim=0) / scale).max())
    return float(torch.stack(errors).max())


def choose_intervals(
    functions: Functions, cutoff: float, knots_at: Sequence[float] = (), tolerance: float = 1e-9
) -> int:
    """The fewest intervals whose table is as good as the tolerance, with a knot where one is asked for.

    Parameters
    ----------
    functions, cutoff
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
        aligned = min(range(n, n + n // 2), key=lambda m: sum(_off_knot(m * x / cutoff) for x in knots_at))
        error = table_error(functions, make_table(functions, cutoff, aligned), cutoff)
        if error <= tolerance:
            return aligned
        if error < smallest:
            best, smallest = aligned, error
    return best


def _off_knot(place: float) -> float:
    return round(abs(place - round(place)), 9)
