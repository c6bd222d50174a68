"""The compiled part of gnncv: where it is, whether it fits the installed torch, and loading it."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

from gnncv.errors import GnncvError


class NativeLibraryError(GnncvError, ImportError):
    """The compiled library is not there, or was built for another torch."""


def package_folder() -> Path:
    """Folder of the installed package that holds `lib/`, `include/` and the extension module.

    Raises
    ------
    NativeLibraryError
        If gnncv runs from its sources without having been built.
    """
    spec = importlib.util.find_spec("gnncv._built_for")
    if spec is None or spec.origin is None:
        raise NativeLibraryError(
            "gnncv's compiled library is not installed: build it with `pip install --no-build-isolation .` "
            "in gnncv's source folder, after installing torch"
        )
    return Path(spec.origin).parent


def torch_mismatch(built_for: str, installed: str) -> str | None:
    """Say why a library built for one torch cannot be loaded with another, or None if it can.

    The C++ interface of torch changes with each minor version and differs between its builds (the part after
    the plus sign: `cpu`, `cu130`), and may not change between patch versions.
    """

    def interface(version: str) -> tuple[list[str], str]:
        public, _, build = version.partition("+")
        return public.split(".")[:2], build

    if interface(built_for) == interface(installed):
        return None
    return (
        f"gnncv was built for torch {built_for} but torch {installed} is installed: rebuild gnncv with "
        f"`pip install --no-build-isolation --force-reinstall --no-deps gnncv`, or install torch {built_for}"
    )


@functools.cache
def load_operators() -> Path:
    """Load `libgnncv.so`, which registers `torch.ops.gnncv.*`; further calls do nothing.

    Returns
    -------
    Path
        The library.

    Raises
    ------
    NativeLibraryError
        If the library is missing or was built for another torch.
    """
    folder = package_folder()
    import torch
    import vesin  # noqa: F401  (loads libvesin.so, wherever it is installed)

    from gnncv._built_for import TORCH_VERSION

    mismatch = torch_mismatch(TORCH_VERSION, torch.__version__)
    if mismatch is not None:
        raise NativeLibraryError(mismatch)
    library = folder / "lib" / "libgnncv.so"
    torch.ops.load_library(str(library))
    return library


@functools.cache
def load_core() -> ModuleType:
    """Load the library and return the extension module over it."""
    load_operators()
    return importlib.import_module("gnncv._core")
