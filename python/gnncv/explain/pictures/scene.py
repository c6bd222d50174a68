"""The frame in three dimensions, its atoms colored by their scores."""

from __future__ import annotations

from itertools import product

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gnncv.analysis.pictures import side_by_side
from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation
from gnncv.explain.nodes import (
    atoms_of_nodes,
    edge_vectors,
    need_nodes,
    node_positions,
    node_scores,
    undirected,
)
from gnncv.explain.pictures.coloring import axis_label, caption, color_scale, one_node
from gnncv.explain.pictures.spheres import Spheres, no_spheres, render, rods, rotation

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

GRAY = np.array([0.62, 0.62, 0.62])


def scene_picture(
    explanation: Explanation,
    view: tuple[float, float] = (12.0, -70.0),
    edges: int = 0,
    bonds: bool | None = None,
    size: float = 1.0,
    emphasis: float | None = None,
    limit: float | None = None,
    pixels: int = 1100,
) -> Figure:
    """Atoms as shaded spheres colored by their score, with the cell, bonds and a scale.

    Parameters
    ----------
    explanation
        With a frame. Features and edges are added up at their node; all atoms of a site have its score.
    view
        Elevation and azimuth of the viewer, degrees.
    edges
        So many pairs with the highest scores are drawn as rods in the color of their score (of scores over
        edges). Their colors and those of atoms are of one scale; atoms are smaller then.
    bonds
        Whether to draw bonds guessed from covalent radii, and molecules in one piece; default if there are
        any.
    size
        Of the spheres, in parts of the radius chosen for the frame.
    emphasis
        How much smaller an atom is whose score is zero, 0 to 1: the high ones inside are then seen. Default
        0.6, and 0.3 of molecules.
    limit
        Largest magnitude told apart by color; default the largest there is.
    pixels
        Width of the image of the spheres.
    """
    need_nodes(explanation, "a view in three dimensions")
    if explanation.atoms is None:
        raise InvalidArgument(f"{explanation.method} explained a graph without a frame: no positions")
    if emphasis is not None and not 0.0 <= emphasis <= 1.0:
        raise InvalidArgument(f"emphasis is {emphasis}; it must be between 0 and 1")
    if edges < 0 or pixels < 1 or not size > 0.0:
        raise InvalidArgument(f"edges, pixels and size are {edges}, {pixels} and {size}; give positive ones")
    atoms = explanation.atoms
    scores = node_scores(explanation)[atoms_of_nodes(explanation)]
    pairs = _highest_pairs(explanation, edges) if edges else {}
    shown = np.concatenate([scores, np.array(list(pairs.values()))])
    colors, norm = color_scale(shown, limit)
    drawn, joined = _whole(atoms) if bonds is not False else (_wrapped(atoms), np.zeros((0, 2), np.int64))
    smaller = emphasis if emphasis is not None else (0.3 if len(joined) else 0.6)
    radii = _radii(atoms, molecular=len(joined) > 0) * size * (0.55 if pairs else 1.0)
    rank = np.abs(scores) / (float(np.abs(norm.vmax or 1.0)) or 1.0)
    balls = Spheres(
        drawn, radii * (1.0 - smaller * (1.0 - np.minimum(rank, 1.0))), colors(norm(scores))[:, :3]
    )
    scene = balls + _bonds(drawn, joined, balls)
    if pairs:
        of_pairs = np.asarray(colors(norm(np.array(list(pairs.values())))))[:, :3]
        scene = scene + _rods_of_pairs(explanation, pairs, drawn, of_pairs)
    figure, (ax,) = side_by_side(1, width=5.2, height=4.4)
    _show(ax, scene, _cell_lines(atoms), rotation(*view), pixels)
    bar = figure.colorbar(ScalarMappable(norm, colors), ax=ax, shrink=0.7, pad=0.02)
    bar.set_label(axis_label(explanation, of=one_node(explanation) + (" or a pair" if pairs else "")))
    bar.outline.set_visible(False)
    ax.set_title(caption(explanation), fontsize=8, loc="left", color="0.3")
    return figure


def _wrapped(atoms: Atoms) -> Array:
    copy = atoms.copy()
    copy.wrap()
    return np.array(copy.positions)


def _whole(atoms: Atoms) -> tuple[Array, Integers]:
    """Positions with every molecule in one piece, its center in the cell; and the bonds to draw."""
    import networkx as nx
    from ase.geometry import find_mic

    from gnncv.topology.bonds import guess_bonds

    bonds = guess_bonds(atoms)
    if len(bonds) == 0:
        return _wrapped(atoms), bonds
    network = nx.Graph(bonds.tolist())
    positions = np.array(atoms.positions)
    steps, _ = find_mic(positions[bonds[:, 1]] - positions[bonds[:, 0]], atoms.cell, atoms.pbc)
    step_of = {(i, j): step for (i, j), step in zip(bonds.tolist(), steps, strict=True)}
    for part in nx.connected_components(network):
        for parent, child in nx.bfs_edges(network, min(part)):
            forward = (parent, child) in step_of
            step = step_of[parent, child] if forward else -step_of[child, parent]
            positions[child] = positions[parent] + step
        if atoms.pbc.any():
            members = sorted(part)
            middle = positions[members].mean(axis=0)
            fraction = np.linalg.solve(atoms.cell.complete().array.T, middle)
            positions[members] -= np.where(atoms.pbc, np.floor(fraction), 0.0) @ atoms.cell.complete().array
    lone = np.setdiff1d(np.arange(len(atoms)), np.array(list(network)))
    positions[lone] = _wrapped(atoms)[lone]
    # of a network that spans the cell some bonds still cross its boundary: they are left out
    near = np.abs(positions[bonds[:, 1]] - positions[bonds[:, 0]] - steps).max(axis=1) < 1e-6
    return positions, bonds[near]


def _radii(atoms: Atoms, molecular: bool) -> Array:
    """Radii that show the frame: balls and sticks for molecules, touching neighbors for atoms."""
    covalent = covalent_radii[atoms.numbers]
    if molecular or len(atoms) < 2:
        return np.asarray(0.45 * covalent)
    distances = np.array(atoms.get_all_distances(mic=True)) if len(atoms) <= 200 else None
    if distances is None:
        from vesin import ase_neighbor_list

        i, d = ase_neighbor_list("id", atoms, 6.0)
        nearest = np.full(len(atoms), 6.0)
        np.minimum.at(nearest, i, d)
    else:
        np.fill_diagonal(distances, np.inf)
        nearest = distances.min(axis=1)
    return np.asarray(0.5 * float(np.median(nearest)) * covalent / covalent.mean())


def _bonds(positions: Array, bonds: Integers, balls: Spheres) -> Spheres:
    """Each half of a bond in the color of its atom."""
    if len(bonds) == 0:
        return no_spheres()
    i, j = bonds.T
    middle = 0.5 * (positions[i] + positions[j])
    starts, ends = np.concatenate([positions[i], positions[j]]), np.concatenate([middle, middle])
    return rods(starts, ends, np.full(2 * len(bonds), 0.11), balls.colors[np.concatenate([i, j])])


def _highest_pairs(explanation: Explanation, k: int) -> dict[tuple[int, int], float]:
    sums = undirected(explanation)
    return {pair: sums[pair] for pair in sorted(sums, key=lambda pair: -abs(sums[pair]))[:k]}


def _rods_of_pairs(
    explanation: Explanation, pairs: dict[tuple[int, int], float], drawn: Array, colors: Array
) -> Spheres:
    """Half a rod from each end: they meet, unless the pair reaches across the cell's boundary."""
    ends, vectors = explanation.edge_index, edge_vectors(explanation)
    assert ends is not None
    shortest: dict[tuple[int, int], Array] = {}
    for (u, v), vector in zip(ends.T.tolist(), vectors, strict=True):
        low, from_low = (u, v) if u <= v else (v, u), -vector if u <= v else vector
        if low not in shortest or np.linalg.norm(vector) < np.linalg.norm(shortest[low]):
            shortest[low] = from_low
    places = drawn
    if explanation.node_of_atom is not None:
        places = node_positions(explanation)
    first, second = np.array(list(pairs)).T
    steps = 0.5 * np.stack([shortest[pair] for pair in pairs])
    starts = np.concatenate([places[first], places[second]])
    thick = max(0.09 * float(np.median(np.linalg.norm(steps, axis=1))), 0.16)
    return rods(
        starts,
        starts + np.concatenate([steps, -steps]),
        np.full(2 * len(pairs), thick),
        np.concatenate([colors, colors]),
    )


def _cell_lines(atoms: Atoms) -> tuple[Array, Array]:
    """Starts and ends of the cell's edges along its periodic directions."""
    if not atoms.pbc.any():
        return np.zeros((0, 3)), np.zeros((0, 3))
    cell, along = atoms.cell.array, np.flatnonzero(atoms.pbc)
    starts, ends = [], []
    for corner in product((0.0, 1.0), repeat=3):
        if any(corner[k] for k in range(3) if k not in along):
            continue
        for k in along:
            if corner[k] == 0.0:
                starts.append(np.array(corner) @ cell)
                ends.append(starts[-1] + cell[k])
    return np.array(starts), np.array(ends)


def _show(ax: Axes, scene: Spheres, lines: tuple[Array, Array], turn: Array, pixels: int) -> None:
    """Draw the scene as seen in directions `turn`, with a scale bar and the axes' directions."""
    points = np.concatenate([scene.centers, *lines]) @ turn.T
    margin = float(scene.radii.max(initial=0.5))
    low, high = points[:, :2].min(axis=0) - margin, points[:, :2].max(axis=0) + margin
    span = float((high - low).max())
    thin = np.full(len(lines[0]), 0.0016 * span)
    cell = rods(*lines, thin, np.tile(GRAY, (len(thin), 1)))
    everything = scene + cell
    turned = Spheres(everything.centers @ turn.T, everything.radii, everything.colors)
    limits = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    ax.imshow(render(turned, limits, pixels), extent=limits, interpolation="antialiased")
    ax.set_axis_off()
    ax.set_aspect("equal")
    _scale_bar(ax, low, span)
    _directions(ax, np.array([high[0], low[1]]), span, turn)


def _scale_bar(ax: Axes, low: Array, span: float) -> None:
    exponent = 10.0 ** np.floor(np.log10(0.25 * span))
    length = next(m * exponent for m in (5.0, 2.0, 1.0) if m * exponent <= 0.25 * span)
    y = low[1] - 0.035 * span
    ax.plot([low[0], low[0] + length], [y, y], color="0.2", linewidth=2.0, solid_capstyle="butt")
    ax.text(low[0] + 0.5 * length, y - 0.015 * span, f"{length:g} Å", ha="center", va="top", fontsize=8)
    ax.set_ylim(low[1] - 0.13 * span, ax.get_ylim()[1])


def _directions(ax: Axes, corner: Array, span: float, turn: Array) -> None:
    """Where x, y and z point, in the corner below the scene at the right."""
    origin = corner + np.array([-0.09, -0.075]) * span
    for axis, name in enumerate("xyz"):
        direction = turn[:2, axis] * 0.06 * span
        if np.linalg.norm(direction) < 0.012 * span:
            continue  # towards the viewer
        style = {"arrowstyle": "-|>", "color": "0.3", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}
        tip, start = tuple((origin + direction).tolist()), tuple(origin.tolist())
        ax.annotate("", tip, start, arrowprops=style, annotation_clip=False)
        x, y = (origin + 1.35 * direction).tolist()
        ax.text(x, y, name, ha="center", va="center", fontsize=8, color="0.3")
