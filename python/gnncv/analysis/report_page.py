"""Reports as one HTML file with their pictures inside, which need nothing else to be read or printed."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from string import Template

from matplotlib.figure import Figure

from gnncv.files.atomic import PathLike, write_atomic

TEMPLATE = Path(__file__).with_name("report_page.html")
DOTS_PER_INCH = 150


@dataclass(frozen=True)
class Box:
    """What a reader must not miss: its kind is good, bad or warning; a warning has no head."""

    kind: str
    text: str
    head: str = ""


@dataclass(frozen=True)
class Picture:
    """A figure with its caption; ``alternative`` is read where pictures are not shown."""

    figure: Figure
    caption: str
    alternative: str


@dataclass(frozen=True)
class Table:
    """Rows of text under a caption; the first column is aligned to the left."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A heading, a paragraph, points (head, which may be empty, and text), pictures in rows, and tables."""

    heading: str
    text: str
    rows: Sequence[Sequence[Picture]] = ()
    points: Sequence[tuple[str, str]] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True)
class Page:
    """Everything a page says; ``facts`` are tables: heading to rows of name and text."""

    title: str
    lead: str
    boxes: Sequence[Box] = ()
    tiles: Mapping[str, str] = field(default_factory=dict)
    before: str = ""
    sections: Sequence[Section] = ()
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    footer: str = ""


def render_page(page: Page) -> str:
    """The page as HTML text; all but ``before`` (HTML ahead of the sections) is escaped."""
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(page.title),
        lead=escape(page.lead),
        boxes="".join(map(_box, page.boxes)),
        tiles="".join(
            f'<div class="tile"><span>{escape(name)}</span><b>{escape(text)}</b></div>'
            for name, text in page.tiles.items()
        ),
        sections=page.before + "\n".join(map(_section, page.sections)),
        facts="".join(_facts(heading, rows) for heading, rows in page.facts.items()),
        footer=escape(page.footer),
    )


def write_page(page: Page, path: PathLike, overwrite: bool = False) -> Path:
    """Write the page to one file, whole or not at all.

    Raises
    ------
    OutputExists
        When `path` exists and `overwrite` is false.
    """
    text = render_page(page)
    with write_atomic(path, overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)


def _box(box: Box) -> str:
    if box.kind == "warning":
        return f'<div class="warning">{escape(box.text)}</div>'
    style = "verdict" if box.kind == "good" else "verdict no"
    return f'<div class="{style}"><b>{escape(box.head)}</b>{escape(box.text)}</div>'


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
    if section.points:
        items = "".join(_point(head, text) for head, text in section.points)
        parts.append(f'<ul class="points">{items}</ul>')
    for row in section.rows:
        pictures = "".join(map(_picture, row))
        parts.append(f'<div class="pair">{pictures}</div>' if len(row) == 2 else pictures)
    return "\n".join([*parts, *map(_table, section.tables)])


def _point(head: str, text: str) -> str:
    return f"<li><b>{escape(head)}</b> {escape(text)}</li>" if head else f"<li>{escape(text)}</li>"


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in table.head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in table.rows
    )
    return f'<table class="list"><caption>{escape(table.caption)}</caption><tr>{head}</tr>{rows}</table>'


def _facts(heading: str, rows: Mapping[str, str]) -> str:
    body = "".join(f"<tr><td>{escape(name)}</td><td>{escape(text)}</td></tr>" for name, text in rows.items())
    return f"<section><h3>{escape(heading)}</h3><table>{body}</table></section>"
