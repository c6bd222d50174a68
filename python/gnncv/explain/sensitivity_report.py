"""Sensitivities as a table and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from gnncv.errors import InvalidArgument
from gnncv.explain.sensitivity_summary import SensitivitySummary, summary_of
from gnncv.files.atomic import PathLike, check_output, write_atomic

Result: TypeAlias = dict[str, Any] | SensitivitySummary


def sensitivity_table(result: Result, path: PathLike, overwrite: bool = False) -> Path:
    """Write one row for each atom as CSV.

    Parameters
    ----------
    result : dict or SensitivitySummary
        Of `graph_node_sensitivity`, with its frames; or what was gathered along a stream.
    path : path-like
        The CSV file: label, species, number (from 1), rank by average score (1 is the highest), average,
        standard deviation, smallest and largest score over the frames (per angstrom), and average
        crystallinity where known.
    overwrite : bool
        Whether it may replace an existing file.

    Returns
    -------
    Path
        The table.
    """
    summary = _summary(result)
    average = summary.scores.mean
    rank = np.empty(len(average), dtype=int)
    rank[np.argsort(-average, kind="stable")] = np.arange(1, len(average) + 1)
    header = ["label", "species", "number", "rank", "average", "deviation", "smallest", "largest"]
    columns = [average, summary.scores.spread, summary.scores.smallest, summary.scores.largest]
    if summary.crystallinity is not None:
        header.append("crystallinity")
        columns.append(summary.crystallinity)
    rows = [",".join(header)]
    for i, (label, symbol) in enumerate(zip(summary.labels, summary.species, strict=True)):
        numbers = ",".join(f"{column[i]:.8g}" for column in columns)
        rows.append(f"{label},{symbol},{i + 1},{rank[i]},{numbers}")
    with write_atomic(path, overwrite) as temporary:
        temporary.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return Path(path)


def _summary(result: Result) -> SensitivitySummary:
    if isinstance(result, SensitivitySummary):
        return result
    if "frames" not in result:
        raise InvalidArgument(
            "the result holds no frames: without keep_frames, gather a SensitivitySummary, "
            "on_frame=summary.add, and give that"
        )
    return summary_of(result)


def sensitivity_picture(
    result: Result, path: PathLike, overwrite: bool = False, top: int = 10, output: str = ""
) -> Path:
    """Draw the distribution of scores, the highest ones, and how they fall off in space.

    Parameters
    ----------
    result : dict or SensitivitySummary
        As above; with crystallinity the distribution is split by it.
    path : path-like
        Picture file; its suffix chooses the format.
    overwrite : bool
        Whether it may replace an existing file.
    top : int
        How many of the atoms with the highest average to show.
    output : str
        Name of the output on the axes, where `result` does not say it.

    Returns
    -------
    Path
        The picture.
    """
    from gnncv.analysis.pictures import COLORS, save_figure, side_by_side

    if top < 1:
        raise InvalidArgument(f"top is {top}; it must be positive")
    summary = _summary(result)
    name = output if isinstance(result, SensitivitySummary) else result["component"]
    unit = f"|d {name or 'CV'} / d r|  (1/Å)"
    figure, (spread, bars, profile) = side_by_side(3)
    for k, (group, found) in enumerate(summary.groups.items()):
        edges = (np.arange(len(found.counts) + 1) * (found.width or 1.0 / len(found.counts))).tolist()
        color, share = COLORS[k % len(COLORS)], found.counts / summary.n_scores
        spread.stairs(share, edges, fill=True, alpha=0.35, color=color)
        spread.stairs(share, edges, color=color, label=group)
    spread.set_xlim(0.0, summary.highest or 1.0)
    spread.set(xlabel=unit, ylabel="fraction of atoms", title="all atoms, all frames")
    spread.legend(frameon=False, fontsize=8)
    average, deviation = summary.scores.mean, summary.scores.spread
    best = np.argsort(-average, kind="stable")[:top][::-1]
    labels = [summary.labels[i] for i in best]
    bars.barh(np.arange(len(best)), average[best], xerr=deviation[best], color=COLORS[0], ecolor="0.4")
    bars.set_yticks(np.arange(len(best)), labels, fontsize=8)
    bars.set(xlabel=unit, title=f"highest {len(best)} averages (bar: deviation over frames)")
    bars.title.set_fontsize(9)
    fall = summary.profile
    filled = fall.counts > 0
    mean = fall.sums[filled] / fall.counts[filled]
    profile.plot(fall.middles[filled], mean, color=COLORS[1], marker="o", markersize=3)
    profile.set(
        xlabel="distance to the frame's highest atom (Å)", ylabel=f"mean {unit}", title="fall-off in space"
    )
    profile.set_ylim(bottom=0.0)
    return save_figure(figure, path, overwrite)


def write_sensitivity_report(
    result: Result, extxyz: PathLike, overwrite: bool = False, top: int = 10, output: str = ""
) -> list[Path]:
    """Write table and picture beside the extended XYZ file: same name, ``.csv`` and ``.png``.

    All names are checked before the first file is written.
    """
    table, picture = Path(extxyz).with_suffix(".csv"), Path(extxyz).with_suffix(".png")
    for path in (table, picture):
        check_output(path, overwrite)
    summary = _summary(result)
    name = output if isinstance(result, SensitivitySummary) else result["component"]
    return [
        sensitivity_table(summary, table, overwrite),
        sensitivity_picture(summary, picture, overwrite, top, name),
    ]
