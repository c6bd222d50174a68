"""Sums of scores by groups."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.files.atomic import PathLike

if TYPE_CHECKING:
    import pandas

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores of one explanation, added up in G groups.

    Attributes
    ----------
    by
        What the groups are: ``"species"``, ``"shell"``, ...
    names
        One for each group.
    sum
        (G,) float64: sum of the scores; over all groups it is the sum of all scores of the explanation.
    count
        (G,) int64: how many there are of what `counted` says.
    mean
        (G,) float64: ``sum / count``; 0 of an empty group.
    share
        (G,) float64: the group's part of the sum of *absolute* scores, which does not cancel. They add up to
        1 (to 0, if all scores are zero).
    counted
        What is counted: ``"nodes"``, ``"atoms"``, ``"pairs"``, ``"edges"``, ``"angles"``, ``"features"``.
    units, output, method, model_hash
        Those of the explanation.
    bounds
        (G, 2) float64, of shells (angstrom) and angles (degrees): lower and upper limit; NaN where a group
        has none.
    members
        (G,) or (G, 2) int64: node or atom (from 0) of each group, or its two nodes, where groups are these.
    spread
        (G,) float64: standard deviation over frames, where groups are single scores that have one.
    """

    by: str
    names: tuple[str, ...]
    sum: Array
    count: Integers
    share: Array
    counted: str
    units: str
    output: str
    method: str
    model_hash: str
    bounds: Array | None = None
    members: Integers | None = None
    spread: Array | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def mean(self) -> Array:
        """(G,) sums divided by counts."""
        return np.divide(self.sum, self.count, out=np.zeros_like(self.sum), where=self.count > 0)

    def top(self, k: int, signed: bool = False) -> ScoreTable:
        """The k groups with the largest absolute sums, the largest first; with `signed` the largest sums."""
        if k < 1:
            raise InvalidArgument(f"k is {k}; it must be positive")
        key = self.sum if signed else np.abs(self.sum)
        return self._rows(np.argsort(-key, kind="stable")[:k])

    def _rows(self, chosen: Integers) -> ScoreTable:
        def rows(values: NDArray[Any] | None) -> Any:
            return None if values is None else values[chosen]

        return replace(
            self,
            names=tuple(self.names[i] for i in chosen),
            sum=self.sum[chosen],
            count=self.count[chosen],
            share=self.share[chosen],
            bounds=rows(self.bounds),
            members=rows(self.members),
            spread=rows(self.spread),
        )

    def columns(self) -> dict[str, list[Any]]:
        """The table by columns: the groups' names, limits, numbers, and where they come from."""
        table: dict[str, list[Any]] = {self.by: list(self.names)}
        if self.bounds is not None:
            table |= {"from": self.bounds[:, 0].tolist(), "to": self.bounds[:, 1].tolist()}
        for name in ("mean", "sum", "count", "share"):
            table[name] = getattr(self, name).tolist()
        if self.spread is not None:
            table["spread"] = self.spread.tolist()
        constant = {
            "counted": self.counted,
            "units": self.units,
            "output": self.output,
            "method": self.method,
        }
        return table | {name: [value] * len(self) for name, value in constant.items()}

    def to_csv(self, path: PathLike, overwrite: bool = False) -> Path:
        """Write one row for each group; numbers are read back as they were."""
        from gnncv.explain.formats.table import write_columns

        return write_columns(self.columns(), path, overwrite)

    def to_dataframe(self) -> pandas.DataFrame:
        """One row for each group, as pandas.DataFrame (`gnncv[explain]`)."""
        from gnncv.explain.formats.table import dataframe

        return dataframe(self.columns(), {"model_hash": self.model_hash})

    def __str__(self) -> str:
        wide = max([len(self.by), *map(len, self.names)])
        title = f"{self.output} by {self.method}, scores in {self.units}"
        lines = [title, f"{self.by:<{wide}} {'mean':>12} {'sum':>12} {self.counted:>8} {'share':>7}"]
        for name, mean, total, count, share in zip(
            self.names, self.mean, self.sum, self.count, self.share, strict=True
        ):
            lines.append(f"{name:<{wide}} {mean:12.5g} {total:12.5g} {count:8d} {share:7.1%}")
        return "\n".join(lines)
