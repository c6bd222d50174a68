"""The walls between rooms: who may include or import whom, and the habits that a search can check."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python" / "gnncv"
CXX_SUFFIXES = {".h", ".hpp", ".cpp", ".cc", ".cu", ".cuh"}
LONGEST_FILE = 400

TORCH = r"(torch/|ATen/|c10/)"
PYBIND = r"pybind11"
PLUMED = r"(PLMD|plumed|Plumed)"
CUDA = r"cuda_runtime"
PYTHON_HEADER = r"Python\.h"

# The headers with libtorch in them, shared by the operators and the models beside them.
TORCH_HEADERS = {
    "jacobian_arguments.h",
    "operator_arguments.h",
    "operator_device.h",
    "table_arguments.h",
    "torch_module.h",
}

FORBIDDEN_INCLUDES = [
    ("cpp/include", CXX_SUFFIXES, (TORCH, PYBIND, PLUMED, CUDA, r'"(core|kernels|model)/')),
    ("cpp/kernels", CXX_SUFFIXES, (TORCH, PYBIND, PLUMED, r'"(core|model)/')),
    ("cpp/core", CXX_SUFFIXES, (TORCH, PYBIND, PLUMED, r'"model/')),
    ("cpp/model", CXX_SUFFIXES, (PYBIND, PLUMED)),
    ("cpp/model", {".h", ".hpp"}, (TORCH,)),
    ("python/bindings", CXX_SUFFIXES, (TORCH, PLUMED, r'"(core|kernels|model)/')),
    ("plumed_plugin", CXX_SUFFIXES, (TORCH, PYBIND, PYTHON_HEADER, CUDA, r"vesin", r"[<\"]\.\./")),
]

# For each room of the package: what none of its modules may import, not even inside a function.
PROGRAMS = ("cli", "demo", "rounds")
LEARNING = ("training", "export")
LEARNED = ("models", "nn", *LEARNING)
AROUND = ("engines", "files", "analysis", "explain")
FORBIDDEN_IMPORTS: dict[str, tuple[str, ...]] = {
    "nn": (*PROGRAMS, *AROUND, *LEARNING, "data", "models"),
    "models": (*PROGRAMS, *AROUND, *LEARNING),
    "data": (*PROGRAMS, *LEARNING, "engines", "analysis", "explain"),
    "training": (*PROGRAMS, "engines"),
    "export": (*PROGRAMS, "engines"),
    "files": (*PROGRAMS, *LEARNED, "engines", "data", "cv", "_native"),
    "analysis": (*PROGRAMS, *LEARNED, "engines", "_native"),
    "explain": (*PROGRAMS, *LEARNED, "engines", "_native"),
    "topology": (*PROGRAMS, *AROUND, *LEARNED, "data", "plumed", "cv", "jacobian", "_native"),
    "jacobian": (*PROGRAMS, *AROUND, *LEARNED, "data", "plumed"),
    "engines": (*PROGRAMS, *LEARNED, "_native"),
    "plumed": (*PROGRAMS, *LEARNED, "engines", "analysis", "explain", "data", "cv"),
    "learned_bias": (*PROGRAMS, "engines", "training", "explain", "data"),
    "committee": (*PROGRAMS, *AROUND, *LEARNED, "data", "plumed", "jacobian", "_native"),
    "rounds": ("cli", "demo", "_native"),
    "demo": ("cli", "_native"),
}
for _room in set(FORBIDDEN_IMPORTS) - {"learned_bias", "rounds", "demo"}:
    FORBIDDEN_IMPORTS[_room] += ("learned_bias",)
FORBIDDEN_LIBRARIES = {
    "topology": ("openmm", "lightning", "sklearn", "matplotlib"),
    "files": ("torch", "openmm", "lightning"),
    "analysis": ("torch", "openmm", "lightning"),
    "plumed": ("torch", "openmm", "lightning", "ase", "plumed"),
}
HEAVY = ("torch", "lightning", "openmm", "matplotlib", "ase", "freud", "sklearn", "scipy")


def cxx_files(folder: str, suffixes: set[str] = CXX_SUFFIXES) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*") if path.suffix in suffixes)


def sources() -> Iterator[Path]:
    for folder in ("cpp", "python", "plumed_plugin", "tests", "benchmarks", "examples", "docs"):
        for path in sorted((ROOT / folder).rglob("*")):
            written = path.suffix in CXX_SUFFIXES | {".py"} or path.name == "CMakeLists.txt"
            if written and "_build" not in path.parts:
                yield path


def imports(path: Path, top_level_only: bool = False) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything a module imports, type-checking blocks left out."""
    tree = ast.parse(path.read_text())
    package = ("gnncv", *path.relative_to(PACKAGE).with_suffix("").parts)[:-1]
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *filter(None, [node.module])))
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        elif not (top_level_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            pending.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize(("folder", "suffixes", "patterns"), FORBIDDEN_INCLUDES)
def test_cxx_rooms_include_only_what_they_may(
    folder: str, suffixes: set[str], patterns: tuple[str, ...]
) -> None:
    found = []
    for path in cxx_files(folder, suffixes):
        if path.name in TORCH_HEADERS:
            continue
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            include = re.match(r"\s*#\s*include\s+(.*)", line)
            if include and any(re.search(pattern, include[1]) for pattern in patterns):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not found, "\n".join(found)


def test_public_headers_are_plain_cxx17() -> None:
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    for header in cxx_files("cpp/include"):
        command = [compiler, "-std=c++17", "-pedantic-errors", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
        result = subprocess.run(
            [*command, "-I", str(ROOT / "cpp/include"), "-x", "c++", "-include", str(header), "/dev/null"],
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, f"{header.relative_to(ROOT)}:\n{result.stderr}"


@pytest.mark.parametrize("room", sorted(FORBIDDEN_IMPORTS))
def test_python_rooms_import_only_what_they_may(room: str) -> None:
    forbidden = [f"gnncv.{name}" for name in FORBIDDEN_IMPORTS[room]] + list(
        FORBIDDEN_LIBRARIES.get(room, ())
    )
    found = [
        f"{path.relative_to(ROOT)}:{line}: imports {name}"
        for path in sorted((PACKAGE / room).rglob("*.py"))
        for line, name in imports(path)
        if any(name == wall or name.startswith(f"{wall}.") for wall in forbidden)
    ]
    assert not found, "\n".join(found)


def test_the_extension_module_is_reached_only_through_the_bindings_faces() -> None:
    faces = {"cv.py", "_native.py", "__init__.py"}
    found = [
        f"{path.relative_to(ROOT)}:{line}: imports {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if not (path.parent == PACKAGE and path.name in faces)
        for line, name in imports(path)
        if name.startswith("gnncv._core") or name == "ctypes"
    ]
    assert not found, "\n".join(found)


def test_commands_import_heavy_libraries_only_when_they_run() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: imports {name} at the top"
        for path in sorted((PACKAGE / "cli").glob("*.py"))
        for line, name in imports(path, top_level_only=True)
        if name.partition(".")[0] in HEAVY
    ]
    assert not found, "\n".join(found)


def test_help_loads_no_heavy_library() -> None:
    code = (
        f"import sys, gnncv.cli.main as m; m.build_parser(); print([n for n in {HEAVY} if n in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_files_are_short() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources()}
    assert not {name: lines for name, lines in long.items() if lines > LONGEST_FILE}


def test_modules_are_named_after_what_they_hold() -> None:
    vague = re.compile(r"(^|_)(utils?|helpers?|misc|managers?|common|stuff)($|_)")
    assert not [str(path.relative_to(ROOT)) for path in sources() if vague.search(path.stem)]


def test_nothing_is_left_for_later_and_no_path_of_a_machine() -> None:
    later = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b|raise NotImplemented" + r"Error")
    machine = re.compile(r"/(wo" + r"rk|ro" + r"ot|ho" + r"me)/")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sources()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if later.search(line) or machine.search(line)
    ]
    assert not found, "\n".join(found)


def test_spelling_is_american() -> None:
    words = (
        "neighb"
        + "our|col"
        + "our|cent"
        + "re|behavi"
        + "our|lab"
        + "elled|normal"
        + "ise|optimi"
        + "se|initial"
        + "ise"
    )
    british = re.compile(rf"({words})", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sources()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if british.search(line)
    ]
    assert not found, "\n".join(found)


def test_the_plugin_sees_of_gnncv_only_its_public_headers() -> None:
    """It is shipped as source and compiled elsewhere: `core/` and `model/` would not be there."""
    own = {path.name for path in cxx_files("plumed_plugin")}
    plumed = re.compile(r'"(bias|core|function|tools)/[A-Z]\w*\.h"')
    found = [
        f"{path.relative_to(ROOT)}: {include}"
        for path in cxx_files("plumed_plugin")
        for include in re.findall(r'^\s*#\s*include\s+("[^"]+")', path.read_text(), re.MULTILINE)
        if include.strip('"') not in own
        and not include.startswith('"gnncv/')
        and not plumed.fullmatch(include)
    ]
    assert not found, "\n".join(found)
