"""The plugin is built whole or not at all, found only where it fits, and really loaded."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from gnncv.errors import OutputExists
from gnncv.plumed import building, find_plugin, load_line, try_load
from gnncv.plumed import plugin as plugin_module
from gnncv.plumed.building import BuildError, build_plugin
from gnncv.plumed.installation import Installation, find_installations
from gnncv.plumed.trial import LoadError, explain

BROKEN = """cmake_minimum_required(VERSION 3.20)
project(broken LANGUAGES CXX)
add_library(broken MODULE broken.cpp)
"""


def test_what_is_built_is_found_and_loads(installation: Installation, plugin: Path) -> None:
    assert find_plugin(installation) == plugin
    try_load(installation, plugin)
    assert (plugin.parent / "build.log").read_text().startswith("$ ")
    before = plugin.stat().st_mtime_ns
    assert build_plugin(installation) == plugin  # it is there: nothing is compiled
    assert plugin.stat().st_mtime_ns == before
    assert not [path for path in plugin.parent.iterdir() if path.name.startswith(".building")]


def test_load_lines_are_what_plumed_can_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_line("libgnncv_plumed.so") == f"LOAD FILE={tmp_path}/libgnncv_plumed.so"
    assert load_line(tmp_path / "a b" / "x.so") == f"LOAD FILE={{{tmp_path}/a b/x.so}}"


def test_a_plugin_elsewhere_with_spaces_and_dots_loads(
    installation: Installation, plugin: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "a folder with.dots"
    shutil.copytree(plugin.parent, folder)
    assert find_plugin(installation, folder) == folder / plugin.name
    try_load(installation, folder / plugin.name)


@pytest.mark.parametrize("change", ["plumed", "torch", "gnncv", "half", "cut", "no facts"])
def test_a_plugin_that_does_not_fit_is_not_found(
    change: str, installation: Installation, plugin: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "plugin"
    shutil.copytree(plugin.parent, folder)
    facts = json.loads((folder / "gnncv-plumed.json").read_text())
    if change == "half":
        (folder / plugin.name).unlink()
    elif change == "cut":
        os.truncate(folder / plugin.name, 1000)
    elif change == "no facts":
        (folder / "gnncv-plumed.json").unlink()
    else:
        facts["built_for"][change] = "0.0"
        (folder / "gnncv-plumed.json").write_text(json.dumps(facts))
    assert find_plugin(installation, folder) is None


def test_each_plumed_refuses_the_plugin_of_another(installation: Installation, built: object) -> None:
    others = [other for other in find_installations() if other.root != installation.root]
    if not others:
        pytest.skip("only one PLUMED is installed")
    for other in others:
        library = build_plugin(other)
        with pytest.raises(LoadError) as caught:
            try_load(installation, library)
        message = str(caught.value)
        assert message.count("\n") == 0
        assert f"gnncv plumed build --plumed {installation.command}" in message or "MPI" in message
        if other.version != installation.version:
            assert f"built for PLUMED {other.version}, this is {installation.version}" in message


def test_what_loaders_say_becomes_a_sentence(installation: Installation, tmp_path: Path) -> None:
    library = tmp_path / "libgnncv_plumed.so"
    library.write_bytes(b"this is no library")
    with pytest.raises(LoadError, match="cannot load it: .*(invalid ELF header|file too short)"):
        try_load(installation, library)
    with pytest.raises(LoadError, match="does not exist: run `gnncv plumed build"):
        try_load(installation, tmp_path / "absent.so")
    for output, expected in (
        (
            "x.so: undefined symbol: _ZN4PLMD5thingE",
            "built for another PLUMED (symbol _ZN4PLMD5thingE is missing)",
        ),
        ("x: undefined symbol: _ZN5gnncv3cvE", "built for another gnncv"),
        (
            "libtorch_cpu.so: cannot open shared object file: No such",
            "needs libtorch_cpu.so, which is not found",
        ),
        ("/lib/libc.so.6: version `GLIBC_2.38' not found", "needs GLIBC_2.38, which this machine lacks"),
        ("gnncv: /a/b.so is of no use here: torch moved", "this plugin refuses: torch moved"),
    ):
        assert expected in explain(output, installation, library)


def test_a_failed_build_leaves_a_log_and_no_plugin(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "CMakeLists.txt").write_text(BROKEN)
    (source / "broken.cpp").write_text("int main() { return nothing; }\n")
    for module in (plugin_module, building):
        monkeypatch.setattr(module, "source_folder", lambda: source)
    folder = tmp_path / "plugin"
    with pytest.raises(
        BuildError, match=r"does not compile: .*error: .*nothing.* \(all of it: .*build.log\)"
    ):
        build_plugin(installation, folder)
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "build.log"]
    (source / "CMakeLists.txt").write_text('message(FATAL_ERROR "this is why")\n')
    with pytest.raises(BuildError, match="does not compile: .*this is why"):
        build_plugin(installation, folder)


def test_what_the_build_needs_is_named(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "_program", lambda name: None)
    with pytest.raises(BuildError, match="cmake is missing: `pip install cmake`"):
        build_plugin(installation, tmp_path / "plugin")
    monkeypatch.undo()
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(BuildError, match="CXX is no-such-compiler, which is no program"):
        build_plugin(installation, tmp_path / "plugin")
    monkeypatch.delenv("CXX")
    monkeypatch.setattr(building, "_COMPILERS", ())
    monkeypatch.setattr(building, "_plumeds_compiler", lambda _: [])
    with pytest.raises(BuildError, match="no C\\+\\+ compiler is found: install g\\+\\+"):
        build_plugin(installation, tmp_path / "plugin")


def test_plugins_of_others_are_not_replaced(installation: Installation, plugin: Path, tmp_path: Path) -> None:
    folder = tmp_path / "plugin"
    shutil.copytree(plugin.parent, folder)
    facts = json.loads((folder / "gnncv-plumed.json").read_text())
    facts["built_for"]["plumed"] = "2.8.0"
    (folder / "gnncv-plumed.json").write_text(json.dumps(facts))
    with pytest.raises(OutputExists, match="has a plugin for PLUMED 2.8.0, this is .*--force"):
        build_plugin(installation, folder)
    (folder / "gnncv-plumed.json").unlink()
    with pytest.raises(OutputExists, match="is not known to be gnncv's; --force replaces it"):
        build_plugin(installation, folder)
