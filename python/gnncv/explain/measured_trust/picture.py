"""Deletion and insertion curves with the band of random orders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gnncv.errors import InvalidArgument
from gnncv.explain.measured_trust.curves import FidelityCurves
from gnncv.explain.measured_trust.report import TrustReport
from gnncv.files.atomic import PathLike


def draw_curves(axes: Any, curves: FidelityCurves, title: str) -> None:
    """One panel (matplotlib axes): y against the share of parts, one deviation of random orders as bands."""
    from gnncv.analysis.pictures import COLORS

    mean, deviation = curves.random_mean, curves.random_deviation
    ways = (
        ("deletion", curves.deletion, mean, deviation, COLORS[0], curves.deletion_area),
        ("insertion", curves.insertion, mean[::-1], deviation[::-1], COLORS[1], curves.insertion_area),
    )
    for name, values, middle, width, color, area in ways:
        axes.fill_between(curves.fractions, middle - width, middle + width, color=color, alpha=0.18, lw=0)
        axes.plot(curves.fractions, middle, color=color, lw=0.8, ls=":")
        axes.plot(curves.fractions, values, "o-", color=color, ms=3, label=f"{name}, area {area:.2f}")
    axes.set_title(f"{title}: z = {curves.z:.1f}", fontsize="medium")
    axes.set_xlabel("share taken out, or put in")
    axes.legend(frameon=False, fontsize="small")


def trust_picture(report: TrustReport, path: PathLike, overwrite: bool = False) -> Path:
    """One panel for each method whose curves were measured; dotted lines and bands are random orders."""
    from gnncv.analysis.pictures import save_figure, side_by_side

    measured = [method for method in report.methods if method.curves is not None]
    if not measured:
        raise InvalidArgument("no curves were measured, so there is nothing to draw")
    figure, panels = side_by_side(len(measured))
    for axes, method in zip(panels, measured, strict=True):
        assert method.curves is not None
        draw_curves(axes, method.curves, method.name)
    panels[0].set_ylabel(f"{report.output}, 1 with all and 0 without {report.over.replace('_', ' ')}")
    return save_figure(figure, path, overwrite)
