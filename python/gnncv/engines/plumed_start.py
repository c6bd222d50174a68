"""Open PLUMED for a run: which PLUMED, its plugin, its input, and where the run was cut off."""

from __future__ import annotations

import os
from pathlib import Path

from gnncv.engines.config import Plumed, RunConfig
from gnncv.engines.generations import Generation
from gnncv.engines.plumed_session import PlumedSession, Resumed
from gnncv.engines.plumed_strides import check_strides
from gnncv.errors import InvalidArgument
from gnncv.plumed import Installation, PlumedInput, choose_installation, find_plugin

FOLDER = "plumed"
_CONTENT = "plumed-"  # how a restart point names a file that PLUMED writes anew


def open_session(config: RunConfig, previous: Generation | None) -> PlumedSession | None:
    """PLUMED for a run whose bias it is, with its files cut back to a restart point; else None.

    Raises
    ------
    InvalidArgument
        If there is no PLUMED, no wrapper, or no plugin although the input uses GNNCV; strides of the input
        that do not fit `cv_every`.
    """
    if not isinstance(config.bias, Plumed):
        return None
    source = config.bias.source().with_absolute_paths()
    check_strides(source, config.cv_every)
    kernel, installation = find_kernel()
    if source.uses_gnncv and not source.loads_gnncv:
        source = _loading(source, installation, kernel)
    resumed = None
    if previous is not None:
        saved = previous.facts["engine"]["plumed"]
        names = saved["whole"]
        contents = {name: previous.files[f"{_CONTENT}{number}"] for number, name in enumerate(names)}
        resumed = Resumed(saved["sizes"], contents)
    return PlumedSession(source, config.output / FOLDER, kernel, resumed)


def save_session(session: PlumedSession) -> tuple[dict[str, bytes], dict[str, object]]:
    """What a restart point keeps of PLUMED: files, and plain values for its facts."""
    sizes, whole = session.files()
    files = {f"{_CONTENT}{number}": content for number, content in enumerate(whole.values())}
    return files, {"plumed": {"sizes": sizes, "whole": list(whole)}}


def find_kernel() -> tuple[Path, Installation | None]:
    """The kernel that Python's wrapper loads, PLUMED_KERNEL's if that is set, and its installation if found.

    Raises
    ------
    InvalidArgument
        If there is none.
    """
    named = os.environ.get("PLUMED_KERNEL")
    if named and not Path(named).is_file():
        raise InvalidArgument(
            f"PLUMED_KERNEL is {named}, which is no file; set it to PLUMED's libplumedKernel.so"
        )
    try:
        installation = choose_installation()
    except InvalidArgument:
        if named:
            return Path(named), None
        raise InvalidArgument(
            "bias plumed needs PLUMED, and none is found: put its program `plumed` on the PATH, "
            "or set PLUMED_KERNEL to its libplumedKernel.so"
        ) from None
    if named:
        kernel = installation.kernel
        same = kernel is not None and kernel.resolve() == Path(named).resolve()
        return Path(named), installation if same else None
    if installation.kernel is None:
        raise InvalidArgument(f"{installation} has no libplumedKernel.so: configure it with --enable-shared")
    return installation.kernel, installation


def _loading(source: PlumedInput, installation: Installation | None, kernel: Path) -> PlumedInput:
    """The input with a line that loads the plugin."""
    if installation is None:
        raise InvalidArgument(
            f"the PLUMED input uses GNNCV, and neither the program `plumed` of {kernel} nor a plugin for it "
            "is found: add the line that `gnncv plumed load` prints to the input"
        )
    plugin = find_plugin(installation)
    if plugin is None:
        raise InvalidArgument(
            f"the PLUMED input uses GNNCV, and its plugin is not built for {installation}: "
            f"run `gnncv plumed build --plumed {installation.command}`"
        )
    return source.with_load(plugin)
