"""Explanations as tables: one row for each score."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gnncv.errors import InvalidArgument
from gnncv.explain.nodes import edge_vectors, need_edges, node_positions, node_species
from gnncv.files.atomic import PathLike, write_atomic

if TYPE_CHECKING:
    import pandas

    from gnncv.explain.explanation import Explanation


def to_columns(explanation: Explanation) -> dict[str, list[Any]]:
    """The rows of an explanation by columns; see `Explanation.to_dataframe` for their names."""
    columns = _what(explanation)
    size = explanation.scores.size
    columns["score"] = explanation.scores.reshape(-1).tolist()
    columns["magnitude"] = explanation.magnitudes.reshape(-1).tolist()
    if explanation.spread is not None:
        columns["spread"] = explanation.spread.reshape(-1).tolist()
    constant = {"output": explanation.output, "method": explanation.method, "units": explanation.units}
    return columns | {name: [value] * size for name, value in constant.items()}


def _what(explanation: Explanation) -> dict[str, list[Any]]:
    """The columns that say what was scored."""
    if explanation.over == "edges":
        return _edges(explanation)
    if explanation.over in ("frames", "groups"):
        return {explanation.over.removesuffix("s"): list(explanation.labels)}
    n = len(explanation.node_labels)
    columns: dict[str, list[Any]] = {
        "node": list(explanation.node_labels),
        "number": list(range(1, n + 1)),
        "species": node_species(explanation),
    }
    if explanation.atoms is not None:
        positions = node_positions(explanation)
        columns |= {axis: positions[:, k].tolist() for k, axis in enumerate("xyz")}
    if explanation.over == "node_features":
        n_features = len(explanation.labels)
        columns = {name: [v for v in values for _ in range(n_features)] for name, values in columns.items()}
        columns["feature"] = list(explanation.labels) * n
    return columns


def _edges(explanation: Explanation) -> dict[str, list[Any]]:
    ends = need_edges(explanation, "a row for each edge")
    labels = explanation.node_labels
    columns: dict[str, list[Any]] = {}
    for name, nodes in zip(("sender", "receiver"), ends.tolist(), strict=True):
        columns[name] = [labels[node] for node in nodes]
        columns[f"{name}_number"] = [node + 1 for node in nodes]
    if explanation.edge_vectors is not None or explanation.atoms is not None:
        columns["distance"] = np.linalg.norm(edge_vectors(explanation), axis=1).tolist()
    return columns


def write_columns(columns: Mapping[str, list[Any]], path: PathLike, overwrite: bool = False) -> Path:
    """Write columns as CSV; floating-point numbers with the digits that give them back."""
    with (
        write_atomic(path, overwrite) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return Path(path)


def dataframe(columns: Mapping[str, list[Any]], attributes: Mapping[str, Any]) -> pandas.DataFrame:
    """Columns as pandas.DataFrame, with `attributes` as its `attrs`."""
    try:
        import pandas
    except ImportError:
        raise InvalidArgument(
            "a DataFrame needs pandas: pip install 'gnncv[explain]'; to_csv does not"
        ) from None
    frame = pandas.DataFrame(dict(columns))
    frame.attrs.update(attributes)
    return frame
