"""The demonstration's report: one HTML file with its pictures inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from pathlib import Path

from gnncv.analysis.report_page import Box, Page, Picture, Section, render_page, write_page

from .verdict import Verdict

__all__ = ["Picture", "Report", "Section", "Stage", "duration", "render", "write_report"]


@dataclass(frozen=True)
class Stage:
    """One stage of the work: its name, what it did in a phrase, and how long it took."""

    name: str
    what: str
    seconds: float


@dataclass(frozen=True)
class Report:
    """Everything the page says.

    Attributes
    ----------
    title, lead
        Heading, and the sentence under it.
    verdict
        Whether the phase was left, by the independent order parameters.
    warnings
        Sentences a reader must not miss (novelty above 1, for one).
    tiles
        The few figures to see first: name to text.
    stages
        What was done, in order.
    sections
        Text and pictures.
    facts
        Tables: heading to rows of name and text.
    """

    title: str
    lead: str
    verdict: Verdict
    warnings: Sequence[str] = ()
    tiles: Mapping[str, str] = field(default_factory=dict)
    stages: Sequence[Stage] = ()
    sections: Sequence[Section] = ()
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def duration(seconds: float) -> str:
    """Write a time span for people: "8.4 s", "2 min 05 s"."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def _stages(stages: Sequence[Stage]) -> str:
    items = "".join(
        f"<li><b>{escape(stage.name)}</b> {escape(stage.what)} <time>{duration(stage.seconds)}</time></li>"
        for stage in stages
    )
    return f'<h2>What was done</h2><ol class="stages">{items}</ol>' if stages else ""


def _page(report: Report) -> Page:
    left = report.verdict.left
    head = "The phase was left" if left else "The phase was not left"
    return Page(
        title=report.title,
        lead=report.lead,
        boxes=[
            Box("good" if left else "bad", report.verdict.sentence, head),
            *(Box("warning", text) for text in report.warnings),
        ],
        tiles=report.tiles,
        before=_stages(report.stages),
        sections=report.sections,
        facts=report.facts,
        footer=f"Written by gnncv on {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}. "
        "Whether the phase was left is decided by the Steinhardt order parameters q6 and Q6 alone, "
        "never by the learned collective variable.",
    )


def render(report: Report) -> str:
    """Return the page as HTML text."""
    return render_page(_page(report))


def write_report(report: Report, path: Path, overwrite: bool = False) -> Path:
    """Write the page to one file, whole or not at all.

    Raises
    ------
    OutputExists
        When ``path`` exists and ``overwrite`` is false.
    """
    return write_page(_page(report), path, overwrite)
