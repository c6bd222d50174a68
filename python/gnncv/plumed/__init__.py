"""PLUMED on this machine: which are installed, the plugin with the action GNNCV for each, and input files.

Nothing here imports torch or the native library: the plugin is compiled and loaded by other programs.
"""

from __future__ import annotations

from gnncv.plumed.building import build_plugin
from gnncv.plumed.input import PlumedInput
from gnncv.plumed.installation import (
    Installation,
    choose_installation,
    examine_installation,
    find_installations,
)
from gnncv.plumed.plugin import Plugin, find_plugin, load_line
from gnncv.plumed.trial import try_load

__all__ = [
    "Installation",
    "Plugin",
    "PlumedInput",
    "build_plugin",
    "choose_installation",
    "examine_installation",
    "find_installations",
    "find_plugin",
    "load_line",
    "try_load",
]
