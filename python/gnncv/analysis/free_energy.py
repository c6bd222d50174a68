"""One function from the files of a run to its free energy: what ``gnncv fes`` calls."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gnncv.analysis.bias import BiasGrid, read_bias_grid
from gnncv.analysis.curve import FreeEnergy
from gnncv.analysis.estimators import (
    check_range,
    free_energy_from_grid,
    free_energy_from_hills,
    free_energy_from_samples,
)
from gnncv.analysis.reweight import (
    bias_weights,
    final_bias_weights,
    gradient_norms,
    tiwary_parrinello_weights,
)
from gnncv.analysis.thermal import thermal_energy
from gnncv.errors import InvalidArgument
from gnncv.files.atomic import PathLike
from gnncv.files.colvar import Colvar, read_colvar
from gnncv.files.hills import Hills, read_hills

__all__ = ["FreeEnergy", "Weighting", "compute_free_energy", "is_hills_file"]

Array = NDArray[np.float64]
Paths = PathLike | Iterable[PathLike]
OWN_BIAS = "bias_kj_mol"
Weighting = Literal["logged", "final", "tiwary-parrinello"]


def _listed(paths: Paths) -> list[Path]:
    return [Path(paths)] if isinstance(paths, str | os.PathLike) else [Path(path) for path in paths]


def is_hills_file(path: PathLike) -> bool:
    """Whether a file in PLUMED's format holds hills (has the columns height and biasf)."""
    with open(path, "rb") as file:
        words = file.readline(100_000).decode("utf-8", "replace").split()
    return words[:2] == ["#!", "FIELDS"] and words[-2:] == ["height", "biasf"]


def _read_bias(paths: Paths, bias_range: tuple[float, float] | None) -> Hills | BiasGrid:
    """Hills from files, or the grid of a folder."""
    listed = _listed(paths)
    if len(listed) == 1 and listed[0].is_dir():
        if bias_range is None:
            raise InvalidArgument(
                f"{listed[0]} is a folder of OpenMM bias files, which do not hold the range of the variable: "
                "give it (bias_range), as in the run's configuration"
            )
        return read_bias_grid(listed[0], *bias_range)
    return read_hills(listed)


def bias_columns(table: Colvar, chosen: str | Sequence[str] | None, look: bool) -> list[str]:
    """Columns whose sum is the logged bias: those asked for, else the one that looks like it.

    A column that the file says is in another unit (``#! SET unit_NAME eV``) is none, and where there is
    ``bias_kj_mol``, the whole bias of our own engines, it is that one.
    """
    if chosen is not None:
        names = chosen.split(",") if isinstance(chosen, str) else list(chosen)
        for name in names:
            table.column(name)
        return names
    found = [name for name in table.fields if _looks_like_bias(name)] if look else []
    found = [name for name in found if table.constants.get(f"unit_{name}", "kJ/mol") == "kJ/mol"]
    if OWN_BIAS in found:
        return [OWN_BIAS]
    if len(found) > 1:
        raise InvalidArgument(
            f"several columns look like a bias: {', '.join(found)}; choose with bias_column (name all to add)"
        )
    return found


def _looks_like_bias(name: str) -> bool:
    """PLUMED's ``label.bias``, a plain ``bias``, or the column of our own engines."""
    return name in ("bias", OWN_BIAS) or name.endswith(".bias")


def _choose_cv(table: Colvar, cv: str | None, bias_columns: list[str], bias: Hills | BiasGrid | None) -> str:
    """The variable: as asked, that of the hills, or the only column that can be it."""
    if cv is not None:
        return cv
    if isinstance(bias, Hills) and len(bias.cv) == 1:
        table.column(bias.cv[0])
        return bias.cv[0]
    candidates = [name for name in table.fields if name != "time" and name not in bias_columns]
    if len(candidates) != 1:
        raise InvalidArgument(f"choose the variable (cv); the columns are {', '.join(table.fields)}")
    return candidates[0]


def _weights(
    table: Colvar,
    start: int,
    bias: Hills | BiasGrid | None,
    biased: list[str],
    columns: list[str],
    weighting: Weighting,
    temperature_kelvin: float,
) -> tuple[Array | None, str]:
    """Weights of the samples from row `start` on, and what they are in words."""
    weights: Array | None = None
    words = "histogram of unbiased samples"
    if bias is not None:
        samples = np.column_stack([table.column(name)[start:] for name in biased])
        if weighting == "final":
            weights, words = (
                final_bias_weights(samples, bias, temperature_kelvin),
                "reweighted with the final bias",
            )
        elif isinstance(bias, Hills):
            times = table.column("time")[start:]
            weights = tiwary_parrinello_weights(times, samples[:, 0], bias, temperature_kelvin)
            words = "reweighted after Tiwary and Parrinello"
        else:
            raise InvalidArgument("Tiwary-Parrinello weights need the HILLS file: a bias grid has no history")
    if columns:
        logged = bias_weights(sum(table.column(name)[start:] for name in columns), temperature_kelvin)  # type: ignore[arg-type]
        words = (
            f"{words} and" if bias is not None else "reweighted with"
        ) + f" the logged {' + '.join(columns)}"
        weights = logged if weights is None else weights * logged
    return weights, words


def _from_table(
    table: Colvar,
    cv: str | None,
    temperature_kelvin: float,
    bias: Hills | BiasGrid | None,
    bias_column: str | Sequence[str] | None,
    weighting: Weighting,
    reweight_on: str | None,
    discard: float,
    gradnorm2: str | None,
) -> tuple[str, Array, Array | None, str]:
    """Name, samples and weights of the variable of the curve, and the words for the weights."""
    if cv is not None:
        table.column(cv)
    columns = bias_columns(table, bias_column, look=bias is None)
    if reweight_on is not None:
        table.column(reweight_on)
        if bias is None and not columns:
            raise InvalidArgument(
                f"reweighting on {reweight_on} needs the bias: name its column (bias_column) or give the "
                f"HILLS file (bias); the columns are {', '.join(table.fields)}"
            )
    name = _choose_cv(table, cv, columns, bias) if reweight_on is None or bias is not None else reweight_on
    biased = [name]
    if isinstance(bias, Hills):
        if len(bias.cv) == 1 and cv is None:
            name = bias.cv[0]
        biased = bias.cv
        for column in biased:
            table.column(column)
    start = int(discard * len(table))
    weights, words = _weights(table, start, bias, biased, columns, weighting, temperature_kelvin)
    if gradnorm2 is not None:
        metric = gradient_norms(table.column(gradnorm2)[start:], gradnorm2)
        weights = metric if weights is None else weights * metric
        words = f"{words}, geometric: times the root of {gradnorm2}"
    target = reweight_on or name
    return target, table.column(target)[start:], weights, words


def compute_free_energy(
    source: Paths,
    *,
    cv: str | None = None,
    temperature_kelvin: float | None = None,
    bias_column: str | Sequence[str] | None = None,
    bias: Paths | None = None,
    weighting: Weighting | None = None,
    reweight_on: str | None = None,
    blocks: int = 5,
    bins: int | None = None,
    value_range: tuple[float, float] | None = None,
    discard: float = 0.0,
    bias_range: tuple[float, float] | None = None,
    bias_factor: float | None = None,
    gradnorm2: str | None = None,
) -> FreeEnergy:
    """Free energy of one variable from the files of a run.

    Parameters
    ----------
    source : path-like or iterable of path-like
        HILLS file(s): the hills are summed. A folder of OpenMM bias files: they are summed. COLVAR file(s):
        samples are histogrammed with the weights that the other arguments say.
    cv : str, optional
        The variable. Needed with a COLVAR file unless the hills (`bias`) or the columns leave one choice.
    temperature_kelvin : float
        Needed with a COLVAR file.
    bias_column : str or sequence of str, optional
        Column(s) of the COLVAR file with the bias felt, kJ/mol (several: their sum).
        Default, without `bias`: the column ``bias``, ``bias_kj_mol`` or ``*.bias`` if there is just one;
        none, or an empty list, makes the samples unbiased.
    bias : path-like or iterable of path-like, optional
        HILLS file(s) or bias folder of the run, to reweight with the final bias or with c(t).
    weighting : {"logged", "final", "tiwary-parrinello"}, optional
        See `gnncv.analysis.reweight`. Default "final" with `bias`, "logged" without.
    reweight_on : str, optional
        Column to draw the curve of, instead of the biased variable.
    blocks : int
        Blocks of the error estimate, at least 2.
    bins : int, optional
        Bins of the histogram (default 60), points of a sum of hills (default 200).
    value_range : (low, high), optional
        Range of the curve; default what was visited.
    discard : float
        Fraction of the samples to leave out at the start, in [0, 1).
    bias_range : (low, high), optional
        Range of the variable, for OpenMM's bias files, which do not have it.
    bias_factor : float, optional
        Bias factor, for OpenMM's bias files; None for plain metadynamics.
    gradnorm2 : str, optional
        Column of the COLVAR file with |grad s|^2 of the variable (PLUMED's ``cv.gradnorm2-NAME``): the curve
        is the geometric free energy then, see `gnncv.analysis.reweight.gradient_norms`.

    Returns
    -------
    FreeEnergy

    Raises
    ------
    InvalidArgument
        Anything that cannot be used, before anything is computed.
    """
    listed = _listed(source)
    if not listed:
        raise InvalidArgument("no file was given")
    if blocks != int(blocks) or blocks < 2:
        raise InvalidArgument(f"blocks is {blocks}; it must be a whole number, at least 2")
    if bins is not None and bins < 2:
        raise InvalidArgument(f"bins is {bins}; it must be at least 2")
    if not 0.0 <= discard < 1.0:
        raise InvalidArgument(f"discard is {discard}; it must be a fraction from 0 to below 1")
    if weighting not in (None, "logged", "final", "tiwary-parrinello"):
        raise InvalidArgument(f"weighting is {weighting!r}; choose from logged, final, tiwary-parrinello")
    check_range(value_range)
    if temperature_kelvin is not None:
        thermal_energy(temperature_kelvin)
    for path in listed:
        if not path.exists():
            raise InvalidArgument(f"{path} does not exist")
    if listed[0].is_dir() or is_hills_file(listed[0]):
        if any(given is not None for given in (reweight_on, bias, bias_column, gradnorm2)):
            raise InvalidArgument(
                f"{listed[0]} has no samples to reweight; give the COLVAR file of the run as the source "
                "and this as its bias"
            )
        found = _read_bias(listed, bias_range)
        if isinstance(found, BiasGrid):
            return free_energy_from_grid(found, bias_factor, cv or "cv")
        if cv is not None and cv not in found.cv:
            raise InvalidArgument(f"{listed[0]} has hills of {', '.join(found.cv)}, not of {cv!r}")
        return free_energy_from_hills(found, bins or 200, value_range, blocks)
    thermal_energy(temperature_kelvin)
    assert temperature_kelvin is not None
    if bias is None and weighting in ("final", "tiwary-parrinello"):
        raise InvalidArgument(
            f"weighting {weighting!r} needs the HILLS file or bias folder of the run (bias)"
        )
    if bias is not None and weighting == "logged":
        raise InvalidArgument(
            "weighting 'logged' takes the bias from a column (bias_column), not from hills (bias)"
        )
    name, samples, weights, words = _from_table(
        read_colvar(listed),
        cv,
        temperature_kelvin,
        None if bias is None else _read_bias(bias, bias_range),
        bias_column,
        weighting or ("logged" if bias is None else "final"),
        reweight_on,
        discard,
        gradnorm2,
    )
    return free_energy_from_samples(
        samples, weights, temperature_kelvin, name, bins or 60, value_range, blocks, words
    )
