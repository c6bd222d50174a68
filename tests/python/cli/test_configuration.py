"""Configuration files: errors of one line that name the file, line, key, value and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from gnncv.configuration import load_configuration, validate_configuration
from gnncv.errors import InvalidArgument


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Walls(Strict):
    kind: Literal["walls"]
    upper: float


class Metadynamics(Strict):
    kind: Literal["metadynamics"]
    height_kj_mol: float = Field(1.0, gt=0)


class Source(Strict):
    path: Path
    phase: str | None = None


class Network(Strict):
    cutoff: float = Field(5.0, gt=0)
    channels: int = 16


class Schema(Strict):
    engine: Literal["ase", "openmm"] = "openmm"
    network: Network = Network()
    data: list[Source] = []
    extra_files: dict[str, Path] = {}
    bias: Annotated[Walls | Metadynamics, Field(discriminator="kind")] | None = None
    first: int = 0
    last: int = 1

    @model_validator(mode="after")
    def ordered(self) -> Schema:
        if self.last <= self.first:
            raise ValueError(f"last ({self.last}) must come after first ({self.first})")
        return self


def load(tmp_path: Path, text: str) -> Schema:
    file = tmp_path / "run.yaml"
    file.write_text(text)
    return load_configuration(file, Schema)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("network:\n  cutof: 5\n", "run.yaml:2: network.cutof: unknown key; did you mean 'cutoff'?"),
        ("network:\n  zzz: 5\n", "run.yaml:2: network.zzz: unknown key; allowed: cutoff, channels"),
        ("engine: opnmm\n", "run.yaml:1: engine: 'opnmm' is not allowed; allowed: 'ase' or 'openmm'"),
        (
            "\nnetwork: {cutoff: -1}\n",
            "run.yaml:2: network.cutoff: -1 is not allowed; input should be greater",
        ),
        ("data:\n- path: a\n- phase: melt\n", "run.yaml:3: data[1].path: missing, and it has no default"),
        ("data:\n- path: a\n  phas: melt\n", "run.yaml:3: data[0].phas: unknown key; did you mean 'phase'?"),
        ("bias: {kind: wall}\n", "run.yaml:1: bias.kind: 'wall' is not allowed; allowed: 'walls', 'metady"),
        ("bias: {}\n", "run.yaml:1: bias.kind: missing"),
        ("bias: {kind: walls}\n", "run.yaml:1: bias.upper: missing"),
        (
            "bias:\n  kind: metadynamics\n  heigt_kj_mol: 1\n",
            "run.yaml:3: bias.heigt_kj_mol: unknown key; did",
        ),
        ("first: 3\n", "run.yaml: last (1) must come after first (3)"),
        ("first: 1\nfirst: 2\n", "run.yaml:2: first: given twice, first in line 1"),
        ("first: [1\nlast: 2\n", "run.yaml:2:5: this is not valid YAML"),
        ("first: \x01\n", "run.yaml: this is not valid YAML"),
        ("- 1\n", "run.yaml:1: expected 'key: value' lines, got [1]"),
        ("first: a\nlast: b\n", "run.yaml:1: first: 'a' is not allowed"),
    ],
)
def test_errors_name_file_line_key_value_and_way_out(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        load(tmp_path, text)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_errors_stay_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument) as caught:
        load(tmp_path, "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n")
    assert "line 2: b: unknown key" in str(caught.value)
    assert str(caught.value).endswith("; and 2 more")
    assert "\n" not in str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidArgument, match=r"absent\.yaml: the configuration file cannot be read: No such"
    ):
        load_configuration(tmp_path / "absent.yaml", Schema)


def test_relative_paths_are_taken_from_the_folder_of_the_file(tmp_path: Path) -> None:
    config = load(tmp_path, "data:\n- path: melt.xyz\n- path: /abs/crystal.xyz\nextra_files: {a: b/c}\n")
    assert [source.path for source in config.data] == [tmp_path / "melt.xyz", Path("/abs/crystal.xyz")]
    assert config.extra_files == {"a": tmp_path / "b" / "c"}


def test_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "") == Schema()


def test_exponents_without_a_point_are_numbers(tmp_path: Path) -> None:
    assert load(tmp_path, "network: {cutoff: 1e1}\n").network.cutoff == 10.0


def test_plain_mappings_are_checked_the_same_way() -> None:
    with pytest.raises(InvalidArgument, match=r"^demo: first: 'x' is not allowed"):
        validate_configuration({"first": "x"}, Schema, source="demo")
