"""Sensitivities as a table and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ase.geometry import get_distances
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.files.atomic import PathLike, check_output, write_atomic

Array = NDArray[np.float64]


def sensitivity_table(result: dict[str, Any], path: PathLike, overwrite: bool = False) -> Path:
    """Write one row for each atom as CSV.

    Parameters
    ----------
    result : dict
        Of `graph_node_sensitivity`.
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
    raw, average = result["raw_sensitivities"], result["avg_sensitivities"]
    rank = np.empty(len(average), dtype=int)
    rank[np.argsort(-average, kind="stable")] = np.arange(1, len(average) + 1)
    header = ["label", "species", "number", "rank", "average", "deviation", "smallest", "largest"]
    columns = [average, raw.std(axis=0), raw.min(axis=0), raw.max(axis=0)]
    if "crystallinity" in result:
        header.append("crystallinity")
        columns.append(result["crystallinity"].mean(axis=0))
    symbols = result["atoms_list"][0].get_chemical_symbols()
    rows = [",".join(header)]
    for i, (label, symbol) in enumerate(zip(result["node_labels"], symbols, strict=True)):
        numbers = ",".join(f"{column[i]:.8g}" for column in columns)
        rows.append(f"{label},{symbol},{i + 1},{rank[i]},{numbers}")
    with write_atomic(path, overwrite) as temporary:
        temporary.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return Path(path)


def _groups(result: dict[str, Any]) -> dict[str, Array]:
    """All scores by species, and by crystalline and not where that is known."""
    raw = result["raw_sensitivities"]
    symbols = np.array(result["atoms_list"][0].get_chemical_symbols())
    groups: dict[str, Array] = {}
    for symbol in dict.fromkeys(symbols.tolist()):
        chosen = symbols == symbol
        scores = raw[:, chosen]
        if "crystallinity" in result:
            crystalline = result["crystallinity"][:, chosen] > 0.5
            groups[f"{symbol}, crystalline"], groups[f"{symbol}, not crystalline"] = (
                scores[crystalline],
                scores[~crystalline],
            )
        else:
            groups[symbol] = scores.reshape(-1)
    return {name: scores for name, scores in groups.items() if len(scores)}


def _distance_profile(result: dict[str, Any], bins: int = 24) -> tuple[Array, Array]:
    """Mean score against the distance (angstrom) to the atom with the highest score of the frame."""
    distances, scores = [], []
    for atoms, raw in zip(result["atoms_list"], result["raw_sensitivities"], strict=True):
        top = int(np.argmax(raw))
        _, separation = get_distances(atoms.positions[top], atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        others = np.arange(len(atoms)) != top
        distances.append(separation[0][others])
        scores.append(raw[others])
    distance, score = np.concatenate(distances), np.concatenate(scores)
    if len(distance) == 0:
        return np.zeros(0), np.zeros(0)
    edges = np.linspace(0.0, float(distance.max()) * (1.0 + 1e-9), bins + 1)
    counts, _ = np.histogram(distance, edges)
    sums, _ = np.histogram(distance, edges, weights=score)
    filled = counts > 0
    return 0.5 * (edges[:-1] + edges[1:])[filled], sums[filled] / counts[filled]


def sensitivity_picture(
    result: dict[str, Any], path: PathLike, overwrite: bool = False, top: int = 10
) -> Path:
    """Draw the distribution of scores, the highest ones, and how they fall off in space.

    Parameters
    ----------
    result : dict
        Of `graph_node_sensitivity`; with ``crystallinity`` the distribution is split by it.
    path : path-like
        Picture file; its suffix chooses the format.
    overwrite : bool
        Whether it may replace an existing file.
    top : int
        How many of the atoms with the highest average to show.

    Returns
    -------
    Path
        The picture.
    """
    from gnncv.analysis.pictures import COLORS, save_figure, side_by_side

    if top < 1:
        raise InvalidArgument(f"top is {top}; it must be positive")
    average, raw = result["avg_sensitivities"], result["raw_sensitivities"]
    unit = f"|d {result['component']} / d r|  (1/Å)"
    figure, (spread, bars, profile) = side_by_side(3)
    highest = float(raw.max()) or 1.0
    edges = np.linspace(0.0, highest, 41).tolist()
    for k, (name, scores) in enumerate(_groups(result).items()):
        color = COLORS[k % len(COLORS)]
        share = np.full(len(scores), 1.0 / raw.size)
        spread.hist(scores, edges, weights=share, histtype="stepfilled", alpha=0.35, color=color)
        spread.hist(scores, edges, weights=share, histtype="step", color=color, label=name)
    spread.set(xlabel=unit, ylabel="fraction of atoms", title="all atoms, all frames")
    spread.legend(frameon=False, fontsize=8)
    best = np.argsort(-average, kind="stable")[:top][::-1]
    labels = [result["node_labels"][i] for i in best]
    bars.barh(np.arange(len(best)), average[best], xerr=raw.std(axis=0)[best], color=COLORS[0], ecolor="0.4")
    bars.set_yticks(np.arange(len(best)), labels, fontsize=8)
    bars.set(xlabel=unit, title=f"highest {len(best)} averages (bar: deviation over frames)")
    bars.title.set_fontsize(9)
    distance, score = _distance_profile(result)
    profile.plot(distance, score, color=COLORS[1], marker="o", markersize=3)
    profile.set(
        xlabel="distance to the frame's highest atom (Å)", ylabel=f"mean {unit}", title="fall-off in space"
    )
    profile.set_ylim(bottom=0.0)
    return save_figure(figure, path, overwrite)


def write_sensitivity_report(
    result: dict[str, Any], extxyz: PathLike, overwrite: bool = False, top: int = 10
) -> list[Path]:
    """Write table and picture beside the extended XYZ file: same name, ``.csv`` and ``.png``.

    All names are checked before the first file is written.
    """
    table, picture = Path(extxyz).with_suffix(".csv"), Path(extxyz).with_suffix(".png")
    for path in (table, picture):
        check_output(path, overwrite)
    return [sensitivity_table(result, table, overwrite), sensitivity_picture(result, picture, overwrite, top)]
