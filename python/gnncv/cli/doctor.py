"""Look for what gnncv uses (torch, native library, engines, PLUMED); say what is wrong and how to mend it.

Exit code 0: gnncv can evaluate a CV here. Exit code 1: it cannot; the lines marked !! say why.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Literal

from gnncv.cli.output import print_facts

if TYPE_CHECKING:
    from gnncv.plumed import Installation

SUMMARY = "what is found (torch, native library, engines, PLUMED), what is wrong, how to mend it"
EXAMPLE = "  gnncv doctor\n  gnncv doctor --json > doctor.json"

Status = Literal["ok", "absent", "broken"]
MARKS: dict[Status, str] = {"ok": "ok", "absent": "--", "broken": "!!"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for: its state, what was found, and what to do about it."""

    name: str
    status: Status
    detail: str
    mend: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print every finding; return 1 if something that gnncv cannot do without is broken."""
    findings = list(examine())
    healthy = all(finding.status != "broken" for finding in findings)
    if arguments.json:
        print_facts({"healthy": healthy, "findings": [asdict(finding) for finding in findings]}, as_json=True)
        return 0 if healthy else 1
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        print(f"{MARKS[finding.status]}  {finding.name:<{width}}  {finding.detail}")
        if finding.mend:
            print(f"    {'':<{width}}  -> {finding.mend}")
    broken = [finding.name for finding in findings if finding.status == "broken"]
    print("gnncv works here." if healthy else f"gnncv does not work here: mend {', '.join(broken)}.")
    return 0 if healthy else 1


def examine() -> Iterator[Finding]:
    """All findings, in the order in which one depends on the other."""
    yield Finding("python", "ok", f"{platform.python_version()} ({sys.executable}), {platform.platform()}")
    yield _package("gnncv", essential=True, mend="pip install --no-build-isolation . in the source folder")
    yield _checked("torch", _torch, mend="pip install torch, then build gnncv again")
    yield _cuda()
    yield _package("vesin", essential=True, mend="pip install vesin")
    yield _package("ase", essential=True, mend="pip install ase")
    yield _checked(
        "native library", _native_library, mend="build gnncv again beside the torch that is installed"
    )
    yield _checked("evaluation", _evaluation, mend="build gnncv again beside the torch that is installed")
    yield _package("lightning", essential=False, mend="training needs it: pip install 'gnncv[train]'")
    yield _openmm()
    yield _package(
        "freud-analysis", essential=False, mend="order parameters need it: pip install 'gnncv[analysis]'"
    )
    yield _package("matplotlib", essential=False, mend="pictures need it: pip install 'gnncv[analysis]'")
    yield from _plumed()


def _package(name: str, essential: bool, mend: str) -> Finding:
    """Whether a distribution is installed, and its version."""
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(name, "broken" if essential else "absent", "not installed", mend)


def _checked(name: str, check: Callable[[], str], mend: str) -> Finding:
    """The result of a check that raises where something is broken."""
    try:
        return Finding(name, "ok", check())
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return Finding(name, "broken", reason, mend)


def _torch() -> str:
    """Versions of torch that gnncv was built for and that is installed, and torch's threads."""
    import torch

    try:
        built_for = str(import_module("gnncv._built_for").TORCH_VERSION)
    except (ImportError, AttributeError):
        built_for = "unknown"
    return f"{torch.__version__} installed, gnncv built for {built_for}; {torch.get_num_threads()} threads"


def _cuda() -> Finding:
    """Whether gnncv has kernels for GPUs, and torch sees one."""
    try:
        import torch
    except Exception:
        return Finding("cuda", "absent", "torch is not there to ask")
    try:
        compiled = str(import_module("gnncv._built_for").CUDA_ARCHITECTURES).replace(";", ", ")
    except (ImportError, AttributeError):
        compiled = ""
    kernels = f"kernels compiled for {compiled}" if compiled else "gnncv was built without kernels for GPUs"
    if not torch.cuda.is_available():
        build = f"built with CUDA {torch.version.cuda}" if torch.version.cuda else "a CPU build"
        said = f"{kernels}; no device: this torch is {build}; CVs are evaluated on the CPU"
        return Finding("cuda", "absent", said)
    names = ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    if not compiled:
        return Finding("cuda", "absent", f"{names}; {kernels}", "build gnncv again where nvcc is on the PATH")
    return Finding("cuda", "ok", f"{names}; {kernels}")


def _native_library() -> str:
    """Load the C++ library and its operators."""
    from gnncv import _native

    _native.load_operators()
    return "loads; torch.ops.gnncv is registered"


def _evaluation() -> str:
    """Evaluate the shipped model on a perfect crystal of 32 atoms, where symmetry leaves no force."""
    import numpy as np

    import gnncv
    from gnncv.demo import fcc_crystal, shipped_model

    cv = gnncv.CollectiveVariable(str(shipped_model()))
    result = cv.compute(fcc_crystal(2), outputs=["progress"])
    largest = float(np.abs(result.gradients).max())
    if not result["crystallinity"] > 0.9 or not largest < 1e-4:
        raise RuntimeError(
            f"the shipped model gives an fcc crystal a crystallinity of {result['crystallinity']:.3g}, "
            f"and its atoms a slope of up to {largest:.3g} per angstrom"
        )
    return f"the shipped model gives an fcc crystal a crystallinity of {result['crystallinity']:.3f}"


def _openmm() -> Finding:
    """OpenMM's version and platforms."""
    try:
        import openmm
    except ImportError:
        return Finding("openmm", "absent", "not installed", "gnncv run needs it: pip install 'gnncv[openmm]'")
    platforms = [openmm.Platform.getPlatform(i).getName() for i in range(openmm.Platform.getNumPlatforms())]
    return Finding("openmm", "ok", f"{openmm.version.version}, platforms {', '.join(platforms)}")


def _plumed() -> Iterator[Finding]:
    """The wrapper and each PLUMED: version and kernel, its plugin, and whether it really loads that."""
    from gnncv.plumed import find_installations

    yield _package(
        "plumed", essential=False, mend="bias plumed needs its wrapper: pip install 'gnncv[plumed]'"
    )
    kernel = os.environ.get("PLUMED_KERNEL")
    if kernel and not os.path.isfile(kernel):
        said = "set it to libplumedKernel.so, or unset it"
        yield Finding("PLUMED", "absent", f"PLUMED_KERNEL={kernel} is no file", said)
    found = find_installations()
    if not found:
        said = "put its program `plumed` on the PATH, or set PLUMED_KERNEL"
        yield Finding("PLUMED", "absent", "no plumed on the PATH, by PLUMED_KERNEL or pkg-config", said)

    for number, installation in enumerate(found):
        name = "PLUMED" if number == 0 else f"PLUMED ({number + 1})"
        library = (
            f"kernel {installation.kernel}" if installation.kernel else "static, without a kernel library"
        )
        yield Finding(name, "ok", f"{installation}, {library}")
        yield _plugin(f"{name} plugin", installation)


def _plugin(name: str, installation: Installation) -> Finding:
    """Whether the plugin for a PLUMED is built, and a real LOAD."""
    from gnncv.errors import GnncvError
    from gnncv.plumed import find_plugin, try_load

    build = f"gnncv plumed build --plumed {installation.command}"
    if installation.kernel is None:
        return Finding(name, "absent", "this PLUMED cannot load plugins", "configure it with --enable-shared")
    try:
        library = find_plugin(installation)
        if library is None:
            return Finding(name, "absent", "not built for this PLUMED, gnncv and torch", build)
        try_load(installation, library)
    except GnncvError as error:
        return Finding(name, "absent", f"does not load: {error}", f"{build} --force")
    return Finding(name, "ok", f"loads: {library}")
