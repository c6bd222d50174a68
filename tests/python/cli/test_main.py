"""The command line as a user meets it: help, exit codes, errors of one line, nothing written on error."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from gnncv.cli import main as command_line
from gnncv.cli.main import COMMANDS, main
from gnncv.errors import InvalidArgument


def failure(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command that must fail; return its one line on standard error."""
    try:
        code = main(list(words))
    except SystemExit as end:
        code = end.code
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert captured.err.endswith("\n")
    assert captured.err.count("\n") == 1, captured.err
    return captured.err.strip()


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    generator = np.random.default_rng(1)
    path = tmp_path / "frames.extxyz"
    for _ in range(3):
        write(path, Atoms("Ar8", generator.uniform(0, 8, (8, 3)), cell=[8, 8, 8], pbc=True), append=True)
    return path


@pytest.fixture
def not_a_model(tmp_path: Path) -> Path:
    path = tmp_path / "cv.pt"
    path.write_bytes(b"this is no model")
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_an_example_of_it(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert f"gnncv {command} " in text.partition("example:")[2]


def test_help_is_quick() -> None:
    """Of the processor's time: other tests run beside it."""
    durations = []
    for _ in range(3):
        start = os.times()
        subprocess.run([sys.executable, "-m", "gnncv.cli.main", "--help"], check=True, capture_output=True)
        end = os.times()
        durations.append(
            end.children_user + end.children_system - start.children_user - start.children_system
        )
    assert 0.0 < min(durations) < 0.5, durations


def test_the_installed_command_is_this_one() -> None:
    script = shutil.which("gnncv", path=str(Path(sys.executable).parent))
    if script is None:
        pytest.skip("gnncv is not installed beside this Python")
    result = subprocess.run([script, "--version"], check=True, capture_output=True, text=True)
    assert result.stdout.startswith("gnncv ")


def test_without_a_command_the_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "evaluate" in capsys.readouterr().out


def test_an_unknown_command_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert failure(capsys, "sensitivty") == (
        "gnncv: error: unknown command 'sensitivty'; did you mean 'sensitivity'?"
    )
    assert "choose from train, export" in failure(capsys, "qqq")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["train"],
            "the following arguments are required: CONFIG.yaml, -o/--output (see gnncv train --help)",
        ),
        (["export", "r", "-o", "x.pt", "--precision", "half"], "invalid choice: 'half'"),
        (["fes", "HILLS", "-o", "f.dat", "--bins", "many"], "invalid int value: 'many'"),
        (["demo", "--color"], "unrecognized arguments: --color"),
    ],
)
def test_wrong_arguments(capsys: pytest.CaptureFixture[str], words: list[str], expected: str) -> None:
    assert expected in failure(capsys, *words)


def test_errors_stay_on_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: object) -> int:
        raise InvalidArgument("first line\nsecond line")

    monkeypatch.setattr(command_line.import_module("gnncv.cli.doctor"), "run", run)
    assert failure(capsys, "doctor") == "gnncv doctor: error: first line second line"


def test_a_missing_library_names_the_extra(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_: object) -> int:
        raise ModuleNotFoundError("No module named 'openmm.app'", name="openmm.app")

    monkeypatch.setattr(command_line.import_module("gnncv.cli.doctor"), "run", run)
    assert failure(capsys, "doctor") == "gnncv doctor: error: this needs openmm: pip install 'gnncv[openmm]'"


def test_a_defect_is_not_dressed_up_as_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(command_line.import_module("gnncv.cli.doctor"), "run", run)
    with pytest.raises(ZeroDivisionError):
        main(["doctor"])


def test_interruption(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line.import_module("gnncv.cli.doctor"), "run", run)
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err == "gnncv doctor: interrupted\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "train.yaml: the configuration file cannot be read: No such file or directory"),
        ("data: {phases: {melt: [a], crystal: [b]}}\n", "train.yaml: model: missing, and it has no default"),
        (
            "data: {phases: {melt: [a]}}\nmodel: {cutof: 5}\n",
            "train.yaml:2: model.cutof: unknown key; did you mean",
        ),
        (
            "data: {phases: {melt: [a]}}\nmodel: {cutoff: 5, activation: gelu}\n",
            "train.yaml:2: model.activation: 'gelu' is not allowed; allowed: 'silu', 'softplus', 'tanh' or",
        ),
        ("data: {phases: {melt: [absent.xyz]}}\nmodel: {cutoff: 5}\n", "absent.xyz"),
        ("data: {}\nmodel: {cutoff: 5}\n", "train.yaml:1: data: give trajectories under `phases`"),
    ],
)
def test_bad_training_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str | None, expected: str
) -> None:
    config = tmp_path / "train.yaml"
    if text is not None:
        config.write_text(text)
    message = failure(capsys, "train", str(config), "-o", str(tmp_path / "run"), "--quiet")
    assert expected in message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("engine: opnmm", "run.yaml:1: engine: 'opnmm' is not allowed; allowed: 'openmm' or 'ase'"),
        ("timestep: 4", "run.yaml:1: timestep: unknown key; did you mean 'timestep_fs'?"),
        ("steps: -1", "run.yaml:1: steps: -1 is not allowed"),
    ],
)
def test_bad_run_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, change: str, expected: str
) -> None:
    settings = {
        "engine": "openmm",
        "start": "crystal.xyz",
        "system": "{kind: lennard-jones, cutoff_angstrom: 9, "
        "species: {Ar: {sigma_angstrom: 3, epsilon_kj_mol: 1}}}",
        "output": "out",
        "steps": "10",
        "timestep_fs": "4",
        "temperature_kelvin": "80",
    }
    key = change.partition(":")[0]
    lines = [change, *(f"{name}: {value}" for name, value in settings.items() if name != key)]
    (tmp_path / "run.yaml").write_text("\n".join(lines) + "\n")
    assert expected in failure(capsys, "run", str(tmp_path / "run.yaml"), "--quiet")
    assert not (tmp_path / "out").exists()


def test_rounds_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--rounds is 0; at least 1" in failure(capsys, "run", "run.yaml", "--rounds", "0")
    assert "--train goes with --rounds" in failure(capsys, "run", "run.yaml", "--train", "train.yaml")


@pytest.mark.parametrize("command", ["inspect", "evaluate", "sensitivity"])
def test_missing_and_foreign_model_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, frames: Path, not_a_model: Path, command: str
) -> None:
    more = [] if command == "inspect" else [str(frames), "-o", str(tmp_path / "out.extxyz")]
    assert "absent.pt" in failure(capsys, command, str(tmp_path / "absent.pt"), *more)
    assert "cv.pt" in failure(capsys, command, str(not_a_model), *more)
    assert not (tmp_path / "out.extxyz").exists()


@pytest.mark.parametrize("command", ["evaluate", "sensitivity"])
def test_existing_outputs_are_kept(
    capsys: pytest.CaptureFixture[str], frames: Path, not_a_model: Path, command: str
) -> None:
    before = frames.read_bytes()
    message = failure(capsys, command, str(not_a_model), str(frames), "-o", str(frames))
    assert "frames.extxyz exists" in message
    assert frames.read_bytes() == before


def test_export_needs_a_finished_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    message = failure(capsys, "export", str(tmp_path), "-o", str(tmp_path / "cv.pt"))
    assert "holds no finished training run" in message
    assert not (tmp_path / "cv.pt").exists()


def test_fes_reads_hills_and_writes_table_and_picture(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    hills = tmp_path / "HILLS"
    rows = [f" {t} {0.1 * t} 0.1 1.0 10" for t in range(1, 30)]
    header = [
        "#! FIELDS time s sigma_s height biasf",
        "#! SET multivariate false",
        "#! SET kerneltype gaussian",
    ]
    hills.write_text("\n".join([*header, *rows]) + "\n")
    assert main(["fes", str(hills), "-o", str(tmp_path / "fes.dat"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["cv"] == "s"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["HILLS", "fes.csv", "fes.dat", "fes.png"]
    assert "fes.dat exists" in failure(capsys, "fes", str(hills), "-o", str(tmp_path / "fes.dat"))
    assert "absent does not exist" in failure(
        capsys, "fes", str(tmp_path / "absent"), "-o", str(tmp_path / "f.dat")
    )


def test_doctor_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert code == (0 if facts["healthy"] else 1)
    found = {finding["name"]: finding for finding in facts["findings"]}
    assert found["python"]["status"] == "ok"
    assert {"torch", "native library", "openmm", "plumed", "cuda"} <= found.keys()


def test_doctor_says_what_is_broken_and_how_to_mend_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    library = SimpleNamespace(
        load_operators=lambda: (_ for _ in ()).throw(InvalidArgument("built for torch 1.0"))
    )
    monkeypatch.setattr("gnncv._native", library, raising=False)
    monkeypatch.setitem(sys.modules, "gnncv._native", library)
    assert main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert re.search("^!!  native library +built for torch 1.0$", text, re.MULTILINE)
    assert "-> build gnncv again" in text
    assert "gnncv does not work here: mend native library" in text
