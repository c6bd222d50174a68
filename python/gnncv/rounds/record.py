"""What each round found, as a table and as a picture."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from gnncv.files import write_atomic

from .harvest import Judged


@dataclass(frozen=True)
class RoundRecord:
    """The figures of one round.

    Attributes
    ----------
    round
        Its number, from 0.
    n_frames, n_crystal, n_melt, n_intermediate
        Frames of the run, in all and by the order parameter.
    fooled_crystal
        Part of the frames that are crystal by order which the CV calls melt (crystallinity under 0.5).
    fooled_melt
        Part of the frames that are melt by order which the CV calls crystal.
    lowest_order
        Smallest mean averaged q6 of the run: how far from the crystal it came.
    mean_novelty, largest_novelty
        Over the run.
    n_harvested, n_labeled
        Frames taken for the next training, and those of them that got a label.
    """

    round: int
    n_frames: int
    n_crystal: int
    n_melt: int
    n_intermediate: int
    fooled_crystal: float
    fooled_melt: float
    lowest_order: float
    mean_novelty: float
    largest_novelty: float
    n_harvested: int
    n_labeled: int

    @classmethod
    def of(cls, number: int, judged: Judged, chosen: Sequence[int]) -> RoundRecord:
        """Count the frames of a round."""
        return cls(
            round=number,
            n_frames=len(judged.phases),
            n_crystal=judged.phases.count("crystal"),
            n_melt=judged.phases.count("melt"),
            n_intermediate=judged.phases.count(None),
            fooled_crystal=judged.fooled("crystal"),
            fooled_melt=judged.fooled("melt"),
            lowest_order=float(judged.order.min()),
            mean_novelty=float(judged.novelty.mean()),
            largest_novelty=float(judged.novelty.max()),
            n_harvested=len(chosen),
            n_labeled=sum(judged.phases[index] is not None for index in chosen),
        )

    def sentence(self) -> str:
        """The figures that matter most, in words."""
        fooled = "no crystal frame" if np.isnan(self.fooled_crystal) else f"{self.fooled_crystal:.0%}"
        return (
            f"round {self.round}: CV says melt in {fooled} of the crystal frames by q6, lowest q6 "
            f"{self.lowest_order:.3f}, largest novelty {self.largest_novelty:.2f}, "
            f"{self.n_harvested} frames harvested"
        )


def write_table(records: Sequence[RoundRecord], path: Path) -> None:
    """Write the rounds as CSV, one line each, replacing an earlier table."""
    with write_atomic(path, overwrite=True) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=[field.name for field in fields(RoundRecord)])
        writer.writeheader()
        writer.writerows(asdict(record) for record in records)


def draw_rounds(records: Sequence[RoundRecord], path: Path) -> None:
    """Draw fooled fractions, novelty and lowest order against the round, replacing an earlier picture."""
    figure = Figure(figsize=(9.0, 3.0), layout="constrained")
    panels = figure.subplots(1, 3)
    rounds = [record.round for record in records]
    series = (
        ("fooled fraction", [("crystal by q6, melt by CV", "fooled_crystal", "#1f6f8b"),
                             ("melt by q6, crystal by CV", "fooled_melt", "#e07a3f")]),
        ("novelty", [("largest", "largest_novelty", "#c0392b"), ("mean", "mean_novelty", "#66727f")]),
        ("averaged q6", [("lowest of the run", "lowest_order", "#1f2933")]),
    )  # fmt: skip
    for axes, (title, lines) in zip(panels, series, strict=True):
        for label, name, color in lines:
            axes.plot(rounds, [getattr(record, name) for record in records], "o-", color=color, label=label)
        axes.set_ylim(bottom=0.0)
        axes.set_ylabel(title)
        axes.set_xlabel("round")
        axes.set_xticks(rounds)
        axes.legend(frameon=False, fontsize=8)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    panels[1].axhline(1.0, color="#c0392b", linestyle="--", linewidth=0.8)
    with write_atomic(path, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=150, format="png")
