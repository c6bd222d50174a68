"""Gaussian hills in the format of PLUMED's METAD action, which `plumed sum_hills` reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.files.atomic import PathLike
from gnncv.files.colvar import read_colvar
from gnncv.files.table_writer import TableWriter


@dataclass
class Hills:
    """The hills of a metadynamics run, as written in the file.

    Attributes
    ----------
    cv : list of str
        Names of the D collective variables.
    time : (H,) float64
        Deposition times, ps.
    centers, sigmas : (H, D) float64
        Centers and widths, in the units of the variables.
    heights : (H,) float64
        Heights as written, kJ/mol: for well-tempered runs scaled by biasf/(biasf-1), so that minus their sum
        is the free energy.
    bias_factor : float or None
        The bias factor of a well-tempered run; None for plain metadynamics.
    kernel : str
        "gaussian" or "stretched-gaussian" (the file's ``kerneltype``).
    constants : dict of str to str
        The file's ``#! SET`` lines.
    """

    cv: list[str]
    time: NDArray[np.float64]
    centers: NDArray[np.float64]
    sigmas: NDArray[np.float64]
    heights: NDArray[np.float64]
    bias_factor: float | None
    kernel: str = "gaussian"
    constants: dict[str, str] = field(default_factory=dict)
    paths: list[Path] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.time)

    @property
    def free_energy_scale(self) -> float:
        """biasf/(biasf-1), the factor from bias to minus the free energy; 1 for plain metadynamics."""
        return 1.0 if self.bias_factor is None else self.bias_factor / (self.bias_factor - 1.0)

    @property
    def bias_heights(self) -> NDArray[np.float64]:
        """(H,) heights of the hills that the simulation felt, kJ/mol."""
        return self.heights / self.free_energy_scale

    def part(self, start: int, end: int) -> Hills:
        """The hills number `start` to `end` - 1."""
        chosen = slice(start, end)
        return replace(
            self,
            time=self.time[chosen],
            centers=self.centers[chosen],
            sigmas=self.sigmas[chosen],
            heights=self.heights[chosen],
        )

    def periods(self) -> list[tuple[float, float] | None]:
        """Domain (min, max) of each variable, from ``#! SET min_cv``; None where it is not periodic."""
        found: list[tuple[float, float] | None] = []
        for name in self.cv:
            low, high = self.constants.get(f"min_{name}"), self.constants.get(f"max_{name}")
            found.append(None if low is None or high is None else (_plumed_number(low), _plumed_number(high)))
        return found


def _plumed_number(text: str) -> float:
    """A number as PLUMED writes it: "1.5", "pi", "-pi", "2pi"."""
    scale = 1.0
    if text.endswith("pi"):
        scale, text = np.pi, text.removesuffix("pi")
        text = {"": "1", "-": "-1", "+": "1"}.get(text, text.rstrip("*"))
    try:
        return scale * float(text)
    except ValueError:
        raise InvalidArgument(f"{text!r} is not a number that PLUMED writes") from None


def read_hills(paths: PathLike | Iterable[PathLike]) -> Hills:
    """Read HILLS files of one run, or of several walkers on one bias.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        The files; hills are returned in the order of the files.

    Returns
    -------
    Hills

    Raises
    ------
    InvalidArgument
        A file that is no HILLS file, hills of several bias factors, hills with full covariance
        (``multivariate true``), an unknown kernel, widths that are not positive.
    """
    table = read_colvar(paths)
    where = ", ".join(str(path) for path in table.paths)
    fields = table.fields[:-1] if table.fields[-1:] == ["clock"] else table.fields  # a walker's has a clock
    cv = [name.removeprefix("sigma_") for name in fields if name.startswith("sigma_")]
    if table.constants.get("multivariate", "false") != "false":
        raise InvalidArgument(f"{where}: hills with a full covariance matrix are not supported")
    if not cv or fields != ["time", *cv, *(f"sigma_{name}" for name in cv), "height", "biasf"]:
        raise InvalidArgument(
            f"{where} is not a HILLS file: expected the columns time, CV, sigma_CV, height, biasf, "
            f"found {' '.join(fields)}"
        )
    kernel = table.constants.get("kerneltype", "gaussian")
    if kernel not in ("gaussian", "stretched-gaussian"):
        raise InvalidArgument(f"{where}: kerneltype {kernel!r} is neither gaussian nor stretched-gaussian")
    factors = np.unique(table["biasf"])
    if len(factors) > 1:
        raise InvalidArgument(
            f"{where}: hills of several bias factors {factors.tolist()}; read them one by one"
        )
    centers = np.column_stack([table[name] for name in cv])
    sigmas = np.column_stack([table[f"sigma_{name}"] for name in cv])
    if np.any(sigmas <= 0.0):
        raise InvalidArgument(f"{where}: a hill's sigma is {sigmas.min():g}; widths must be positive")
    factor = float(factors[0]) if len(factors) and factors[0] > 1.0 else None
    return Hills(
        cv, table["time"], centers, sigmas, table["height"], factor, kernel, table.constants, table.paths
    )


class HillsWriter:
    """Writes hills as PLUMED's METAD does: ``#! FIELDS time cv sigma_cv height biasf``.

    Parameters
    ----------
    path : path-like
        The file.
    cv : str or sequence of str
        Name of the variable, or of each of them.
    bias_factor : float or None
        Bias factor of a well-tempered run (> 1); None for plain metadynamics.
    append_at : int, optional
        Go on with an existing file, cut to this many bytes first (see `TableWriter`).
    overwrite : bool
        Whether a new file may replace an existing one.
    constants : mapping, optional
        More ``#! SET`` lines, for example ``min_phi`` and ``max_phi`` of a periodic variable.

    Notes
    -----
    Heights given to `write` are those that the simulation felt, kJ/mol. The file has them multiplied by
    biasf/(biasf-1), as PLUMED writes them (Barducci, Bussi, Parrinello, PRL 100, 020603, 2008,
    doi:10.1103/PhysRevLett.100.020603), so that minus their sum estimates the free energy. biasf is -1 for
    plain metadynamics, again as PLUMED writes it.
    """

    def __init__(
        self,
        path: PathLike,
        cv: str | Sequence[str],
        bias_factor: float | None,
        append_at: int | None = None,
        overwrite: bool = False,
        constants: Mapping[str, str] | None = None,
    ) -> None:
        if bias_factor is not None and not (np.isfinite(bias_factor) and bias_factor > 1.0):
            raise InvalidArgument(
                f"bias_factor is {bias_factor}; it must be above 1 (None for plain metadynamics)"
            )
        self.cv = [cv] if isinstance(cv, str) else list(cv)
        self.bias_factor = bias_factor
        self._scale = 1.0 if bias_factor is None else bias_factor / (bias_factor - 1.0)
        self._table = TableWriter(
            path,
            ["time", *self.cv, *(f"sigma_{name}" for name in self.cv), "height", "biasf"],
            {"multivariate": "false", "kerneltype": "gaussian", **(constants or {})},
            append_at=append_at,
            overwrite=overwrite,
            digits=None,
        )

    @property
    def path(self) -> Path:
        """The file that is written."""
        return self._table.path

    @property
    def position(self) -> int:
        """Bytes written so far: the `append_at` of a restart."""
        return self._table.position

    def write(
        self,
        time_ps: float,
        center: float | Sequence[float],
        sigma: float | Sequence[float],
        height_kj_mol: float,
    ) -> None:
        """Write one hill: time, center and width of each variable, and the height the simulation felt."""
        centers, sigmas = np.atleast_1d(center), np.atleast_1d(sigma)
        if np.any(sigmas <= 0.0):
            raise InvalidArgument(f"a hill's sigma is {sigmas.min():g}; widths must be positive")
        factor = -1.0 if self.bias_factor is None else self.bias_factor
        self._table.write([time_ps, *centers.tolist(), *sigmas.tolist(), height_kj_mol * self._scale, factor])

    def flush(self) -> None:
        """Force everything written so far to the disk."""
        self._table.flush()

    def close(self) -> None:
        """Flush and close; closing twice does nothing."""
        self._table.close()

    def __enter__(self) -> HillsWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
