"""What a PLUMED input says that an engine must know: the files it reads, and whether it uses GNNCV."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnncv.errors import InvalidArgument
from gnncv.plumed.plugin import load_line

_ASSIGNMENT = re.compile(r"(?<!\S)(?P<key>[A-Z_][A-Z0-9_]*)=(?P<value>\{[^}]*\}|\S+)")
# Keywords whose values are files or folders to read, whatever the action; FILE is one only for some actions.
_READ = {
    "EXTENSIONS_DIRECTORY", "GRID_RFILE", "MODEL", "NDX_FILE", "REFERENCE", "STATE_RFILE", "STRUCTURE",
    "TEMPLATE", "WALKERS_DIR",
}  # fmt: skip
_READ_FILE_OF = {"EXTERNAL", "INCLUDE", "LOAD", "PYTORCH_MODEL", "READ"}
_WRITTEN_WHOLE = {"GRID_WFILE", "STATE_WFILE"}
_DEFAULT_NAMES = {"HILLS", "KERNELS", "STATE"}
_DEEPEST = 8


@dataclass(frozen=True)
class Statement:
    """One action of an input, continuation lines joined.

    Attributes
    ----------
    action
        Its name, such as ``METAD``.
    values
        Keywords and their values, without braces; flags are left out.
    first, last
        Lines of the text, from 0.
    """

    action: str
    values: dict[str, str]
    first: int
    last: int


@dataclass(frozen=True)
class PlumedInput:
    """The text of a PLUMED input, and the folder that its relative paths start from."""

    text: str
    folder: Path

    @classmethod
    def from_file(cls, path: str | Path) -> PlumedInput:
        """Read a file.

        Raises
        ------
        InvalidArgument
            If it cannot be read.
        """
        path = Path(path)
        try:
            return cls(path.read_text(), path.absolute().parent)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise InvalidArgument(f"the PLUMED input {path} cannot be read: {reason}") from None

    def statements(self) -> list[Statement]:
        """Its actions, in order, up to ENDPLUMED."""
        return list(_statements(self.text))

    def all_statements(self, depth: int = 0) -> Iterator[Statement]:
        """Its actions and those of the files it includes."""
        for statement in self.statements():
            yield statement
            if statement.action == "INCLUDE" and depth < _DEEPEST:
                included = self.folder / statement.values.get("FILE", "")
                if included.is_file():
                    yield from PlumedInput(included.read_text(), self.folder).all_statements(depth + 1)

    @property
    def uses_gnncv(self) -> bool:
        """Whether it has an action GNNCV."""
        return any(statement.action == "GNNCV" for statement in self.all_statements())

    @property
    def loads_gnncv(self) -> bool:
        """Whether it loads the plugin itself."""
        loaded = [each.values.get("FILE", "") for each in self.all_statements() if each.action == "LOAD"]
        return any("gnncv" in Path(path).name for path in loaded)

    def models(self) -> list[Path]:
        """Model files of its actions GNNCV, each once."""
        named = [each.values.get("MODEL", "") for each in self.all_statements() if each.action == "GNNCV"]
        return list(dict.fromkeys(self.folder / name for name in named if name))

    def identity(self) -> dict[str, Any]:
        """What must be equal for a run to be continued: the text, what it includes, and its models."""
        files = [self.folder / each.values.get("FILE", "") for each in self.all_statements()
                 if each.action == "INCLUDE"]  # fmt: skip
        files += self.models()
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()]
        return {"text": self.text, "files": digests}

    def written_whole(self) -> set[str]:
        """Names of the files that it writes anew again and again, rather than appends to."""
        return {
            each.values[key] for each in self.all_statements() for key in _WRITTEN_WHOLE & each.values.keys()
        }

    def writes(self, name: str) -> bool:
        """Whether a file of this name in PLUMED's folder is one that it writes (or has written)."""
        if name.partition(".")[0] in _DEFAULT_NAMES:
            return True
        return any(name in each.values.values() for each in self.all_statements())

    def walker_files(self, everybody: bool = False) -> list[Path]:
        """The files of hills that it, or everybody, appends to in folders shared by walkers."""
        found = []
        for values in (each.values for each in self.all_statements() if "WALKERS_DIR" in each.values):
            hills = self.folder / values["WALKERS_DIR"] / values.get("FILE", "HILLS")
            count = values.get("WALKERS_N", "")
            all_numbers = [str(number) for number in range(int(count) if count.isdecimal() else 0)]
            numbers = all_numbers if everybody else [values.get("WALKERS_ID", "0")]
            found += [hills.with_name(f"{hills.name}.{number}") for number in numbers]
        return found

    def with_load(self, library: Path) -> PlumedInput:
        """The same with a line that loads the plugin before it is first needed."""
        needed = ("GNNCV", "INCLUDE")
        first = next((each.first for each in self.statements() if each.action in needed), 0)
        lines = self.text.splitlines()
        return PlumedInput(
            "\n".join([*lines[:first], load_line(library), *lines[first:]]) + "\n", self.folder
        )

    def with_absolute_paths(self) -> PlumedInput:
        """The same with absolute paths of files to read that exist beside it, so that it runs anywhere."""
        actions = {n: each.action for each in self.statements() for n in range(each.first, each.last + 1)}
        lines = []
        for number, line in enumerate(self.text.splitlines()):
            said, mark, comment = line.partition("#")
            replace = functools.partial(self._absolute, action=actions.get(number, ""))
            lines.append(_ASSIGNMENT.sub(replace, said) + mark + comment)
        return PlumedInput("\n".join(lines) + "\n", self.folder)

    def _absolute(self, found: re.Match[str], action: str) -> str:
        key, value = found["key"], found["value"]
        if not (key in _READ or (key == "FILE" and action in _READ_FILE_OF)):
            return found[0]
        name = value.strip("{}")
        target = self.folder / name
        if Path(name).is_absolute() or not target.exists():
            return found[0]
        return f"{key}={{{target}}}" if any(letter.isspace() for letter in str(target)) else f"{key}={target}"


def _statements(text: str) -> Iterator[Statement]:
    pending: list[str] | None = None
    first = 0
    for number, line in enumerate(text.splitlines()):
        words = line.partition("#")[0].split()
        if pending is not None:
            if words[:1] == ["..."]:
                yield from _statement(pending, first, number)
                pending = None
            else:
                pending += words
        elif words and words[0] == "ENDPLUMED":
            return
        elif words and words[-1] == "...":
            pending, first = words[:-1], number
        elif words:
            yield from _statement(words, number, number)


def _statement(words: list[str], first: int, last: int) -> Iterator[Statement]:
    """The statement that some words make; none if there is only a label."""
    named = words[1:] if words and words[0].endswith(":") else words
    if named:
        joined = " ".join(named)
        values = {found["key"]: found["value"].strip("{}") for found in _ASSIGNMENT.finditer(joined)}
        yield Statement(named[0], values, first, last)
