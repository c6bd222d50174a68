"""The directive ``layer-options``: a table of layers and what each does to a CV, made from the registry.

``layer-options:: Graph pooling`` is that of one section of :data:`gnncv.nn.layers.OPTIONS`.
"""

from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx

from gnncv.nn.layers import OPTIONS, Option

HEADER = ("choice", "layer", "continuous", "invariant", "of positions", "any size", "in an exported CV")


def choice_of(option: Option) -> str:
    """As a configuration file says it."""
    if not option.key:
        return "always, or called"
    value = str(option.value).lower() if isinstance(option.value, bool) else option.value
    return f"``{option.key}: {value}``"


def verdict(option: Option) -> str:
    """Whether it may be exported, else why not and what to take instead."""
    if option.facts.exportable:
        return "yes"
    reason = " ".join(f"{option.facts.reason}; instead: {option.facts.instead}".split())
    return f"no: {reason}"


def row_of(option: Option) -> list[str]:
    """The cells of one choice."""
    facts = option.facts
    true = (facts.continuous, facts.invariant, facts.function_of_positions, facts.size_independent)
    marks = ["yes" if fact else "**no**" for fact in true]
    return [choice_of(option), f"``{option.layer}``", *marks, verdict(option)]


def lines_of(section: str) -> list[str]:
    """The table of one section as reStructuredText."""
    rows = [row_of(option) for option in OPTIONS if option.section == section]
    if not rows:
        raise ValueError(f"no section {section!r} among the layers")
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 18 17 8 8 8 8 33", ""]
    for row in (HEADER, *rows):
        lines += [f"   {'*' if number == 0 else ' '} - {cell}" for number, cell in enumerate(row)]
    return [*lines, ""]


class LayerOptions(Directive):
    """``.. layer-options:: SECTION``."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content: ClassVar[bool] = False

    def run(self) -> list[nodes.Node]:
        """Parse the table into the page."""
        container = nodes.container()
        container.document = self.state.document
        lines = lines_of(self.arguments[0])
        self.state.nested_parse(StringList(lines, source="layer-options"), 0, container)
        return container.children


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("layer-options", LayerOptions)
    return {"parallel_read_safe": True}
