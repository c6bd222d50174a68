"""Explanations as extended XYZ: columns that OVITO colors by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from ase import Atoms
from ase.io.extxyz import key_val_dict_to_str
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.grouping.kinds import assign
from gnncv.explain.nodes import atoms_of_nodes, need_nodes, node_scores
from gnncv.files.atomic import PathLike, check_output, write_atomic

if TYPE_CHECKING:
    from gnncv.explain.explanation import Explanation


def write_extxyz(
    explanations: Explanation | Iterable[Explanation],
    path: PathLike,
    overwrite: bool = False,
    species: Sequence[str] | None = None,
) -> Path:
    """Write explanations as frames of one extended XYZ file.

    Parameters
    ----------
    explanations : Explanation or iterable of them
        Over nodes, node features or edges, each with its frame: of several frames, methods or outputs.
    path : path-like
        The file. Every frame has the same columns: species, pos; ``score`` and ``magnitude`` of the atom or
        of the site it belongs to (features and edges are added up at their node, half of an edge at each
        end; of magnitudes the absolute scores are); ``share``, the atom's part of the score, which adds up
        to the sum of the scores (a site's score divided by its number of atoms); ``node``, the number of the
        atom's node (from 1); ``species_number``, the place (from 1) of its element in the key
        ``species_set``; and ``spread``, if all explanations (with `species` given: the first)
        are over nodes and have one.
        The comment line has the frame's own keys, and ``output``, ``method``, ``units``, ``model_hash``,
        ``value``, ``over``, ``n_frames``, ``completeness_gap`` (where there is one) and ``species_set``: the
        elements of *all* frames in alphabetical order, so that a viewer can give an element the same number
        in all frames.
    overwrite : bool
        Whether the file may replace an existing one.
    species : sequence of str, optional
        The elements of all frames. If given, explanations are written one by one as they come, and none is
        kept; else all are gone through first.

    Returns
    -------
    Path
        The file, which appears whole or not at all.

    Raises
    ------
    InvalidArgument
        No explanations, one without a frame, of training frames or groups, with an element that is not in
        `species`, or without a spread where the first has one.
    OutputExists
        If the file exists and `overwrite` is false.
    """
    target = check_output(path, overwrite)
    given = explanations if isinstance(explanations, Iterable) else [explanations]
    with_spread: bool | None = None
    number = 0
    if species is None:
        given = list(given)
        species = [symbol for one in given for symbol in set(_frame(one).symbols)]
        with_spread = all(one.over == "nodes" and one.spread is not None for one in given)
    known = sorted(set(species))
    with write_atomic(target, overwrite) as temporary, open(temporary, "w", encoding="utf-8") as file:
        for one in given:
            if with_spread is None:
                with_spread = one.over == "nodes" and one.spread is not None
            _append(file, _frame(one), _columns(one, known, with_spread), _keys(one, known))
            number += 1
        if number == 0:
            raise InvalidArgument(f"there are no explanations to write to {target}")
    return target


def _frame(explanation: Explanation) -> Atoms:
    need_nodes(explanation, "extended XYZ")
    if explanation.atoms is None:
        raise InvalidArgument(
            f"{explanation.method} explained a graph without a frame: there are no positions"
        )
    return explanation.atoms


def _columns(explanation: Explanation, species: list[str], with_spread: bool) -> dict[str, NDArray[Any]]:
    atoms, owners = _frame(explanation), atoms_of_nodes(explanation)
    number = {symbol: place for place, symbol in enumerate(species, start=1)}
    if unknown := sorted(set(atoms.symbols) - set(number)):
        raise InvalidArgument(f"element {unknown[0]} of a frame is not in species, {' '.join(species)}")
    columns: dict[str, NDArray[Any]] = {
        "score": node_scores(explanation)[owners],
        "magnitude": node_scores(explanation, magnitudes=True)[owners],
        "share": assign(explanation, "atom").table(explanation, "atom").sum,
        "node": owners + 1,
        "species_number": np.array([number[symbol] for symbol in atoms.symbols]),
    }
    if with_spread:
        if explanation.over != "nodes" or explanation.spread is None:
            raise InvalidArgument("an explanation has no spread over nodes, the first of the file has one")
        columns["spread"] = explanation.spread[owners]
    return columns


def _keys(explanation: Explanation, species: list[str]) -> dict[str, Any]:
    """The frame's own keys and those of the explanation, for the comment line."""
    names = ("output", "method", "units", "model_hash", "value", "over", "n_frames", "completeness_gap")
    found = {name: getattr(explanation, name) for name in names}
    own = {name: value for name, value in found.items() if value is not None}
    return {**_frame(explanation).info, **own, "species_set": " ".join(species)}


def _append(file: TextIO, atoms: Atoms, columns: dict[str, NDArray[Any]], keys: dict[str, Any]) -> None:
    """Write one frame; ASE's writer rounds columns to 8 decimals, and scores can be small."""
    kinds = "".join(
        f":{name}:{'I' if values.dtype.kind == 'i' else 'R'}:1" for name, values in columns.items()
    )
    lattice = {"Lattice": atoms.cell.array.T} if atoms.cell.rank == 3 else {}
    header = {**lattice, "Properties": f"species:S:1:pos:R:3{kinds}", **keys, "pbc": atoms.pbc}
    file.write(f"{len(atoms)}\n{key_val_dict_to_str(header)}\n")
    table = zip(*(values.tolist() for values in columns.values()), strict=True)
    for symbol, position, row in zip(atoms.symbols, atoms.positions.tolist(), table, strict=True):
        file.write(" ".join([symbol, *map(repr, position), *map(repr, row)]) + "\n")
