"""What the documentation shows must work: commands parse, configurations are valid, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from gnncv.cli.main import COMMANDS, build_parser
from gnncv.engines import RunConfig

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if "_build" not in page.parts]


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Every gnncv command line in the pages and examples."""
    lines = [line for page in PAGES for block in blocks(page, "console") for line in block.splitlines()]
    for example in sorted((ROOT / "examples").rglob("*.yaml")):
        lines += [
            f"$ {line.removeprefix('# ')}" for line in example.read_text().splitlines() if "gnncv " in line
        ]
    found = [line.removeprefix("$ ") for line in lines if line.startswith("$ gnncv ")]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("line", commands())
def test_commands_in_the_documentation_parse(line: str) -> None:
    build_parser().parse_args(shlex.split(line.partition(" >")[0], comments=True)[1:])


def test_examples_in_the_help_parse() -> None:
    parser = build_parser()
    for name in COMMANDS:
        module = __import__(f"gnncv.cli.{name}", fromlist=["EXAMPLE"])
        for line in module.EXAMPLE.splitlines():
            words = shlex.split(line.partition(">")[0], comments=True)
            if words[0] == "gnncv":
                parser.parse_args(words[1:])


def is_there(file: Path, example: Path) -> bool:
    """Whether a file of an example is in the repository, or is made by its README or a program of it.

    The README copies it at the end of a line, or names it whole; a program has its name, or that without
    the suffix, as a string of its own.
    """
    if file.is_file():
        return True
    readme = example / "README.md"
    text = readme.read_text() if readme.is_file() else ""
    if f" {file.name}\n" in text or f"`{file.name}`" in text or f"[{file.name}]" in text:
        return True
    strings = {f'"{name}"' for name in (file.name, file.stem)}
    return any(string in program.read_text() for program in example.glob("*.py") for string in strings)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("run*.yaml")), ids=lambda path: path.name)
def test_example_runs_are_valid(path: Path) -> None:
    assert is_there(RunConfig.from_yaml(path).start.structure, path.parent)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("train*.yaml")), ids=lambda path: path.name)
def test_example_trainings_are_valid(path: Path) -> None:
    from gnncv.training import TrainConfig

    config = TrainConfig.from_yaml(path)
    assert all(is_there(file, path.parent) for files in config.data.phases.values() for file in files)


def test_training_files_in_the_pages_are_valid(tmp_path: Path) -> None:
    from gnncv.training import TrainConfig

    found = [block for page in PAGES for block in blocks(page, "yaml") if block.startswith("# train.yaml")]
    assert found
    for block in found:
        (tmp_path / "train.yaml").write_text(block)
        TrainConfig.from_yaml(tmp_path / "train.yaml")


def test_parts_of_run_files_in_the_pages_are_valid(tmp_path: Path) -> None:
    whole = (ROOT / "examples/argon/run.yaml").read_text()
    found = [
        block for page in PAGES for block in blocks(page, "yaml") if block.startswith("# part of run.yaml")
    ]
    assert found
    for block in found:
        keys = re.findall(r"^(\w+):", block, flags=re.MULTILINE)
        kept = [
            part for part in re.split(r"^(?=\w)", whole, flags=re.MULTILINE) if part.split(":")[0] not in keys
        ]
        if "engine" in keys:  # multiple time steps are OpenMM's
            kept = [part for part in kept if not part.startswith("cv_every")]
        (tmp_path / "run.yaml").write_text("".join(kept) + "\n" + block)
        RunConfig.from_yaml(tmp_path / "run.yaml")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_inclusions_lead_to_files(page: Path) -> None:
    text = page.read_text()
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    targets += re.findall(r"^```\{(?:literal)?include\} (\S+)", text, flags=re.MULTILINE)
    missing = [
        target for target in targets if not target.startswith("http") and not (page.parent / target).exists()
    ]
    assert not missing
