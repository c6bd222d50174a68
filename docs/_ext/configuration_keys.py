"""The directive ``configuration-keys``: tables of a configuration's keys, made from its pydantic schema."""

import enum
import types
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

import yaml
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.nodes import nested_parse_with_titles

logger = logging.getLogger(__name__)
MEANINGS: dict[str, dict[str, str]] = yaml.safe_load(Path(__file__).with_name("meanings.yaml").read_text())
PLAIN = {int: "integer", float: "number", str: "text", bool: "true or false", Path: "path", Any: "any"}
BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most", "min_length": "items at least"}


def describe_type(annotation: Any) -> str:
    """A type annotation in the words of someone who writes YAML."""
    if annotation in PLAIN:
        return PLAIN[annotation]
    if annotation is None or annotation is types.NoneType:
        return "absent"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return describe_type(arguments[0]) + describe_bounds(arguments[1:])
    if origin is Literal:
        return " or ".join(f"``{value}``" for value in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(describe_type(argument) for argument in arguments)
    if origin in (list, tuple, set, frozenset):
        inner = [argument for argument in arguments if argument is not Ellipsis]
        if origin is tuple and len(inner) == len(arguments):
            return "list of " + ", ".join(describe_type(argument) for argument in inner)
        return "list of " + describe_type(inner[0])
    if origin is dict:
        return f"name: {describe_type(arguments[1])}, for each name"
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return " or ".join(f"``{member.value}``" for member in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"section {annotation.__name__}"
    return str(annotation)


def describe_bounds(metadata: Any) -> str:
    """The limits that a field's metadata sets, in words."""
    found = []
    for item in metadata:
        for part in getattr(item, "metadata", None) or [item]:
            for name, word in BOUNDS.items():
                value = getattr(part, name, None)
                if value is not None:
                    found.append(f"{word} {value}")
    return f" ({', '.join(dict.fromkeys(found))})" if found else ""


def describe_default(field: FieldInfo) -> str:
    """The default as YAML shows it."""
    if field.is_required():
        return "*required*"
    default = field.default if field.default is not PydanticUndefined else None
    if default is None and field.default_factory is not None:
        default = field.default_factory()  # type: ignore[call-arg]
    if isinstance(default, BaseModel):
        return "its defaults"
    if default in (None, "", [], {}, ()):
        return "none"
    return f"``{str(default).lower() if isinstance(default, bool) else default}``"


def sections(schema: type[BaseModel]) -> list[type[BaseModel]]:
    """The schema and every model nested in it, each once, outermost first."""
    found: list[type[BaseModel]] = []
    pending: list[Any] = [schema]
    while pending:
        annotation = pending.pop(0)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            if annotation not in found:
                found.append(annotation)
                pending.extend(field.annotation for field in annotation.model_fields.values())
        else:
            pending.extend(get_args(annotation))
    return found


def lines_of(section: type[BaseModel], is_root: bool) -> list[str]:
    """One section's table as reStructuredText."""
    lines = [] if is_root else [f".. rubric:: {section.__name__}", ""]
    if section.__doc__ and not is_root:
        lines += [*section.__doc__.strip().split("\n\n")[0].split("\n"), ""]
        lines = [line.strip() if not line.startswith("..") else line for line in lines]
    lines += [".. list-table::", "   :header-rows: 1", "   :widths: 22 30 16 32", ""]
    lines += ["   * - key", "     - value", "     - default", "     - meaning"]
    for name, field in section.model_fields.items():
        kind = describe_type(field.annotation) + describe_bounds(field.metadata)
        meaning = field.description or MEANINGS.get(section.__name__, {}).get(name)
        if not meaning:
            logger.warning("%s.%s has no meaning: describe it in the schema", section.__name__, name)
        meaning = " ".join(str(meaning).split()).replace("`", "``").replace("````", "``")
        lines += [f"   * - ``{field.alias or name}``", f"     - {kind}", f"     - {describe_default(field)}"]
        lines += [f"     - {meaning}"]
    return [*lines, ""]


class ConfigurationKeys(Directive):
    """``.. configuration-keys:: module:Model``."""

    required_arguments = 1
    has_content: ClassVar[bool] = False

    def run(self) -> list[nodes.Node]:
        """Import the schema and parse its tables into the page."""
        module_name, _, name = self.arguments[0].partition(":")
        schema = getattr(__import__(module_name, fromlist=[name]), name)
        lines = [line for s in sections(schema) for line in lines_of(s, s is schema)]
        container = nodes.container()
        container.document = self.state.document
        nested_parse_with_titles(self.state, StringList(lines, source=self.arguments[0]), container)
        return container.children


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("configuration-keys", ConfigurationKeys)
    return {"parallel_read_safe": True}
