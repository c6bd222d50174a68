"""How commands print facts: for people as aligned lines, for programs as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

LONGEST_LIST = 12


def print_facts(facts: Mapping[str, Any], as_json: bool) -> None:
    """Print a mapping of facts to standard output: JSON, or one aligned line per fact."""
    if as_json:
        print(json.dumps(facts, indent=2, default=_plain))
    else:
        _print_lines(facts, indent="")


def _print_lines(facts: Mapping[str, Any], indent: str) -> None:
    """Print one fact per line, nested mappings indented under their name."""
    width = max(
        (len(str(name)) for name, value in facts.items() if not isinstance(value, Mapping)), default=0
    )
    for name, value in facts.items():
        if isinstance(value, Mapping):
            if value:
                print(f"{indent}{name}")
                _print_lines(value, indent + "  ")
        else:
            print(f"{indent}{name!s:<{width}}  {format_value(value)}")


def format_value(value: Any) -> str:
    """One-line text for a value: numbers rounded to six digits, long lists cut."""
    value = value if isinstance(value, str | int | float | list | tuple | None) else _plain(value)
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        shown = ", ".join(format_value(item) for item in value[:LONGEST_LIST])
        return shown if len(value) <= LONGEST_LIST else f"{shown}, ... ({len(value)} in all)"
    return str(value)


def _plain(value: Any) -> Any:
    """Plain Python for NumPy scalars and arrays and for paths."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
