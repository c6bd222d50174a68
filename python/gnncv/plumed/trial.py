"""A real LOAD of the plugin, and what its failure means."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from gnncv.errors import GnncvError
from gnncv.plumed.installation import Installation
from gnncv.plumed.plugin import load_line, read_plugin

_SECONDS = 120
_REFUSAL = re.compile(r"gnncv: \S.* is of no use here: (.*)")  # what the plugin itself says
_ONE_ATOM = "1\n10.0 10.0 10.0\nX 0.0 0.0 0.0\n"


class LoadError(GnncvError, RuntimeError):
    """PLUMED cannot load the plugin."""


def try_load(installation: Installation, library: str | Path) -> None:
    """Let PLUMED load the plugin, with its own driver on a frame of one atom.

    Raises
    ------
    LoadError
        With one sentence, if it cannot.
    """
    library = Path(library).absolute()
    if not library.is_file():
        raise LoadError(f"{library} does not exist: run `{_build(installation)}`")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "plumed.dat").write_text(load_line(library) + "\n")
        (Path(folder) / "one.xyz").write_text(_ONE_ATOM)
        command = [
            str(installation.command),
            "--no-mpi",
            "driver",
            "--plumed",
            "plumed.dat",
            "--ixyz",
            "one.xyz",
        ]
        try:
            reply = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=_SECONDS,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            raise LoadError(f"{installation.command} does not run: {error}") from None
    output = reply.stdout + "\n" + reply.stderr
    if reply.returncode != 0 or _REFUSAL.search(output):
        raise LoadError(explain(output, installation, library))


def explain(output: str, installation: Installation, library: Path) -> str:
    """One sentence for what PLUMED printed when it could not load a plugin."""
    plugin = read_plugin(library.parent)
    facts = plugin.facts.get("built_for", {}) if plugin is not None and plugin.library == library else {}
    built, here = facts.get("plumed"), installation.version
    if built is not None and built != here:
        return f"this plugin was built for PLUMED {built}, this is {here}: run `{_build(installation)}`"
    refusal = _REFUSAL.search(output)
    if refusal:
        return f"this plugin refuses: {refusal[1]}"
    said = re.search(r"(GLIBC(XX)?_[\d.]+)' not found", output)
    if said:
        return (
            f"this plugin or torch needs {said[1]}, which this machine lacks: build on the oldest machine "
            "that runs it, and load the same compiler module when running"
        )
    missing = re.search(r"(\S+\.so[.\d]*): cannot open shared object file", output)
    if missing:
        return f"this plugin needs {Path(missing[1]).name}, which is not found: run `{_build(installation)}`"
    symbol = re.search(r"undefined symbol: (\S+)", output)
    if symbol:
        kind = "gnncv" if "gnncv" in symbol[1] else "PLUMED" if "PLMD" in symbol[1] else "torch"
        return (
            f"this plugin was built for another {kind} (symbol {symbol[1]} is missing): "
            f"run `{_build(installation)} --force`"
        )
    loader = re.search(rf"{re.escape(str(library))}: (.+)", output)
    if loader:
        return f"PLUMED {here} cannot load it: {loader[1]}"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = [
        line for line in lines if re.search(r"error|what\(\)|cannot|could not|failed", line, re.IGNORECASE)
    ]
    last = (told or lines or ["it says nothing"])[-1]
    return f"PLUMED {here} cannot load it: {last[:300]}"


def _build(installation: Installation) -> str:
    return f"gnncv plumed build --plumed {installation.command}"
