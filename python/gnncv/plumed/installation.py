"""Which PLUMED installations there are, and what each says of itself."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gnncv.errors import InvalidArgument

_VERSION = re.compile(r"\d+\.\d+\S*")
# Programs that a PLUMED installs beside its own: `plumed-patch`, or `plumed-2.9-patch` of one with a suffix.
_TOOLS = re.compile(r"-(config|mklib|newcv|partial_tempering|patch|runtime|selector|vim2html)$")
_SECONDS = 30


@dataclass(frozen=True)
class Installation:
    """One PLUMED.

    Attributes
    ----------
    command
        The program `plumed`, under the name by which it was found.
    version
        The long version, such as ``2.10.1``.
    root
        What `plumed info --root` prints.
    kernel
        ``libplumedKernel.so``; None when there is none (a static build).
    has_mpi
        Whether it was compiled with MPI.
    """

    command: Path
    version: str
    root: Path
    kernel: Path | None
    has_mpi: bool

    @property
    def release(self) -> str:
        """The version that the interface of the library goes with, such as ``2.10``."""
        return ".".join(self.version.split(".")[:2])

    def ask(self, *words: str) -> str:
        """What the program prints when it is called with some words.

        Raises
        ------
        InvalidArgument
            If it does not run or fails.
        """
        return _ask(self.command, *words)

    def fingerprint(self) -> str:
        """A digest of what a plugin depends on: version, place, compile options and size of the kernel."""
        facts = [self.version, str(self.root), str(self.kernel), self.ask("info", "--configuration")]
        facts.append("" if self.kernel is None else str(self.kernel.stat().st_size))
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()

    def __str__(self) -> str:
        return f"PLUMED {self.version}{' with MPI' if self.has_mpi else ''} ({self.command})"


def find_installations() -> list[Installation]:
    """All PLUMED installations that can be found, each once.

    First the one that the variable PLUMED_KERNEL names, then `plumed` on the PATH, those known to
    pkg-config, and further programs on the PATH whose names begin with ``plumed-``.
    """
    found: dict[Path, Installation] = {}
    for command in _candidates():
        try:
            installation = examine_installation(command)
        except InvalidArgument:
            continue
        found.setdefault(installation.root.resolve(), installation)
    return list(found.values())


def choose_installation(command: str | Path | None = None) -> Installation:
    """The installation whose program is given; without one, the first that `find_installations` finds.

    Raises
    ------
    InvalidArgument
        If the program is no PLUMED, or there is none.
    """
    if command is not None:
        return examine_installation(command)
    found = find_installations()
    if not found:
        raise InvalidArgument(
            "no PLUMED is found: put its program `plumed` on the PATH (on a cluster: load its module), "
            "or name the program with --plumed"
        )
    return found[0]


def examine_installation(command: str | Path) -> Installation:
    """Ask a program `plumed` what it is.

    Raises
    ------
    InvalidArgument
        If there is no such program, or it is not PLUMED.
    """
    program = shutil.which(command)
    if program is None:
        raise InvalidArgument(f"{command} is no program that can be run; expected PLUMED's program `plumed`")
    path = Path(os.path.abspath(program))
    try:
        version = _ask(path, "info", "--long-version").strip()
    except InvalidArgument as error:
        raise InvalidArgument(f"{command} is not PLUMED, or does not work: {error}") from None
    if not _VERSION.fullmatch(version):
        raise InvalidArgument(f"{command} is not PLUMED: asked for its version, it says {version[:60]!r}")
    root = Path(_ask(path, "info", "--root").strip())
    has_mpi = _ask(path, "config", "has", "mpi", may_fail=True).split() == ["mpi", "on"]
    return Installation(path, version, root, _kernel(root), has_mpi)


def _kernel(root: Path) -> Path | None:
    """The kernel library of an installed PLUMED, or of one that is used from its source folder."""
    extension = "so"
    for path in (
        root.parent / f"lib{root.name}Kernel.{extension}",
        root / "src" / "lib" / f"libplumedKernel.{extension}",
    ):
        if path.is_file():
            return path
    return None


def _candidates() -> Iterator[Path]:
    """Programs that may be a PLUMED's, likely ones first, some of them twice."""
    kernel = os.environ.get("PLUMED_KERNEL")
    if kernel:
        yield from _programs_of_kernel(Path(kernel))
    first = shutil.which("plumed")
    if first is not None:
        yield Path(first)
    yield from _known_to_pkg_config()
    for folder in os.get_exec_path():
        try:
            names = sorted(os.listdir(folder or "."))
        except OSError:
            continue
        for name in names:
            path = Path(folder, name)
            if name.startswith("plumed-") and not _TOOLS.search(name) and os.access(path, os.X_OK):
                yield path


def _programs_of_kernel(kernel: Path) -> Iterator[Path]:
    """Where the program is that belongs to a kernel library."""
    name = re.fullmatch(r"lib(plumed.*)Kernel\.(so|dylib)", kernel.name)
    if name is None:
        return
    for folder in kernel.resolve().parents:  # also lib/x86_64-linux-gnu, and src/lib of a source folder
        program = folder / "bin" / name[1]
        if program.is_file():
            yield program
            return
        if (folder / "lib" / "plumed").is_file() and folder.name == "src":
            yield folder / "lib" / "plumed"
            return


def _known_to_pkg_config() -> Iterator[Path]:
    """Programs of the installations that pkg-config knows."""
    pkg_config = shutil.which("pkg-config")
    if pkg_config is None:
        return
    try:
        listed = _output([pkg_config, "--list-all"])
        names = [line.split()[0] for line in listed.splitlines() if line.startswith("plumed")]
        for name in names:
            if not name.endswith(("Internals", "Wrapper")):
                yield Path(_output([pkg_config, "--variable=exec_prefix", name]).strip(), "bin", name)
    except InvalidArgument:
        return


def _ask(program: Path, *words: str, may_fail: bool = False) -> str:
    return _output([str(program), "--no-mpi", *words], may_fail)


def _output(command: list[str], may_fail: bool = False) -> str:
    """What a program prints."""
    try:
        reply = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise InvalidArgument(f"{command[0]} does not run: {error}") from None
    if reply.returncode != 0 and not may_fail:
        lines = reply.stderr.strip().splitlines() or [f"exit code {reply.returncode}"]
        raise InvalidArgument(f"`{' '.join(command)}` fails: {lines[-1][:200]}")
    return reply.stdout
