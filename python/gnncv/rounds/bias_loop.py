"""Run, estimate the free energy, learn its bias, and again with that."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gnncv.analysis.estimators import free_energy_from_samples
from gnncv.analysis.pooling import pooled_weights
from gnncv.cv import CollectiveVariable
from gnncv.engines.config import Learned, Plumed, RunConfig
from gnncv.engines.loop import run
from gnncv.engines.start import read_start
from gnncv.errors import InvalidArgument, OutputExists
from gnncv.files import Colvar, read_colvar, write_atomic
from gnncv.learned_bias import Fit, Landscape, add_bias, fit_bias, landscape_from_samples
from gnncv.learned_bias.landscape import held_out_blocks
from gnncv.learned_bias.learn import bias_facts
from gnncv.learned_bias.model_file import file_hash, read_bias
from gnncv.learned_bias.picture import draw_bias

from .bias_record import BiasRecord, RoundSamples, draw_bias_rounds, evenness, write_bias_table
from .folder import MODEL, begin_rounds
from .static_biases import RoundBias

Array = NDArray[np.float64]

TABLE, PICTURE, RESULT = "bias_rounds.csv", "bias_rounds.png", "cv_biased.pt"
LEAST_GAIN = 0.02
"""Of evenness, or of the residual relative to itself: less is no improvement."""


@dataclass(frozen=True)
class BiasRoundsConfig:
    """How a bias is learned in rounds.

    Attributes
    ----------
    outputs
        What it is a function of.
    bias_factor
        gamma; None for infinite.
    largest_kj_mol
        Bound of the bias.
    discard
        Fraction of each run left out at its start.
    """

    outputs: tuple[str, ...]
    bias_factor: float | None = None
    largest_kj_mol: float | None = None
    discard: float = 0.1


def run_bias_rounds(
    config: RunConfig,
    rounds: int,
    settings: BiasRoundsConfig,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Run a simulation several times, each time on a bias learned from all runs before.

    Round 0 runs ``config`` as it is, for example metadynamics. After each round the samples of all rounds
    are weighted together (:func:`gnncv.analysis.pooling.pooled_weights`), the free energy of the outputs is
    estimated, and the bias is learned from that; the next round has it as its static bias, beside the walls
    of ``config``. The series ends after ``rounds``, or when neither the histogram along the first output got
    more even nor the residual smaller.

    Parameters
    ----------
    config
        The run. Its ``cv`` is the model of round 0, its ``output`` holds everything; round k takes seed + k.
    rounds
        At most so many runs, at least 1.
    settings
        Outputs and bias factor.
    progress
        Show progress bars and a line for each round, on standard error.
    overwrite
        Replace what an earlier series left in the folder.

    Returns
    -------
    Path
        The folder: ``round-0``, ``round-1``, ... (each with ``cv.pt`` and ``run/``, from round 1 with
        ``cv.png``), ``bias_rounds.csv``, ``bias_rounds.png``, and ``cv_biased.pt`` with its picture, the bias
        after the last round. Called again, an interrupted series goes on.

    Raises
    ------
    InvalidArgument
        No model, no temperature, an output that it lacks, a bias that is no function of the outputs.
    OutputExists
        The folder holds other rounds.
    """
    _check(config, rounds, settings)
    folder = Path(config.output)
    if (folder / "rounds.csv").exists() and not overwrite:
        raise OutputExists(f"{folder} holds rounds of retraining; choose another output")
    assert config.cv is not None
    begin_rounds(folder, Path(config.cv), (TABLE, PICTURE, RESULT, "cv_biased.png", "rounds.csv"), overwrite)
    records: list[BiasRecord] = []
    samples: list[RoundSamples] = []
    biases: list[RoundBias] = []
    for number in range(rounds):
        here = _round_config(config, folder / f"round-{number}", number)
        _say(progress, f"round {number}: run")
        table = read_colvar(run(here, progress=progress) / "COLVAR")
        bias = RoundBias(here, Path(here.output), len(read_start(config)))
        samples.append(RoundSamples(number, _kept(table, bias, settings.discard)))
        biases.append(bias)
        landscape = _pool(samples, biases, config.temperature_kelvin or 0.0, settings, folder)
        fit = _learn(folder, number + 1, landscape, settings)
        _measure(samples, settings.outputs[0])
        records.append(BiasRecord.of(samples[-1], fit))
        records = [
            replace(record, evenness=each.evenness) for record, each in zip(records, samples, strict=True)
        ]
        write_bias_table(records, folder / TABLE)
        draw_bias_rounds(samples, records, settings.outputs[0], folder / PICTURE)
        _say(progress, records[-1].sentence())
        if _stalled(records):
            _say(progress, f"round {number}: neither the histogram nor the residual got better: done")
            break
    _keep_last(folder, len(records))
    return folder


def _check(config: RunConfig, rounds: int, settings: BiasRoundsConfig) -> None:
    if rounds < 1:
        raise InvalidArgument(f"rounds is {rounds}; at least 1 is needed")
    if config.cv is None:
        raise InvalidArgument("rounds need a collective variable: give cv in the run's configuration")
    if config.temperature_kelvin is None:
        raise InvalidArgument("a learned bias needs the temperature: give temperature_kelvin")
    if isinstance(config.bias, Plumed):
        raise InvalidArgument(
            "rounds of a learned bias must know the bias of round 0 at the samples of the others, and a "
            "PLUMED input does not say it: use metadynamics, or begin with what `gnncv bias` learned"
        )
    if config.walkers is not None:
        raise InvalidArgument("walkers share hills; rounds of a learned bias have none after the first")
    if not 0.0 <= settings.discard < 1.0:
        raise InvalidArgument(f"discard is {settings.discard}; it must be a fraction from 0 to below 1")
    names = CollectiveVariable(str(config.cv)).names
    for name in settings.outputs:
        if name not in names or name == "bias":
            raise InvalidArgument(f"{config.cv} has no output {name!r} to bias; it has {', '.join(names)}")
    if not settings.outputs:
        raise InvalidArgument("name the outputs that the bias is to act on")


def _round_config(config: RunConfig, here: Path, number: int) -> RunConfig:
    """The run of one round: the first as configured, the others on the learned bias."""
    changes = {"cv": here / MODEL, "output": here / "run", "seed": config.seed + number}
    if number:
        changes["bias"] = Learned(kind="learned")
    return config.model_copy(update=changes)


def _kept(table: Colvar, bias: RoundBias, discard: float) -> Colvar:
    """The rows that count: not those at the start, nor those outside the grid of metadynamics."""
    rows = np.arange(len(table)) >= discard * len(table)
    if bias.domain is not None:
        name, low, high = bias.domain
        rows &= (table.column(name) >= low) & (table.column(name) <= high)
    data = {name: column[rows] for name, column in table.data.items()}
    return Colvar(table.fields, data, table.constants, table.paths)


def _pool(
    samples: list[RoundSamples],
    biases: list[RoundBias],
    temperature_kelvin: float,
    settings: BiasRoundsConfig,
    folder: Path,
) -> Landscape:
    """Weigh the samples of all rounds together; the free energy from them."""
    energies = np.array([np.concatenate([bias.at(each.table) for each in samples]) for bias in biases])
    counts = [len(each.table) for each in samples]
    if min(counts) == 0:
        raise InvalidArgument("a round has no rows that count: lower discard, or run longer")
    weights = pooled_weights(energies, counts, temperature_kelvin)
    values = np.concatenate(
        [np.column_stack([each.table.column(name) for name in settings.outputs]) for each in samples]
    )
    samples[-1].free_energy = free_energy_from_samples(
        values[:, 0], weights, temperature_kelvin, settings.outputs[0], 60
    )
    landscape = landscape_from_samples(
        values, weights, temperature_kelvin, settings.outputs, f"samples of {len(counts)} rounds together",
        np.concatenate([held_out_blocks(count) for count in counts]),
    )  # fmt: skip
    landscape.facts |= {
        "source": [f"round-{each.number}/run/COLVAR" for each in samples],
        "source_hash": [file_hash(folder / f"round-{each.number}/run/COLVAR") for each in samples],
    }
    return landscape


def _learn(folder: Path, number: int, landscape: Landscape, settings: BiasRoundsConfig) -> Fit:
    """Fit the bias of the next round, and write its model where an earlier call has not done so."""
    first, target = folder / "round-0" / MODEL, folder / f"round-{number}" / MODEL
    if target.exists() and read_bias(target)[0] != landscape.outputs:
        raise OutputExists(f"{target} has a bias of other outputs; choose another output, or overwrite it")
    fit = fit_bias(landscape, settings.bias_factor, settings.largest_kj_mol)
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        draw_bias(landscape, fit, target.with_suffix(".png"), overwrite=True)
        facts = bias_facts(landscape, fit) | {"model_hash": file_hash(first)}
        add_bias(first, fit.bias, landscape.outputs, facts, target)
    return fit


def _measure(samples: list[RoundSamples], output: str) -> None:
    """Set the evenness of every round's histogram in the range that all of them have seen."""
    values = [each.table.column(output) for each in samples]
    low, high = np.quantile(np.concatenate(values), [0.005, 0.995])
    for each, column in zip(samples, values, strict=True):
        each.evenness = evenness(column, float(low), float(high))


def _stalled(records: Sequence[BiasRecord]) -> bool:
    """Whether the last round was no better than the best before, in evenness and in residual."""
    if len(records) < 3:  # the first static bias is to be compared with another
        return False
    last, before = records[-1], records[1:-1]
    flatter = last.evenness > max(record.evenness for record in before) + LEAST_GAIN
    closer = last.residual_kj_mol < (1.0 - LEAST_GAIN) * min(record.residual_kj_mol for record in before)
    return not flatter and not closer


def _keep_last(folder: Path, n_rounds: int) -> None:
    """Copy the last bias and its picture out of the folder of the round that was not run."""
    last = folder / f"round-{n_rounds}"
    for source, target in ((last / MODEL, RESULT), (last / "cv.png", "cv_biased.png")):
        with write_atomic(folder / target, overwrite=True) as temporary:
            temporary.write_bytes(source.read_bytes())


def _say(progress: bool, text: str) -> None:
    if progress:
        print(text, file=sys.stderr, flush=True)
