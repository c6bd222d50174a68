"""gnncv plumed and gnncv doctor: what they print, and one line where something is wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import ase.io
import pytest

from gnncv.cli.main import main
from gnncv.demo import fcc_crystal, shipped_model
from gnncv.plumed import Installation, load_line


def failure(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command that must fail; its one line on standard error."""
    try:
        code = main(["plumed", *words])
    except SystemExit as end:
        code = end.code
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1, captured.err
    return captured.err.strip()


def test_build_prints_the_load_line_and_load_repeats_it(
    installation: Installation, plugin: Path, capsys
) -> None:
    program = ["--plumed", str(installation.command)]
    assert main(["plumed", "build", *program]) == 0
    assert capsys.readouterr().out == load_line(plugin) + "\n"
    assert main(["plumed", "load", *program]) == 0
    assert capsys.readouterr().out == load_line(plugin) + "\n"
    assert main(["plumed", "load", "--json", *program]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["library"] == str(plugin) and facts["plumed_version"] == installation.version
    assert facts["kernel"] == str(installation.kernel) and facts["mpi"] is False


def test_load_builds_nothing(installation: Installation, tmp_path: Path, capsys) -> None:
    program = ["--plumed", str(installation.command)]
    message = failure(capsys, "load", *program, "-o", str(tmp_path / "plugin"))
    assert f"run `gnncv plumed build --plumed {installation.command} -o {tmp_path}/plugin`" in message
    assert not (tmp_path / "plugin").exists()


def test_a_folder_that_cannot_be_written(installation: Installation, tmp_path: Path, capsys) -> None:
    (tmp_path / "file").write_text("")
    message = failure(
        capsys, "build", "--plumed", str(installation.command), "-o", str(tmp_path / "file" / "x")
    )
    assert "cannot be written" in message and "GNNCV_CACHE" in message


def test_bad_words(capsys, tmp_path: Path) -> None:
    assert "the following arguments are required: ACTION" in failure(capsys)
    assert "invalid choice: 'bild'" in failure(capsys, "bild")
    assert "nowhere is no program that can be run" in failure(capsys, "build", "--plumed", "nowhere")
    model = str(shipped_model())
    assert "absent.pt" in failure(capsys, "template", str(tmp_path / "absent.pt"), "--plumed", "nowhere")
    assert "--temperature is -1.0" in failure(capsys, "template", model, "--temperature=-1")
    missing = str(tmp_path / "absent.xyz")
    assert "absent.xyz does not exist" in failure(capsys, "template", model, "--structure", missing)
    (tmp_path / "there.dat").write_text("precious")
    assert "there.dat exists" in failure(capsys, "template", model, "-o", str(tmp_path / "there.dat"))
    assert (tmp_path / "there.dat").read_text() == "precious"


def test_a_template_without_a_plugin_says_what_is_missing(
    capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GNNCV_CACHE", str(tmp_path))
    ase.io.write(tmp_path / "start.xyz", fcc_crystal(2))
    words = ["--structure", str(tmp_path / "start.xyz"), "--cv", "crystallinity", "--method", "opes"]
    assert main(["plumed", "template", str(shipped_model()), *words]) == 0
    printed = capsys.readouterr()
    assert "gnncv plumed build" in printed.err
    assert "# run `gnncv plumed build` and put the LOAD line" in printed.out
    assert "ARG=cv.crystallinity" in printed.out and "ATOMS=1-32" in printed.out


def test_doctor_really_loads(installation: Installation, plugin: Path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("PLUMED_KERNEL", str(installation.kernel))

    def examined() -> dict[str, dict]:
        main(["doctor", "--json"])
        return {each["name"]: each for each in json.loads(capsys.readouterr().out)["findings"]}

    found = examined()
    assert found["PLUMED"]["status"] == "ok"
    assert installation.version in found["PLUMED"]["detail"]
    assert str(installation.kernel) in found["PLUMED"]["detail"]
    assert found["PLUMED plugin"] | {"mend": ""} == {
        "name": "PLUMED plugin", "status": "ok", "detail": f"loads: {plugin}", "mend": "",
    }  # fmt: skip
    action = plugin.with_name("libgnncv_plumed_action.so")
    hidden = action.rename(action.with_suffix(".hidden"))
    try:
        broken = examined()["PLUMED plugin"]
    finally:
        hidden.rename(action)
    assert broken["status"] == "absent" and broken["detail"].startswith("does not load: ")
    assert broken["mend"].startswith("gnncv plumed build --plumed ")
    monkeypatch.setenv("GNNCV_CACHE", os.devnull)
    unbuilt = examined()["PLUMED plugin"]
    assert unbuilt["detail"] == "not built for this PLUMED, gnncv and torch"
