"""From the files of an earlier biased run to a free energy of outputs of a model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gnncv.analysis import bias_weights, final_bias_weights, tiwary_parrinello_weights
from gnncv.analysis.free_energy import Weighting, bias_columns, is_hills_file
from gnncv.analysis.thermal import thermal_energy
from gnncv.errors import InvalidArgument
from gnncv.files import Colvar, read_colvar, read_hills

from .landscape import Landscape, landscape_from_hills, landscape_from_samples

Array = NDArray[np.float64]


def read_landscape(
    source: Path | Sequence[Path],
    outputs: Sequence[str] | None = None,
    *,
    temperature_kelvin: float | None = None,
    bias: Sequence[Path] | None = None,
    bias_column: str | None = None,
    weighting: Weighting | None = None,
    discard: float = 0.0,
) -> Landscape:
    """Free energy of some outputs from the files of a run.

    Parameters
    ----------
    source
        The folder of a run of gnncv (its HILLS file, or its COLVAR file if there is none or `outputs` are
        others than the hills'), HILLS file(s), or COLVAR file(s).
    outputs
        Names in the model; columns may carry a label before them (``cv.progress``). Those of the hills if
        absent.
    temperature_kelvin
        Of the run; needed with COLVAR.
    bias
        With COLVAR: HILLS file(s) to reweight with. Without, the logged bias is taken.
    bias_column
        With COLVAR: column(s) of the bias felt, kJ/mol, by commas.
    weighting
        With COLVAR: ``logged``, ``final`` or ``tiwary-parrinello``; see :mod:`gnncv.analysis.reweight`.
    discard
        Fraction of the samples to leave out at the start.

    Raises
    ------
    InvalidArgument
        Anything that cannot be used.
    """
    if not 0.0 <= discard < 1.0:
        raise InvalidArgument(f"discard is {discard}; it must be a fraction from 0 to below 1")
    paths, bias = _find(source, outputs, bias)
    used = [*paths, *(bias or ())]
    digest = hashlib.sha256()
    for path in used:
        digest.update(path.read_bytes())
    if is_hills_file(paths[0]):
        if bias_column is not None or bias or weighting is not None:
            raise InvalidArgument(f"{paths[0]} has no samples to reweight; give the COLVAR file of the run")
        landscape = _from_hills(paths, outputs)
        landscape = replace(landscape, temperature_kelvin=temperature_kelvin)
    else:
        landscape = _from_colvar(
            paths, outputs, temperature_kelvin, list(bias or ()), bias_column, weighting, discard
        )
    landscape.facts |= {"source": [path.name for path in used], "source_hash": digest.hexdigest()}
    return landscape


def _find(
    source: Path | Sequence[Path], outputs: Sequence[str] | None, bias: Sequence[Path] | None
) -> tuple[list[Path], list[Path] | None]:
    """Files to read, and the hills to reweight with."""
    paths = [Path(source)] if isinstance(source, str | Path) else [Path(path) for path in source]
    for path in [*paths, *(bias or ())]:
        if not path.exists():
            raise InvalidArgument(f"{path} does not exist")
    if not paths:
        raise InvalidArgument("no file was given")
    if not paths[0].is_dir():
        return paths, None if bias is None else [Path(path) for path in bias]
    folder = paths[0]
    colvar, hills = folder / "COLVAR", folder / "HILLS"
    if hills.is_file() and bias is None:
        if outputs is None or [_bare(name) for name in read_hills(hills).cv] == list(outputs):
            return [hills], None
        return [colvar], [hills]
    if not colvar.is_file():
        raise InvalidArgument(f"{folder} has neither HILLS nor COLVAR: give the files")
    return [colvar], None if bias is None else [Path(path) for path in bias]


def _bare(name: str) -> str:
    """A variable's name without the label of its action."""
    return name.rpartition(".")[2]


def _from_hills(paths: list[Path], outputs: Sequence[str] | None) -> Landscape:
    hills = read_hills(paths)
    found = [_bare(name) for name in hills.cv]
    if outputs is not None and sorted(outputs) != sorted(found):
        raise InvalidArgument(
            f"{paths[0]} has hills of {', '.join(hills.cv)}, not of {', '.join(outputs)}: give the COLVAR "
            "file of the run, with its HILLS as bias"
        )
    return landscape_from_hills(hills, found)


def _column(table: Colvar, name: str) -> str:
    """The column of an output: of its name, or the one with a label before it."""
    if name in table.fields:
        return name
    labeled = [column for column in table.fields if column.endswith(f".{name}")]
    if len(labeled) != 1:
        table.column(name)
    return labeled[0]


def _from_colvar(
    paths: list[Path],
    outputs: Sequence[str] | None,
    temperature_kelvin: float | None,
    bias: list[Path],
    bias_column: str | None,
    weighting: Weighting | None,
    discard: float,
) -> Landscape:
    thermal_energy(temperature_kelvin)
    assert temperature_kelvin is not None
    if not outputs:
        raise InvalidArgument(f"{paths[0]} has many columns: name the outputs that the bias is to act on")
    table = read_colvar(paths)
    start = int(discard * len(table))
    samples = np.column_stack([table.column(_column(table, name))[start:] for name in outputs])
    weights: Array | None = None
    words = "unbiased samples"
    if bias:
        hills = read_hills(bias)
        felt = np.column_stack([table.column(_column(table, _bare(name)))[start:] for name in hills.cv])
        if weighting == "tiwary-parrinello":
            times = table.column("time")[start:]
            weights = tiwary_parrinello_weights(times, felt[:, 0], hills, temperature_kelvin)
            words = "samples reweighted after Tiwary and Parrinello"
        elif weighting in (None, "final"):
            weights = final_bias_weights(felt, hills, temperature_kelvin)
            words = "samples reweighted with the final bias"
        else:
            raise InvalidArgument("weighting 'logged' takes the bias from a column, not from hills")
    elif weighting not in (None, "logged"):
        raise InvalidArgument(f"weighting {weighting!r} needs the HILLS file of the run")
    logged = bias_columns(table, bias_column, look=not bias)
    if logged:
        energy = np.sum([table.column(name)[start:] for name in logged], axis=0)
        more = bias_weights(energy, temperature_kelvin)
        weights = more if weights is None else weights * more / np.sum(weights * more)
        words = ("samples reweighted with " if not bias else f"{words} and ") + " + ".join(logged)
    return landscape_from_samples(samples, weights, temperature_kelvin, list(outputs), words)
