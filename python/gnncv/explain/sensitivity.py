"""Which atoms a CV listens to: the norm of its gradient by their positions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.frames import append_frame, frame_list, frame_with_columns, with_progress
from gnncv.explain.model import CollectiveVariableModel, DifferentiableModel, as_model, choose_output
from gnncv.files.atomic import PathLike, check_output, write_atomic

Array = NDArray[np.float64]


def _check_same_atoms(frames: list[Atoms]) -> None:
    """Averages per atom need the same atoms in every frame."""
    first = frames[0].numbers
    for number, atoms in enumerate(frames[1:], start=1):
        if not np.array_equal(atoms.numbers, first):
            raise InvalidArgument(
                f"frame {number} has {atoms.get_chemical_formula()} and frame 0 has "
                f"{frames[0].get_chemical_formula()}, or another order of the atoms; averages "
                "per atom need the same atoms in every frame"
            )


def _scores(model: DifferentiableModel, atoms: Atoms, name: str, number: int) -> tuple[float, Array]:
    """Value of the output and norm of its gradient on each atom."""
    value, gradient = model.value_and_gradient(atoms, name)
    if gradient.shape != (len(atoms), 3):
        raise InvalidArgument(f"the gradient of {name} has shape {gradient.shape} for {len(atoms)} atoms")
    bad = np.flatnonzero(~np.isfinite(gradient).all(axis=1))
    if len(bad) or not np.isfinite(value):
        where = f"the gradient of {name} on atom {bad[0]}" if len(bad) else name
        raise InvalidArgument(f"{where} is not finite in frame {number}")
    return value, np.linalg.norm(gradient, axis=1)


def graph_node_sensitivity(
    model: Any,
    frames: Atoms | Iterable[Atoms],
    component: int | str = 0,
    device: str = "cpu",
    batch_size: int | None = None,
    show_progress: bool = True,
    extxyz_filename: PathLike | None = None,
    *,
    overwrite: bool = False,
    crystallinity: bool = False,
) -> dict[str, Any]:
    """Sensitivity of a CV to each atom: |dCV/dr_i|, per frame and averaged over frames.

    The call and the results are those of mlcolvar's function of the same name; the derivatives come from the
    C++ core, the ones that a biased simulation feels.

    Parameters
    ----------
    model : path-like, CollectiveVariable or callable
        The exported model, the loaded one, or any function of `ase.Atoms` that returns a value and its (N,3)
        gradient.
    frames : ase.Atoms or iterable of them
        T frames of the same N atoms.
    component : int or str
        Which output, by index or name.
    device : str
        Device of a model that is loaded here.
    batch_size : int, optional
        Accepted for compatibility; frames are evaluated one at a time and the results do not depend on it.
    show_progress : bool
        Whether to show a progress bar on standard error.
    extxyz_filename : path-like, optional
        Write the frames with the column ``sensitivities``, and the CV's value in the comment line.
    overwrite : bool
        Whether that file may replace an existing one.
    crystallinity : bool
        Also return the per-atom crystallinity (another evaluation without gradients), where the model has it.

    Returns
    -------
    dict
        ``node_labels`` (list of N str, species and 1-based number), ``avg_sensitivities`` (N,) and
        ``raw_sensitivities`` (T, N), per angstrom; ``atoms_list`` (the frames, with the column); and beyond
        mlcolvar ``component`` (str), ``values`` (T,), and ``crystallinity`` (T, N) if asked for and there.

    Raises
    ------
    InvalidArgument
        An unknown output, no frames, frames of different atoms, unknown species, a gradient not finite.
    OutputExists
        If `extxyz_filename` exists and `overwrite` is false; nothing is computed then.
    """
    if batch_size is not None and batch_size < 1:
        raise InvalidArgument(f"batch_size is {batch_size}; it must be positive (or None)")
    if extxyz_filename is not None:
        check_output(extxyz_filename, overwrite)
    listed = frame_list(frames)
    _check_same_atoms(listed)
    view = as_model(model, device)
    name = choose_output(view, component)
    sites = view if isinstance(view, CollectiveVariableModel) and crystallinity else None
    if sites is not None and "crystallinity" not in sites.site_names:
        sites = None
    values, raw, crystal, atoms_list = [], [], [], []
    for number, atoms in enumerate(with_progress(listed, "sensitivity", show_progress)):
        value, scores = _scores(view, atoms, name, number)
        columns = {"sensitivities": scores}
        if sites is not None:
            columns["crystallinity"] = sites.per_site(atoms)["crystallinity"]
            crystal.append(columns["crystallinity"])
        values.append(value)
        raw.append(scores)
        atoms_list.append(frame_with_columns(atoms, columns, {name: value}))
    result: dict[str, Any] = {
        "node_labels": [f"{symbol}{i}" for i, symbol in enumerate(listed[0].symbols, start=1)],
        "avg_sensitivities": np.mean(raw, axis=0),
        "raw_sensitivities": np.array(raw),
        "atoms_list": atoms_list,
        "component": name,
        "values": np.array(values),
    }
    if crystal:
        result["crystallinity"] = np.array(crystal)
    if extxyz_filename is not None:
        columns_written = ["sensitivities", *(["crystallinity"] if crystal else [])]
        with (
            write_atomic(extxyz_filename, overwrite) as temporary,
            open(temporary, "w", encoding="utf-8") as file,
        ):
            for atoms in atoms_list:
                append_frame(file, atoms, columns_written)
    return result
