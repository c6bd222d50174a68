"""A free-energy curve with error bars, and its files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.files.atomic import PathLike, check_output, write_atomic

Array = NDArray[np.float64]


@dataclass
class FreeEnergy:
    """Free energy as a function of one variable.

    Attributes
    ----------
    cv : str
        Name of the variable.
    grid : (M,) float64
        Its values.
    values : (M,) float64
        Free energy, kJ/mol; the lowest value is zero; +inf where nothing was sampled.
    errors : (M,) float64 or None
        One standard error, kJ/mol (NaN where nothing was sampled); None where no estimate is possible.
    method : str
        How it was obtained, in words; goes into the files.
    error_method : str
        What `errors` are, in words.
    temperature_kelvin : float or None
        Temperature, where the method needs one.
    facts : dict of str to float
        Figures behind the curve: n_samples, effective_samples, n_blocks, n_hills, ...
    """

    cv: str
    grid: Array
    values: Array
    errors: Array | None
    method: str
    error_method: str = "no error estimate"
    temperature_kelvin: float | None = None
    facts: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        visited = np.isfinite(self.values)
        if not visited.any():
            raise InvalidArgument(f"no value of {self.cv} was sampled in the range of the curve")
        self.values = self.values - self.values[visited].min()

    def summary(self) -> dict[str, object]:
        """The facts that ``gnncv fes --json`` prints."""
        visited = np.isfinite(self.values)
        lowest = int(np.nanargmin(np.where(visited, self.values, np.nan)))
        facts: dict[str, object] = {
            "cv": self.cv,
            "method": self.method,
            "error_method": self.error_method,
            "temperature_kelvin": self.temperature_kelvin,
            "minimum_at": float(self.grid[lowest]),
            "highest_kj_mol": float(self.values[visited].max()),
            "visited_from": float(self.grid[visited].min()),
            "visited_to": float(self.grid[visited].max()),
        }
        if self.errors is not None:
            facts["median_error_kj_mol"] = float(np.nanmedian(self.errors))
        return facts | self.facts

    def _table_text(self) -> str:
        """PLUMED's table format: header, then value, free energy and error in each row."""
        lines = [
            f"#! FIELDS {self.cv} free_energy error",
            f"#! SET min_{self.cv} {self.grid[0]:.10g}",
            f"#! SET max_{self.cv} {self.grid[-1]:.10g}",
            f"#! SET nbins_{self.cv} {len(self.grid)}",
            f"#! SET periodic_{self.cv} false",
            "#! SET unit kJ/mol",
            f"#! SET method {self.method}",
            f"#! SET errors {self.error_method}",
        ]
        if self.temperature_kelvin is not None:
            lines.append(f"#! SET temperature_kelvin {self.temperature_kelvin:g}")
        lines += [f"#! SET {name} {value:.10g}" for name, value in self.facts.items()]
        lines += [f" {s:.10g} {f:.10g} {e:.10g}" for s, f, e in self._rows()]
        return "\n".join(lines) + "\n"

    def _csv_text(self) -> str:
        rows = [f"{s:.10g},{f:.10g},{e:.10g}" for s, f, e in self._rows()]
        return "\n".join([f"{self.cv},free_energy_kj_mol,error_kj_mol", *rows]) + "\n"

    def _rows(self) -> list[tuple[float, float, float]]:
        errors = np.full(len(self.grid), np.nan) if self.errors is None else self.errors
        return list(zip(self.grid.tolist(), self.values.tolist(), errors.tolist(), strict=True))

    def write(self, path: PathLike, overwrite: bool = False, picture: bool = True) -> list[Path]:
        """Write the table, the same as CSV, and a picture.

        Parameters
        ----------
        path : path-like
            The table in PLUMED's format, for example ``fes.dat``; ``fes.csv`` and ``fes.png`` go beside it.
        overwrite : bool
            Whether existing files may be replaced. All names are checked before the first is written.
        picture : bool
            Whether to draw the picture.

        Returns
        -------
        list of Path
            What was written.

        Raises
        ------
        OutputExists
            If one of them exists and `overwrite` is false.
        """
        table = Path(path)
        csv, png = table.with_suffix(".csv"), table.with_suffix(".png")
        if table in (csv, png):
            raise InvalidArgument(
                f"{table} is the table in PLUMED's format; name it .dat, .csv is written beside it"
            )
        targets = [table, csv, png] if picture else [table, csv]
        for target in targets:
            check_output(target, overwrite)
        with write_atomic(table, overwrite) as temporary:
            temporary.write_text(self._table_text())
        with write_atomic(csv, overwrite) as temporary:
            temporary.write_text(self._csv_text())
        if picture:
            from gnncv.analysis.pictures import free_energy_picture

            free_energy_picture(self, png, overwrite)
        return targets
