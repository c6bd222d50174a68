"""Which atoms a CV listens to: the norm of its gradient by their positions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gnncv.explain.explanation import Explanation
from gnncv.explain.frames import append_frame, frame_with_columns, with_progress
from gnncv.explain.moments import RunningMoments
from gnncv.explain.scored_frames import ScoredFrame, ScoredFrames, atom_labels
from gnncv.explain.selection import Rows, Selected, selection
from gnncv.files.atomic import PathLike, check_output, write_atomic

Array = NDArray[np.float64]
OnFrame = Callable[[ScoredFrame], None]


def graph_node_sensitivity(
    model: Any,
    dataset: Any,
    component: int | str = 0,
    device: str = "cpu",
    batch_size: int | None = None,
    show_progress: bool = True,
    extxyz_filename: PathLike | None = None,
    *,
    system: Selected | None = None,
    environment: Selected | None = None,
    environment_within: float | None = None,
    crystallinity: bool = False,
    keep_frames: bool = True,
    on_frame: OnFrame | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Sensitivity of a CV to each atom: |dCV/dr_i|, per frame and averaged over frames.

    The call and the results are those of mlcolvar's function of the same name, as mlcolvar documents it; the
    derivatives of an exported model come from the C++ core, the ones that a biased simulation feels.

    Parameters
    ----------
    model : path-like, CollectiveVariable, mlcolvar.cvs.BaseCV or callable
        The exported model (ours, or a graph model that mlcolvar exported), the loaded one, mlcolvar's CV as
        it is in Python, or any function of `ase.Atoms` that returns a value and its (N,3) gradient.
    dataset : ase.Atoms, path-like, iterable of frames, or mlcolvar's DictDataset of graphs
        T frames of the same N atoms, or with the same system. Frames of a file or an iterator are taken one
        by one. Truncated graphs say themselves which of their nodes are the system.
    component : int or str
        Which output, by index or name.
    device : str
        Device of a model that is loaded here, or of mlcolvar's module, which is moved there.
    batch_size : int, optional
        How many graphs of a data set mlcolvar's module evaluates at once; 0 is all of them. Results do not
        depend on it, and everything else is evaluated frame by frame.
    show_progress : bool
        Whether to show a progress bar on standard error.
    extxyz_filename : path-like, optional
        Write the frames, each as soon as it is scored, with the column ``sensitivities`` and the CV's value
        in the comment line.
    system : species, indices or mask, optional
        Atoms that are scored one by one; the others are the environment. ``None``: all, and no environment.
    environment : species, indices or mask, optional
        Atoms whose scores are gathered to their mean and sum; ``None``: all but the system.
    environment_within : float, optional
        Only those at most so far (angstrom) from an atom of the system, frame by frame. mlcolvar's truncated
        graphs take cutoff + buffer. It changes what is gathered, not what the model sees.
    crystallinity : bool
        Also return the per-atom crystallinity (another evaluation without gradients), where the model has it.
    keep_frames : bool
        Whether to return what grows with the number of frames: raw scores, values, frames.
    on_frame : callable, optional
        Called with each `ScoredFrame`, for whatever else is to be gathered along a stream.
    overwrite : bool
        Whether the file may replace an existing one.

    Returns
    -------
    dict
        ``node_labels`` (list of str: species and number from 1, or the names of the data set; with an
        environment ``environment_atoms_mean`` and ``environment_atoms_sum`` are the last two),
        ``avg_sensitivities`` (one for each label) and ``raw_sensitivities`` (T, N; a list of T arrays where
        the number of atoms changes), per angstrom, the latter of all atoms in the order of the positions;
        ``atoms_list`` (the labels again). Beyond mlcolvar ``component`` (str), ``std_sensitivities`` (over
        frames), ``n_frames``, ``values`` (T,), ``frames`` (list of ase.Atoms with the column),
        ``crystallinity`` (T, N) if asked for and there, and with a system ``rows``: for each frame (N,) the
        label's number of each atom, -1 in the environment, -2 in neither. Without `keep_frames`, nothing that
        is of single frames.

    Raises
    ------
    InvalidArgument
        An unknown output, no frames, frames of different atoms, unknown species, a selection of no atoms or
        of atoms that are not there, a gradient that is not finite.
    OutputExists
        If `extxyz_filename` exists and `overwrite` is false; nothing is computed then.
    """
    if extxyz_filename is not None:
        check_output(extxyz_filename, overwrite)
    stream = ScoredFrames(
        model,
        dataset,
        component,
        device=device,
        batch_size=batch_size,
        selection=selection(system, environment, environment_within),
        per_site=("crystallinity",) if crystallinity else (),
    )
    kept = _Kept(stream.output)
    observers = [observe for observe in (kept.add if keep_frames else None, on_frame) if observe is not None]
    scores, _ = _accumulate(stream, show_progress, extxyz_filename, overwrite, observers)
    result: dict[str, Any] = {
        "node_labels": list(stream.labels),
        "avg_sensitivities": scores.mean,
        "atoms_list": list(stream.labels),
        "component": stream.output,
        "std_sensitivities": scores.spread,
        "n_frames": scores.count,
    }
    return result | kept.entries() if keep_frames else result


def node_sensitivity(
    model: Any,
    frames: Any,
    output: int | str = 0,
    *,
    device: str = "cpu",
    batch_size: int | None = None,
    system: Selected | None = None,
    environment: Selected | None = None,
    environment_within: float | None = None,
    extxyz: PathLike | None = None,
    overwrite: bool = False,
    on_frame: OnFrame | None = None,
    show_progress: bool = True,
) -> Explanation:
    """The same sensitivities as one explanation, averaged over frames, in the memory of one frame.

    Parameters
    ----------
    model, frames, output, device, batch_size, system, environment, environment_within, on_frame, overwrite
        As in `graph_node_sensitivity`, where `frames` is ``dataset`` and `output` is ``component``.
    extxyz : path-like, optional
        Where to write the frames with the column ``sensitivities``.
    show_progress : bool
        Whether to show a progress bar on standard error.

    Returns
    -------
    Explanation
        Over nodes: average of |dCV/dr_i| and its spread over frames, per angstrom; `value` is the average of
        the output, ``details["value_spread"]`` its standard deviation, `atoms` the first frame. With a system
        it is over groups: the atoms of the system, then mean and sum of the environment.

    Raises
    ------
    InvalidArgument, OutputExists
        As `graph_node_sensitivity`.
    """
    if extxyz is not None:
        check_output(extxyz, overwrite)
    stream = ScoredFrames(
        model,
        frames,
        output,
        device=device,
        batch_size=batch_size,
        selection=selection(system, environment, environment_within),
    )
    first: list[tuple[Atoms, bool]] = []

    def keep_first(scored: ScoredFrame) -> None:
        if not first:
            first.append((frame_with_columns(scored.atoms, {}, {}), scored.rows is None))

    observers = [keep_first, *([on_frame] if on_frame else [])]
    scores, values = _accumulate(stream, show_progress, extxyz, overwrite, observers)
    atoms, whole = first[0]
    return Explanation(
        scores=scores.mean,
        over="nodes" if whole else "groups",
        node_labels=list(stream.labels) if whole else atom_labels(atoms),
        labels=() if whole else tuple(stream.labels),
        output=stream.output,
        method="node sensitivity",
        units="1/Å",
        model_hash=stream.model_hash,
        value=float(values.mean[0]),
        atoms=atoms,
        n_frames=scores.count,
        spread=scores.spread,
        details={"value_spread": float(values.spread[0])},
    )


def _accumulate(
    stream: ScoredFrames,
    show_progress: bool,
    extxyz: PathLike | None,
    overwrite: bool,
    observers: list[OnFrame],
) -> tuple[RunningMoments, RunningMoments]:
    """Moments of the rows' scores and of the value, having shown every frame to the observers."""
    scores, values = RunningMoments(), RunningMoments()
    with _frames_file(extxyz, overwrite, stream.output) as write:
        for scored in with_progress(stream, "sensitivity", show_progress, stream.total):
            scores.add(scored.averaged)
            values.add(np.array([scored.value]))
            for observe in (*observers, write):
                observe(scored)
    return scores, values


@contextmanager
def _frames_file(path: PathLike | None, overwrite: bool, output: str) -> Iterator[OnFrame]:
    """What writes each frame to the file, which appears when all are done; without a path, nothing."""
    if path is None:
        yield lambda scored: None
        return
    with write_atomic(path, overwrite) as temporary, open(temporary, "w", encoding="utf-8") as file:
        yield lambda scored: append_frame(
            file, _with_scores(scored, output), ["sensitivities", *scored.per_site]
        )


def _with_scores(scored: ScoredFrame, output: str) -> Atoms:
    """The frame with its scores, and the values per atom that were asked for, as columns."""
    columns = {"sensitivities": scored.scores, **scored.per_site}
    return frame_with_columns(scored.atoms, columns, {output: scored.value})


class _Kept:
    """What is returned of every frame: arrays, and copies of the frames, not the frames that were given."""

    def __init__(self, output: str) -> None:
        self._output = output
        self._values: list[float] = []
        self._frames: list[Atoms] = []
        self._arrays: dict[str, list[Array]] = {"raw_sensitivities": []}
        self._rows: list[Rows] = []

    def add(self, scored: ScoredFrame) -> None:
        self._values.append(scored.value)
        self._frames.append(_with_scores(scored, self._output))
        self._arrays["raw_sensitivities"].append(scored.scores)
        for name, values in scored.per_site.items():
            self._arrays.setdefault(name, []).append(values)
        if scored.rows is not None:
            self._rows.append(scored.rows)

    def entries(self) -> dict[str, Any]:
        """Arrays (T, N) where all frames have as many atoms, else lists."""
        found: dict[str, Any] = {"values": np.array(self._values), "frames": self._frames}
        for name, arrays in self._arrays.items():
            found[name] = np.array(arrays) if len({len(array) for array in arrays}) == 1 else arrays
        return found | ({"rows": self._rows} if self._rows else {})
