"""What was measured of explanations, and what it means in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gnncv.explain.explanation import Explanation
from gnncv.explain.measured_trust.curves import NOTICEABLE, FidelityCurves
from gnncv.explain.measured_trust.ranking import Agreement
from gnncv.explain.measured_trust.stability import Stability
from gnncv.explain.measured_trust.sufficiency import Fidelity
from gnncv.explain.measured_trust.weights import MOSTLY_GRAPH, WeightRandomization
from gnncv.files.atomic import PathLike

PERHAPS = 2.0
"""Deviations of random orders from which an explanation is not called no better than random."""

UNSTABLE = 0.7
"""Mean rank correlation with jittered copies below which scores do not survive the jitter."""


@dataclass(frozen=True, eq=False)
class MethodTrust:
    """What was measured of one explanation.

    Attributes
    ----------
    name
        Of the method.
    explanation
        What was judged.
    curves, fidelity, stability, weights
        The measurements; ``None`` where `not_measured` says why.
    not_measured
        Reasons by measurement.
    """

    name: str
    explanation: Explanation
    curves: FidelityCurves | None = None
    fidelity: Fidelity | None = None
    stability: Stability | None = None
    weights: WeightRandomization | None = None
    not_measured: dict[str, str] = field(default_factory=dict)

    @property
    def better_than_random(self) -> bool | None:
        """Whether the gain exceeds that of random orders by `NOTICEABLE` deviations; None if not measured."""
        return None if self.curves is None else self.curves.z >= NOTICEABLE

    @property
    def problems(self) -> list[str]:
        """What speaks against the explanation, in words; empty if nothing that was measured does."""
        found = []
        if self.curves is not None and self.curves.z <= -NOTICEABLE:
            found.append(f"worse than random orders (z = {self.curves.z:.1f})")
        elif self.curves is not None and self.curves.z < PERHAPS:
            found.append(f"no better than random orders (z = {self.curves.z:.1f}, {NOTICEABLE:g} needed)")
        elif self.curves is not None and not self.better_than_random:
            found.append(
                f"not clearly better than random orders (z = {self.curves.z:.1f}, {NOTICEABLE:g} needed; the "
                f"fewer parts there are, here {self.curves.n_units}, the less any order can show)"
            )
        if self.weights is not None and self.weights.insensitive:
            found.append(
                "insensitive to the weights (rank correlation "
                f"{self.weights.complete.mean():.2f} with the scores of random networks, overlap of the "
                f"highest {self.weights.complete_overlap.mean():.2f})"
            )
        if self.stability is not None and self.stability.spearman.mean() < UNSTABLE:
            found.append(
                f"unstable (rank correlation {self.stability.spearman.mean():.2f} after moving atoms by "
                f"{self.stability.jitter:g} Å)"
            )
        return found

    @property
    def remarks(self) -> list[str]:
        """What is worth knowing besides."""
        said = []
        if self.curves is not None and self.better_than_random:
            said.append(f"better than random orders (z = {self.curves.z:.1f})")
        if self.fidelity is not None:
            value = self.fidelity
            said.append(
                f"with only the {value.size} highest the output misses {100 * value.insufficiency:.0f} % of "
                f"what all are worth, without them {100 * value.necessity:.0f} % (as many at random: "
                f"{100 * (1.0 - value.random_sufficiency):.0f} and {100 * value.random_necessity:.0f} %)"
            )
        drawn = self.weights
        if drawn is not None and not drawn.insensitive and drawn.complete.mean() >= MOSTLY_GRAPH:
            said.append(
                "much of the ranking comes from the graph, not the weights (rank correlation "
                f"{drawn.complete.mean():.2f} with random networks, overlap of the highest "
                f"{drawn.complete_overlap.mean():.2f})"
            )
        said += [f"{what} not measured: {why}" for what, why in self.not_measured.items()]
        return said

    @property
    def trusted(self) -> bool:
        """Whether it is better than random and nothing that was measured speaks against it."""
        return bool(self.better_than_random) and not self.problems

    @property
    def verdict(self) -> str:
        """One sentence or a few."""
        if self.curves is None and not self.problems:
            head = "not held against the output"
        else:
            head = "nothing measured speaks against it" if self.trusted else "; ".join(self.problems)
        return f"{self.name}: " + "; ".join([head, *self.remarks]) + "."


@dataclass(frozen=True, eq=False)
class TrustReport:
    """Measured trust in explanations of one output on one graph.

    Attributes
    ----------
    output, model_hash
        What was explained.
    over
        What was scored.
    methods
        One :class:`MethodTrust` for each explanation.
    agreement
        Between the explanations, if there are several.
    seed
        Of everything random.
    """

    output: str
    model_hash: str
    over: str
    methods: tuple[MethodTrust, ...]
    agreement: Agreement | None
    seed: int

    def __getitem__(self, name: str) -> MethodTrust:
        """The measurements of one method."""
        for method in self.methods:
            if method.name == name:
                return method
        raise KeyError(f"no method {name!r}; there are {', '.join(m.name for m in self.methods)}")

    @property
    def verdict(self) -> str:
        """What the numbers mean, one line for each method."""
        return "\n".join(method.verdict for method in self.methods)

    def __str__(self) -> str:
        """Table and verdict as text."""
        from gnncv.explain.measured_trust.tables import report_text

        return report_text(self)

    def to_csv(self, path: PathLike, overwrite: bool = False) -> Path:
        """Write one row for each method: every number of the table."""
        from gnncv.explain.measured_trust.tables import write_csv

        return write_csv(self, path, overwrite)

    def to_json(self, path: PathLike, overwrite: bool = False) -> Path:
        """Write everything that was measured, curves included."""
        from gnncv.explain.measured_trust.tables import write_json

        return write_json(self, path, overwrite)

    def plot(self, path: PathLike, overwrite: bool = False) -> Path:
        """Draw the curves of each method with the band of random orders; the suffix chooses the format."""
        from gnncv.explain.measured_trust.picture import trust_picture

        return trust_picture(self, path, overwrite)
