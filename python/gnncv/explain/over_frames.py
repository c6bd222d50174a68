"""One method over the frames of a trajectory: every frame to a file, and the average of its nodes' scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms

from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation
from gnncv.explain.formats import write_extxyz
from gnncv.explain.moments import RunningMoments
from gnncv.explain.nodes import node_scores
from gnncv.files.atomic import PathLike, check_output


def explain_frames(
    explain: Callable[[Atoms], Explanation],
    frames: Iterable[Atoms],
    path: PathLike,
    species: Sequence[str],
    *,
    overwrite: bool = False,
) -> Explanation:
    """Explain frames one after the other and write extended XYZ, CSV and a picture.

    Parameters
    ----------
    explain : callable
        A method on one frame, such as ``lambda atoms: saliency(cv, atoms, "nodes", "progress")``.
    frames : iterable of ase.Atoms
        Frames of the same nodes; none is kept.
    path : path-like
        The extended XYZ file, one frame for each, see :func:`gnncv.explain.write_extxyz`. Beside it, with the
        suffixes ``.csv`` and ``.png``, the average over the frames and its highest nodes.
    species : sequence of str
        The elements of all frames.
    overwrite : bool
        Whether files may replace existing ones.

    Returns
    -------
    Explanation
        The average: over nodes (scores of edges and features are added up at their nodes), with the spread
        over the frames; its frame is the first.

    Raises
    ------
    InvalidArgument
        No frames, frames of different nodes, what the method does not accept.
    OutputExists
        If a file exists and `overwrite` is false; nothing is computed then.
    """
    target = check_output(path, overwrite)
    table, picture = (check_output(Path(path).with_suffix(suffix), overwrite) for suffix in (".csv", ".png"))
    moments, values = RunningMoments(), RunningMoments()
    first: list[Explanation] = []

    def passing() -> Iterator[Explanation]:
        for number, atoms in enumerate(frames):
            one = explain(atoms)
            if not first:
                first.append(one)
            elif list(one.node_labels) != list(first[0].node_labels):
                raise InvalidArgument(f"frame {number} has other sites than the first; explain them apart")
            moments.add(node_scores(one))
            values.add(np.array(one.value))
            yield one

    write_extxyz(passing(), target, overwrite, species)
    average = replace(
        first[0], scores=moments.mean, over="nodes", labels=(), value=float(values.mean), edge_index=None,
        edge_vectors=None, n_frames=moments.count, spread=moments.spread, completeness_gap=None, details={},
    )  # fmt: skip
    average.to_csv(table, overwrite)
    average.plot("top", picture, overwrite)
    return average
