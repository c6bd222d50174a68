"""Configuration files: YAML checked against a pydantic schema, with errors of one line that name the key.

A room configured by a file declares a pydantic model with ``extra="forbid"``; everything else is here:

    config = load_configuration("train.yaml", TrainConfig)

An error names the file, the line, the key with its path, the value and what is allowed::

    train.yaml:7: model.cutof: unknown key; did you mean 'cutoff'?
    run.yaml:3: engine: 'opnmm' is not allowed; allowed: 'ase' or 'openmm'

Every value that the schema declares as ``pathlib.Path`` and that is relative is resolved against the folder
of the configuration file, so that a run does not depend on where the command is called.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gnncv.errors import InvalidArgument

Model = TypeVar("Model", bound=BaseModel)
KeyPath = tuple[str | int, ...]
LONGEST_VALUE = 60
MOST_ERRORS_SHOWN = 3


def load_configuration(path: str | Path, schema: type[Model]) -> Model:
    """Read a YAML file and check it against a schema.

    Parameters
    ----------
    path
        The configuration file.
    schema
        A pydantic model class; it should forbid extra keys.

    Returns
    -------
    An instance of `schema`, its relative paths resolved against the folder of the file.

    Raises
    ------
    InvalidArgument
        If the file is missing or is not YAML, or if a key or value is not allowed; always one line.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidArgument(f"{path}: the configuration file cannot be read: {reason}") from None
    data, lines = _parse(text, str(path))
    return validate_configuration(data, schema, source=str(path), lines=lines, folder=path.parent)


def validate_configuration(
    data: Mapping[str, Any],
    schema: type[Model],
    source: str,
    lines: Mapping[KeyPath, int] | None = None,
    folder: Path | None = None,
) -> Model:
    """Check a mapping against a schema; `source`, and `lines` of key paths, are used in the error's text.

    With `folder`, relative paths in the result are resolved against it. Raises InvalidArgument.
    """
    try:
        result = schema.model_validate(data)
    except ValidationError as error:
        # A misspelt key is also a missing one: say the former first.
        problems = sorted(error.errors(include_url=False), key=lambda each: each["type"] != "extra_forbidden")
        shown = [_describe(problem, schema, data, lines or {}) for problem in problems[:MOST_ERRORS_SHOWN]]
        first_line, first = shown[0]
        text = "; ".join([first] + [f"line {line}: {what}" if line else what for line, what in shown[1:]])
        if len(problems) > MOST_ERRORS_SHOWN:
            text += f"; and {len(problems) - MOST_ERRORS_SHOWN} more"
        where = f"{source}:{first_line}" if first_line else source
        raise InvalidArgument(f"{where}: {text}") from None
    return result if folder is None else _resolve_paths(result, folder)


def _parse(text: str, source: str) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """Parse YAML into plain data and the line (from 1) of every key path. Raises InvalidArgument."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[KeyPath, int] = {}
        if root is not None:
            _collect_lines(root, (), lines, source)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        raise InvalidArgument(f"{where}: this is not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        first = str(error).splitlines()[0]
        raise InvalidArgument(f"{source}: this is not valid YAML: {first}") from None
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise InvalidArgument(f"{source}:1: expected 'key: value' lines, got {_short(data)}")
    return data, lines


def _collect_lines(node: yaml.Node, at: KeyPath, lines: dict[KeyPath, int], source: str) -> None:
    """Record the line of every key and list item below `node`; a key given twice is an error."""
    if isinstance(node, yaml.MappingNode):
        for key_node, value in node.value:
            key = (*at, str(key_node.value))
            line = key_node.start_mark.line + 1
            if key in lines:
                name = _dotted(key)
                raise InvalidArgument(f"{source}:{line}: {name}: given twice, first in line {lines[key]}")
            lines[key] = line
            _collect_lines(value, key, lines, source)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*at, index)] = value.start_mark.line + 1
            _collect_lines(value, (*at, index), lines, source)


def _describe(
    problem: ErrorDetails, schema: type[BaseModel], data: Mapping[str, Any], lines: Mapping[KeyPath, int]
) -> tuple[int | None, str]:
    """Line and sentence for one pydantic error."""
    location: KeyPath = tuple(problem["loc"])
    key = _key_path(location, data)
    context: dict[str, Any] = problem.get("ctx", {})
    value = _short(problem["input"])
    kind = problem["type"]
    if kind == "extra_forbidden":
        what = _unknown_key(str(key[-1]), _allowed_keys(schema, location[:-1]))
    elif kind == "missing":
        what = "missing, and it has no default"
    elif kind in ("literal_error", "enum"):
        what = f"{value} is not allowed; allowed: {context['expected']}"
    elif kind == "union_tag_invalid":
        key = (*key, str(context["discriminator"]).strip("'"))
        what = f"{context['tag']!r} is not allowed; allowed: {context['expected_tags']}"
    elif kind == "union_tag_not_found":
        key = (*key, str(context["discriminator"]).strip("'"))
        what = "missing, and it has no default"
    elif kind in ("value_error", "assertion_error"):
        what = f"{str(context.get('error', problem['msg'])).splitlines()[0]}"
        if problem["input"] is not None and not isinstance(problem["input"], Mapping | BaseModel):
            what = f"{value}: {what}"
    else:
        message = problem["msg"].splitlines()[0]
        what = f"{value} is not allowed; {message[:1].lower() + message[1:]}"
    line = next((lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in lines), None)
    return line, f"{_dotted(key)}: {what}" if key else what


def _unknown_key(name: str, allowed: Sequence[str]) -> str:
    """Sentence for a key that the schema does not have."""
    close = difflib.get_close_matches(name, allowed, n=1, cutoff=0.5)
    if close:
        return f"unknown key; did you mean '{close[0]}'?"
    return f"unknown key; allowed: {', '.join(allowed)}" if allowed else "unknown key"


def _key_path(location: KeyPath, data: object) -> KeyPath:
    """Drop from a pydantic location what is no key of the file (names of union members and validators)."""
    path: list[str | int] = []
    for depth, part in enumerate(location):
        last = depth == len(location) - 1
        if isinstance(data, Mapping) and isinstance(part, str) and (part in data or last):
            path.append(part)
            data = data.get(part)
        elif isinstance(data, list | tuple) and isinstance(part, int) and part < len(data):
            path.append(part)
            data = data[part]
    return tuple(path)


def _allowed_keys(schema: type[BaseModel], location: KeyPath) -> list[str]:
    """Keys of the schema found at a pydantic location, through nested models, lists, dicts and unions."""
    candidates: list[type[BaseModel]] = [schema]
    for part in location:
        inside = [
            found
            for candidate in candidates
            for name, field in candidate.model_fields.items()
            if part in (name, field.alias)
            for found in _models_in(field.annotation)
        ]
        named = [found for found in candidates if part == found.__name__ or _has_tag(found, part)]
        candidates = inside or named or candidates
    keys = [field.alias or name for candidate in candidates for name, field in candidate.model_fields.items()]
    return list(dict.fromkeys(keys))


def _has_tag(model: type[BaseModel], tag: str | int) -> bool:
    """Whether a field of the model is a literal that allows `tag` (a discriminated union's member)."""
    return any(
        get_origin(field.annotation) is Literal and tag in get_args(field.annotation)
        for field in model.model_fields.values()
    )


def _models_in(annotation: object) -> list[type[BaseModel]]:
    """All pydantic models that occur in a type annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for inner in get_args(annotation) for found in _models_in(inner)]


def _resolve_paths(value: Any, folder: Path) -> Any:
    """Copy of a validated value in which every relative `Path` is taken from `folder`."""
    if isinstance(value, Path):
        return folder / value.expanduser()
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        resolved = {name: _resolve_paths(field, folder) for name, field in fields.items()}
        changed = {name: new for name, new in resolved.items() if new is not fields[name]}
        return value.model_copy(update=changed) if changed else value
    if isinstance(value, dict):
        mapping = {key: _resolve_paths(item, folder) for key, item in value.items()}
        return mapping if any(mapping[key] is not value[key] for key in value) else value
    if isinstance(value, list | tuple):
        items = [_resolve_paths(item, folder) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        return items if isinstance(value, list) else tuple(items)
    return value


def _dotted(key: KeyPath) -> str:
    """`data.phases[0].path` for a key path."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _short(value: object) -> str:
    """One-line representation of a value, cut to a readable length."""
    text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."
