"""One function from a model file and the files of a run to a model file with a bias: ``gnncv bias``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnncv.analysis.free_energy import Weighting
from gnncv.errors import InvalidArgument
from gnncv.files.atomic import check_output

from .fit import Fit, fit_bias
from .landscape import Landscape
from .model_file import add_bias, file_hash, read_model
from .source import read_landscape


@dataclass
class Learned:
    """A bias, where it came from, and the facts that its model file has of it."""

    landscape: Landscape
    fit: Fit
    facts: dict[str, Any]


def learn_bias(
    model: str | Path,
    source: str | Path | Sequence[str | Path],
    path: str | Path,
    outputs: Sequence[str] | None = None,
    *,
    temperature_kelvin: float | None = None,
    bias_factor: float | None = None,
    infinite: bool = False,
    largest_kj_mol: float | None = None,
    bias: Sequence[str | Path] | None = None,
    bias_column: str | None = None,
    weighting: Weighting | None = None,
    discard: float = 0.0,
    seed: int = 0,
    overwrite: bool = False,
    picture: bool = True,
) -> Learned:
    """Learn a bias V = (1 - 1/gamma) (F_0 - F) and write the model file with it, and a picture beside it.

    Parameters
    ----------
    model
        Model file of gnncv.
    source, outputs, temperature_kelvin, bias, bias_column, weighting, discard
        Where the free energy comes from: see :func:`gnncv.learned_bias.read_landscape`.
    path
        The file to write.
    bias_factor
        gamma; that of the hills if absent, else infinite.
    infinite
        Take gamma = infinity (a flat histogram) whatever the hills' bias factor is.
    largest_kj_mol, seed
        See :func:`gnncv.learned_bias.fit_bias`.
    overwrite
        Replace what exists.
    picture
        Draw ``NAME.png`` beside ``NAME.pt``.

    Raises
    ------
    InvalidArgument, ModelError, OutputExists
        Anything that cannot be used, before anything is written.
    """
    target = check_output(path, overwrite)
    drawn = target.with_suffix(".png")
    if picture:
        check_output(drawn, overwrite)
    if infinite and bias_factor is not None:
        raise InvalidArgument("give a bias factor, or ask for an infinite one, not both")
    names = list(read_model(model)[0].output_names)
    for name in outputs or ():
        if name not in names:
            raise InvalidArgument(f"{model} has no output {name!r}; it has {', '.join(names)}")
    sources = [Path(source)] if isinstance(source, str | Path) else [Path(each) for each in source]
    landscape = read_landscape(
        sources,
        outputs,
        temperature_kelvin=temperature_kelvin,
        bias=None if bias is None else [Path(each) for each in bias],
        bias_column=bias_column,
        weighting=weighting,
        discard=discard,
    )
    gamma = None if infinite else bias_factor or landscape.bias_factor
    fit = fit_bias(landscape, gamma, largest_kj_mol, seed)
    facts = bias_facts(landscape, fit) | {"model_hash": file_hash(model)}
    add_bias(model, fit.bias, landscape.outputs, facts, target, overwrite)
    if picture:
        from .picture import draw_bias

        draw_bias(landscape, fit, drawn, overwrite)
    return Learned(landscape, fit, facts)


def bias_facts(landscape: Landscape, fit: Fit) -> dict[str, Any]:
    """What a model file says of its bias; energies in eV."""
    return {
        "temperature_kelvin": landscape.temperature_kelvin,
        "bias_factor": fit.bias_factor,
        "largest_energy": fit.bias.largest,
        "zero_at_free_energy": fit.zero_at,
        "residual": fit.residual,
        "residual_of": landscape.test_method,
        "n_tested": fit.n_tested,
        "fit_residual": fit.fit_residual,
        "free_energy": landscape.method,
        "kernel_width": fit.bias.width,
        "half_trusted_samples": fit.bias.half_trusted,
        **landscape.facts,
    }
