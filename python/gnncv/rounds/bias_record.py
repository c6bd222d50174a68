"""What each round of a learned bias found, as a table and as a picture."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gnncv.analysis.curve import FreeEnergy
from gnncv.analysis.pictures import COLORS, save_figure, side_by_side
from gnncv.analysis.thermal import KJ_MOL_PER_EV
from gnncv.files import Colvar, write_atomic
from gnncv.learned_bias import Fit

Array = NDArray[np.float64]

BINS = 30


@dataclass
class RoundSamples:
    """The rows of a round that count, and what is made of them."""

    number: int
    table: Colvar
    evenness: float = 0.0
    free_energy: FreeEnergy | None = None


@dataclass(frozen=True)
class BiasRecord:
    """The figures of one round.

    Attributes
    ----------
    round
        Its number, from 0.
    n_samples
        Rows of its COLVAR that count.
    evenness
        Of its histogram along the first output, see :func:`evenness`.
    residual_kj_mol, fit_residual_kj_mol
        Of the bias learned after it, from all rounds so far.
    largest_kj_mol
        Bound of that bias.
    """

    round: int
    n_samples: int
    evenness: float
    residual_kj_mol: float
    fit_residual_kj_mol: float
    largest_kj_mol: float

    @classmethod
    def of(cls, samples: RoundSamples, fit: Fit) -> BiasRecord:
        """The figures of a round, and of the bias learned after it."""
        return cls(
            samples.number,
            len(samples.table),
            samples.evenness,
            KJ_MOL_PER_EV * fit.residual,
            KJ_MOL_PER_EV * fit.fit_residual,
            KJ_MOL_PER_EV * fit.bias.largest,
        )

    def sentence(self) -> str:
        """The figures in words."""
        return (
            f"round {self.round}: histogram {self.evenness:.0%} even, new bias up to "
            f"{self.largest_kj_mol:.1f} kJ/mol with a residual of {self.residual_kj_mol:.2f} kJ/mol"
        )


def evenness(values: Array, low: float, high: float, bins: int = BINS) -> float:
    """How even a histogram between two values is: exp(entropy) over the number of bins.

    1 is flat; 1/n_bins is all in one bin; two equal wells of a fifth of the range each give 0.4.
    """
    counts = np.histogram(values, bins, (low, high))[0].astype(np.float64)
    if counts.sum() == 0.0:
        return 0.0
    share = counts[counts > 0.0] / counts.sum()
    return float(np.exp(-np.sum(share * np.log(share))) / bins)


def write_bias_table(records: Sequence[BiasRecord], path: Path) -> None:
    """Write the rounds as CSV, one line each, replacing an earlier table."""
    with write_atomic(path, overwrite=True) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=[field.name for field in fields(BiasRecord)])
        writer.writeheader()
        writer.writerows(asdict(record) for record in records)


def draw_bias_rounds(
    samples: Sequence[RoundSamples], records: Sequence[BiasRecord], output: str, path: Path
) -> None:
    """Draw free energy and histogram along the first output, and evenness and residual, by round."""
    figure, axes = side_by_side(3)
    values = [each.table.column(output) for each in samples]
    span = float(min(column.min() for column in values)), float(max(column.max() for column in values))
    for each, column in zip(samples, values, strict=True):
        color, label = COLORS[each.number % len(COLORS)], f"round {each.number}"
        if each.free_energy is not None:
            curve = np.where(np.isfinite(each.free_energy.values), each.free_energy.values, np.nan)
            axes[0].plot(each.free_energy.grid, curve, color=color, linewidth=1.4, label=f"to {label}")
        axes[1].hist(
            column,
            bins=60,
            range=span,
            density=True,
            histtype="step",
            color=color,
            linewidth=1.4,
            label=label,
        )
    for ax, title in zip(axes, ("free energy (kJ/mol)", "density of samples"), strict=False):
        ax.set_xlabel(output)
        ax.set_ylabel(title)
        ax.legend(frameon=False, fontsize=7)
    numbers = [record.round for record in records]
    axes[2].plot(numbers, [record.evenness for record in records], "o-", color=COLORS[0], label="evenness")
    residuals = [record.residual_kj_mol for record in records]
    axes[2].plot(numbers, residuals, "s--", color=COLORS[1], label="residual (kJ/mol)")
    axes[2].set_xlabel("round")
    axes[2].set_xticks(numbers)
    axes[2].set_ylim(bottom=0.0)
    axes[2].legend(frameon=False, fontsize=7)
    save_figure(figure, path, overwrite=True)
