"""The compiled plugin: where it is kept, what it was built for, and the line that loads it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnncv import _native
from gnncv.errors import InvalidArgument
from gnncv.files import write_atomic
from gnncv.plumed.installation import Installation

LIBRARY = "libgnncv_plumed.so"
FACTS = "gnncv-plumed.json"
LOG = "build.log"


@dataclass(frozen=True)
class Plugin:
    """A plugin on the disk.

    Attributes
    ----------
    library
        The file to LOAD.
    facts
        What it was built for: versions of PLUMED, gnncv and torch, and digests of what it depends on.
    """

    library: Path
    facts: Mapping[str, Any]

    def fits(self, wanted: Mapping[str, Any]) -> bool:
        """Whether it was built for exactly this."""
        return dict(self.facts.get("built_for", {})) == dict(wanted)


def source_folder() -> Path:
    """The folder of the plugin's shipped source.

    Raises
    ------
    InvalidArgument
        If this installation of gnncv lacks it.
    """
    package = _native.package_folder()
    folder = package / "plumed_plugin"
    here = Path(__file__).resolve().parents[1]
    checked_out = here.parents[1] / "plumed_plugin"
    if here != package.resolve() and checked_out.is_dir():  # an editable install: the source as it is now
        folder = checked_out
    if not (folder / "CMakeLists.txt").is_file():
        raise InvalidArgument(
            f"{folder} has no CMakeLists.txt: this gnncv came without the plugin; install it again"
        )
    return folder


def built_for(installation: Installation) -> dict[str, str]:
    """What a plugin for this PLUMED depends on; a plugin is used only while all of it is the same."""
    from gnncv import __version__
    from gnncv._built_for import TORCH_VERSION

    package = _native.package_folder()
    folder = source_folder()
    sources = sorted([*folder.glob("*.h"), *folder.glob("*.cpp"), folder / "CMakeLists.txt"])
    headers = sorted((package / "include").rglob("*.h"))
    digest = hashlib.sha256()
    for path in (*sources, *headers):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return {
        "plumed": installation.version,
        "plumed_fingerprint": installation.fingerprint(),
        "gnncv": __version__,
        "gnncv_package": str(package),
        "gnncv_interface": digest.hexdigest(),
        "torch": str(TORCH_VERSION),
    }


def cache_folder() -> Path:
    """Where plugins are kept unless asked otherwise: GNNCV_CACHE, else gnncv in the user's cache folder."""
    ours = os.environ.get("GNNCV_CACHE")
    if ours:
        return Path(ours).expanduser().absolute() / "plumed"
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base).absolute() / "gnncv" / "plumed"


def default_folder(installation: Installation) -> Path:
    """The folder in the cache for this PLUMED with this gnncv and torch."""
    wanted = built_for(installation)
    digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
    return cache_folder() / f"{installation.version}-{digest[:12]}"


def find_plugin(installation: Installation, folder: str | Path | None = None) -> Path | None:
    """The plugin that was built for this PLUMED, this gnncv and this torch; None if there is none.

    Parameters
    ----------
    installation
        The PLUMED.
    folder
        Where it was built; None means the cache.
    """
    place = default_folder(installation) if folder is None else Path(folder).absolute()
    plugin = read_plugin(place)
    return plugin.library if plugin is not None and plugin.fits(built_for(installation)) else None


def read_plugin(folder: Path) -> Plugin | None:
    """The plugin in a folder, whatever it was built for; None where there is none or half of one."""
    library = folder / LIBRARY
    try:
        facts = json.loads((folder / FACTS).read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(facts, dict) or not library.is_file() or library.stat().st_size != facts.get("size"):
        return None
    return Plugin(library, facts)


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Say what the plugin in a folder was built for: from now on it is found."""
    size = (folder / LIBRARY).stat().st_size
    with write_atomic(folder / FACTS, overwrite=True) as temporary:
        temporary.write_text(json.dumps({"built_for": dict(facts), "size": size}, indent=1) + "\n")


def load_line(library: str | Path) -> str:
    """The line of a PLUMED input that loads a plugin."""
    path = str(Path(library).absolute())  # PLUMED looks for a bare name in the system's folders only
    return f"LOAD FILE={{{path}}}" if any(letter.isspace() for letter in path) else f"LOAD FILE={path}"
