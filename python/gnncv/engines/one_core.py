"""One core for a run with one thread.

OpenMM's CPU platform works in threads of its own, also with ``threads: 1``: the thread that asks and the
one that works hand over to each other some sixty times a step. On two cores each hand-over waits until the
other core has woken up, and a small system runs at less than half of its speed.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType

AGAIN_SECONDS = 10.0
"""How long a run stays on its core until the system may choose again."""
CHOICE_SECONDS = 0.02
"""How long the system has for that."""


class OneCore:
    """Keep this thread, and those that it starts within, on one core, the one where the system put them.

    Now and then the system may choose again, so that runs on one machine spread over its cores whenever they
    were started. What was allowed before is allowed again at the end. Does nothing where the operating
    system has no such thing, or allows one core anyway.

    Parameters
    ----------
    wanted : bool
        False: do nothing.
    number : int, optional
        Of this run among several at once: they start on the allowed cores in turn.
    again_seconds : float
        How long until the system may choose again.
    """

    def __init__(
        self, wanted: bool = True, number: int | None = None, again_seconds: float = AGAIN_SECONDS
    ) -> None:
        self._allowed = os.sched_getaffinity(0) if wanted and hasattr(os, "sched_getaffinity") else set()
        self._number = number
        self._again_seconds = again_seconds
        self._others = _threads() if len(self._allowed) > 1 else set()
        self._kept = False
        self._since = time.monotonic()

    def __enter__(self) -> OneCore:
        if len(self._allowed) > 1:
            number = self._number
            core = _this_core() if number is None else sorted(self._allowed)[number % len(self._allowed)]
            self._set({core})
            self._kept = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if len(self._allowed) > 1:
            self._set(self._allowed)

    def follow(self) -> None:
        """Let the system choose another core if it is time; called between steps."""
        if len(self._allowed) <= 1:
            return
        elapsed = time.monotonic() - self._since
        if elapsed < (self._again_seconds if self._kept else CHOICE_SECONDS):
            return
        self._set(self._allowed if self._kept else {_this_core()})
        self._kept = not self._kept
        self._since = time.monotonic()

    def _set(self, cores: set[int]) -> None:
        for thread in {0} | (_threads() - self._others):
            try:
                os.sched_setaffinity(thread, cores)
            except OSError:  # it has ended since, or the system now forbids these cores
                continue


def _threads() -> set[int]:
    return {int(name) for name in os.listdir("/proc/self/task")}


def _this_core() -> int:
    """Where the system has put the calling thread: `processor` of proc(5), its 39th field."""
    behind_name = Path("/proc/thread-self/stat").read_text().rpartition(")")[2]
    return int(behind_name.split()[36])
