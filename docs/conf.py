"""Sphinx configuration: `make docs` builds the site, warnings are errors."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "gnncv"
author = "the gnncv developers"
copyright = "2026, the gnncv developers"
version = release = installed_version("gnncv")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "configuration_keys",
    "command_help",
    "layer_options",
]
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "images/README.md"]
html_theme = "furo"
html_title = f"gnncv {version}"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = False
napoleon_use_rtype = False
nitpicky = False
# The prompt is not part of what is copied.
copybutton_prompt_text = "$ "
# gnncv's reimported names would otherwise be ambiguous targets.
suppress_warnings = ["ref.python"]


def escape_bars(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep |dCV/dr| in docstrings from being read as a substitution."""
    for number, line in enumerate(lines):
        parts = line.split("``")
        parts[::2] = [part.replace("|", "\\|") for part in parts[::2]]
        lines[number] = "``".join(parts)


def setup(app: Any) -> None:
    """Connect the hook, before napoleon's."""
    app.connect("autodoc-process-docstring", escape_bars, priority=100)
