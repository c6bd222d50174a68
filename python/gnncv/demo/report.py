"""The report: one HTML file with its pictures inside, that needs nothing else to be read or printed."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template

from matplotlib.figure import Figure

from gnncv.files import write_atomic

from .verdict import Verdict

TEMPLATE = Path(__file__).with_name("report.html")
DOTS_PER_INCH = 150


@dataclass(frozen=True)
class Stage:
    """One stage of the work: its name, what it did in a phrase, and how long it took."""

    name: str
    what: str
    seconds: float


@dataclass(frozen=True)
class Picture:
    """A figure with its caption; ``alternative`` is read where pictures are not shown."""

    figure: Figure
    caption: str
    alternative: str


@dataclass(frozen=True)
class Section:
    """A heading, a paragraph, and rows of one or two pictures."""

    heading: str
    text: str
    rows: Sequence[Sequence[Picture]] = ()


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


def _image(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, facecolor="white")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _picture(picture: Picture) -> str:
    return (
        f'<figure><img src="{_image(picture.figure)}" alt="{escape(picture.alternative, quote=True)}">'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.heading)}</h2>"]
    if section.text:
        parts.append(f"<p>{escape(section.text)}</p>")
    for row in section.rows:
        pictures = "".join(_picture(picture) for picture in row)
        parts.append(f'<div class="pair">{pictures}</div>' if len(row) == 2 else pictures)
    return "\n".join(parts)


def _stages(stages: Sequence[Stage]) -> str:
    items = "".join(
        f"<li><b>{escape(stage.name)}</b> {escape(stage.what)} <time>{duration(stage.seconds)}</time></li>"
        for stage in stages
    )
    return f'<h2>What was done</h2><ol class="stages">{items}</ol>' if stages else ""


def _table(heading: str, rows: Mapping[str, str]) -> str:
    body = "".join(f"<tr><td>{escape(name)}</td><td>{escape(text)}</td></tr>" for name, text in rows.items())
    return f"<section><h3>{escape(heading)}</h3><table>{body}</table></section>"


def render(report: Report) -> str:
    """Return the page as HTML text."""
    kind = "verdict" if report.verdict.left else "verdict no"
    head = "The phase was left" if report.verdict.left else "The phase was not left"
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(report.title),
        lead=escape(report.lead),
        verdict=f'<div class="{kind}"><b>{head}</b>{escape(report.verdict.sentence)}</div>',
        warnings="".join(f'<div class="warning">{escape(text)}</div>' for text in report.warnings),
        tiles="".join(
            f'<div class="tile"><span>{escape(name)}</span><b>{escape(text)}</b></div>'
            for name, text in report.tiles.items()
        ),
        sections=_stages(report.stages) + "\n".join(_section(section) for section in report.sections),
        facts="".join(_table(heading, rows) for heading, rows in report.facts.items()),
        footer=f"Written by gnncv on {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}. "
        "Whether the phase was left is decided by the Steinhardt order parameters q6 and Q6 alone, "
        "never by the learned collective variable.",
    )


def write_report(report: Report, path: Path, overwrite: bool = False) -> Path:
    """Write the page to one file, whole or not at all.

    Raises
    ------
    OutputExists
        When ``path`` exists and ``overwrite`` is false.
    """
    text = render(report)
    with write_atomic(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
