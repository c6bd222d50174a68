"""What the figures of a benchmark depend on: machine, versions, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("gnncv", "torch", "vesin", "openmm", "numpy", "ase")


def processor() -> str:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def commit() -> str:
    """Return the commit of this checkout, with "+changes" where tracked files differ from it."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(here), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    head = git("rev-parse", "--short=12", "HEAD") or "unknown"
    return head + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")


def facts(threads: int) -> dict[str, str]:
    """Return date, commit, processor, cores, threads, load and versions, as text."""
    found = {
        "date": f"{datetime.now():%Y-%m-%d %H:%M}",
        "commit": commit(),
        "processor": f"{processor()}, {os.cpu_count()} cores",
        "threads": str(threads),
        "load at start": f"{os.getloadavg()[0]:.2f}",
        "python": platform.python_version(),
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def print_facts(threads: int) -> None:
    """Print the facts, one line each."""
    for name, text in facts(threads).items():
        print(f"{name:>14}  {text}")
