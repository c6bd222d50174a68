"""Compile the plugin for one PLUMED."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gnncv import _native
from gnncv.errors import GnncvError, InvalidArgument, OutputExists
from gnncv.plumed.installation import Installation
from gnncv.plumed.plugin import (
    FACTS,
    LIBRARY,
    LOG,
    built_for,
    default_folder,
    read_plugin,
    source_folder,
    write_facts,
)

_COMPILERS = ("c++", "g++", "clang++")
_MOST_JOBS = 4


class BuildError(GnncvError, RuntimeError):
    """The plugin could not be compiled."""


def build_plugin(installation: Installation, folder: str | Path | None = None, force: bool = False) -> Path:
    """Compile the plugin for a PLUMED, unless it has been, for exactly this gnncv, torch and PLUMED.

    Parameters
    ----------
    installation
        The PLUMED.
    folder
        Where the plugin goes; None means a folder of its own in the cache.
    force
        Compile in any case, and replace the plugin of another PLUMED in `folder`.

    Returns
    -------
    Path
        The library to LOAD. Its folder holds the compiler's output, ``build.log``, too.

    Raises
    ------
    BuildError
        If cmake or a compiler is missing, or the compilation fails; the message names the log.
    OutputExists
        If `folder` has a plugin for another PLUMED, or a library that is none of ours.

    Notes
    -----
    A process that is killed leaves nothing that `find_plugin` would find. Two that build the same plugin
    do it one after the other, and the second finds the first one's.
    """
    wanted = built_for(installation)
    target = default_folder(installation) if folder is None else Path(folder).absolute()
    with _locked(target):
        plugin = read_plugin(target)
        if not force:
            if plugin is not None and plugin.fits(wanted):
                return plugin.library
            _refuse_to_replace(target, plugin.facts if plugin else None, installation)
        command = _configuration(installation)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=target) as scratch:
            products = _compile(command, Path(scratch), target)
            (target / FACTS).unlink(missing_ok=True)
            for product in sorted(products, key=lambda path: path.name == LIBRARY):  # the one to LOAD last
                os.replace(product, target / product.name)
        write_facts(target, wanted)
    return target / LIBRARY


def _refuse_to_replace(folder: Path, facts: Mapping[str, object] | None, installation: Installation) -> None:
    """Raise unless the folder is free, or has an older plugin for the same PLUMED."""
    if facts is None:
        if (folder / LIBRARY).exists() and (folder / FACTS).exists():
            return  # a plugin of ours that was left half replaced
        if (folder / LIBRARY).exists():
            raise OutputExists(
                f"{folder / LIBRARY} exists and is not known to be gnncv's; --force replaces it"
            )
        return
    before = facts.get("built_for")
    version = before.get("plumed") if isinstance(before, dict) else None
    if version != installation.version:
        raise OutputExists(
            f"{folder} has a plugin for PLUMED {version}, this is {installation.version}; "
            "choose another folder, or replace it with --force"
        )


def _configuration(installation: Installation) -> list[str]:
    """The call of cmake that configures, without the build folder."""
    cmake = _program("cmake")
    if cmake is None:
        raise BuildError("cmake is missing: `pip install cmake`, or load the cluster's module")
    compiler = os.environ.get("CXX", "").split()[:1]
    compiler = compiler or [*_plumeds_compiler(installation), *filter(shutil.which, _COMPILERS)]
    if not compiler or shutil.which(compiler[0]) is None:
        named = f"CXX is {compiler[0]}, which is no program" if compiler else "no C++ compiler is found"
        raise BuildError(
            f"{named}: install g++, or load a compiler's module; where compute nodes have none, "
            "build on a login node"
        )
    package = _native.package_folder()
    options = {
        "CMAKE_BUILD_TYPE": "Release",
        "PLUMED_EXECUTABLE": str(installation.command),
        "gnncv_DIR": str(package / "lib" / "cmake" / "gnncv"),
    }
    ninja = _program("ninja")
    generator = []
    if shutil.which("make") is None and ninja is not None:
        generator = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
    given = [f"-D{name}={value}" for name, value in options.items()]
    return [cmake, "-S", str(source_folder()), *generator, *given]


def _plumeds_compiler(installation: Installation) -> list[str]:
    """The compiler that PLUMED was built with, if it is there: CMake takes that."""
    settings = installation.ask("info", "--configuration").splitlines()
    named = next((line.removeprefix("CXX=").split() for line in settings if line.startswith("CXX=")), [])
    return named[:1] if named and shutil.which(named[0]) else []


def _program(name: str) -> str | None:
    """A program beside this Python, or on the PATH."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def _compile(configuration: list[str], scratch: Path, target: Path) -> list[Path]:
    """Configure and build in a scratch folder; the libraries that were made."""
    build = scratch / "build"
    jobs = str(min(os.cpu_count() or 1, _MOST_JOBS))
    steps = [
        [*configuration, "-B", str(build)],
        [configuration[0], "--build", str(build), "--parallel", jobs],
    ]
    log = target / LOG
    with open(log, "w") as output:
        for step in steps:
            output.write(f"$ {' '.join(step)}\n")
            output.flush()
            status = subprocess.run(step, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
            if status.returncode != 0:
                raise BuildError(f"the plugin does not compile: {_first_error(log)} (all of it: {log})")
    products = [path for path in build.glob("*.so*") if path.is_file()]
    if LIBRARY not in [path.name for path in products]:
        raise BuildError(f"the build made no {LIBRARY}; its output is in {log}")
    return products


def _first_error(log: Path) -> str:
    """The line of a compiler's or CMake's output that says most."""
    lines = [" ".join(line.split()) for line in log.read_text(errors="replace").splitlines()]
    for number, line in enumerate(lines):
        if line.startswith("CMake Error"):
            said = [text for text in lines[number + 1 : number + 8] if text]
            return " ".join([line.partition(": ")[2] or line, *said[:3]])[:400]
        if "error:" in line or "undefined reference" in line:
            return line[:400]
    return next((line for line in reversed(lines) if line), "no output")[:400]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other builds out of a folder, which is made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / ".lock", "w")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise InvalidArgument(
            f"{error.filename or folder} cannot be written ({error.strerror}); choose a folder with -o, "
            "or another cache with GNNCV_CACHE"
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
