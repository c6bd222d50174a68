"""The directive ``command-help``: a command's --help, taken from its parser when the site is built.

``command-help:: train`` is that of ``gnncv train``, ``command-help:: plumed build`` that of the part
``build`` of ``gnncv plumed``.
"""

import argparse
import os
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from gnncv.cli.main import build_parser

COLUMNS = "100"


def help_of(name: str) -> str:
    """The help text of one command, or of `gnncv` itself for the name "gnncv"."""
    os.environ["COLUMNS"] = COLUMNS
    parser: argparse.ArgumentParser = build_parser()
    for word in name.split() if name != "gnncv" else ():
        commands = next(
            action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
        )
        parser = commands.choices[word]
    return parser.format_help()


class CommandHelp(Directive):
    """``.. command-help:: train``."""

    required_arguments = 1
    optional_arguments = 1
    has_content: ClassVar[bool] = False

    def run(self) -> list[nodes.Node]:
        """Put the help text into the page as it is."""
        text = help_of(" ".join(self.arguments))
        return [nodes.literal_block(text, text, language="text")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True}
