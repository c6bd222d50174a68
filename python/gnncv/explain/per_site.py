"""What a CV says of each atom, along a trajectory, as columns that OVITO and VMD color by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gnncv.errors import InvalidArgument
from gnncv.explain.frames import (
    Frames,
    append_frame,
    check_columns,
    count_of,
    frame_iterator,
    frame_with_columns,
    with_progress,
)
from gnncv.explain.model import CollectiveVariableModel, as_model
from gnncv.files.atomic import PathLike, check_output, write_atomic


def write_per_site(
    model: Any,
    frames: Frames,
    path: PathLike,
    *,
    device: str = "cpu",
    overwrite: bool = False,
    show_progress: bool = True,
) -> Path:
    """Write a trajectory with the values per atom (crystallinity, latents, novelty, ...) as columns.

    Parameters
    ----------
    model : path-like or CollectiveVariable
        The exported model, or the loaded one.
    frames : ase.Atoms, path-like or iterable of frames
        The frames, or their file; their atoms may differ. One frame at a time is in memory.
    path : path-like
        The extended XYZ file. Every frame has the columns species, pos and then the model's per-site names in
        their order; the model's outputs stand in the comment line.
    device : str
        Device of a model that is loaded here.
    overwrite : bool
        Whether the file may replace an existing one.
    show_progress : bool
        Whether to show a progress bar on standard error.

    Returns
    -------
    Path
        The file, which appears whole or not at all.

    Raises
    ------
    InvalidArgument
        No frames, unknown species, a model without per-site values.
    OutputExists
        If the file exists and `overwrite` is false; nothing is computed then.
    """
    target = check_output(path, overwrite)
    view = as_model(model, device)
    if not isinstance(view, CollectiveVariableModel) or not hasattr(view.cv, "per_site"):
        raise InvalidArgument(f"a {type(model).__name__} has no values per site; give a CollectiveVariable")
    names = list(view.site_names)
    check_columns(names, target)
    with write_atomic(target, overwrite) as temporary, open(temporary, "w", encoding="utf-8") as file:
        for atoms in with_progress(frame_iterator(frames), "per site", show_progress, count_of(frames)):
            sites = view.per_site(atoms)
            columns = {name: sites[name] for name in names}
            append_frame(file, frame_with_columns(atoms, columns, view.values(atoms)), names)
    return target
