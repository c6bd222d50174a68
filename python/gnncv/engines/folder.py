"""The output folder of a run: who may write in it, and what it is the result of."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gnncv.engines.config import RunConfig
from gnncv.engines.generations import Generation, load_generation, save_generation
from gnncv.engines.outputs import COLVAR, HILLS, TRAJECTORY
from gnncv.engines.walkers import draw_walker
from gnncv.errors import InvalidArgument, ModelError, OutputExists
from gnncv.files import write_atomic

CONFIGURATION = "run-config.yaml"
_OURS = (COLVAR, HILLS, TRAJECTORY, "run.json", CONFIGURATION, "generations", "plumed")


class Folder:
    """The output folder.

    Parameters
    ----------
    config : RunConfig
        The run.
    cv : CollectiveVariable or None
        Its model's hash is part of the run's identity.
    overwrite : bool
        Whether results of another run may be replaced.
    """

    def __init__(self, config: RunConfig, cv: Any | None, overwrite: bool) -> None:
        self.config = config
        self.path = config.output
        self.overwrite = overwrite
        self._identity: dict[str, Any] = {
            "configuration": config.identity(),
            "model_hash": None if cv is None else str(cv.hash),
        }

    def identity(self) -> dict[str, Any]:
        """What must be equal for a run to be continued."""
        return self._identity

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes out of the folder; a killed process lets go by itself."""
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self.path / ".lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InvalidArgument(f"another process is running in {self.path}") from None
            yield

    def prepare(self) -> Generation | None:
        """The restart point to go on from; None for a new run, whose folder is then ready.

        Raises
        ------
        OutputExists, ModelError, InvalidArgument
            When the folder holds what must not be touched, or nothing to go on from with `restart: require`.
        """
        previous = load_generation(self.path / "generations")
        ours = [name for name in _OURS if (self.path / name).exists()]
        trajectory = self.path / TRAJECTORY
        empty = not trajectory.exists() or trajectory.stat().st_size == 0
        started = previous is None and empty and (self.path / CONFIGURATION).exists()  # killed at its start
        if ours and not started and not self._may_continue(previous):
            self._clear(previous)
            previous = None
        if previous is None:
            if self.config.restart == "require":
                raise InvalidArgument(f"restart: require, and {self.path} has no run to go on with")
            self._clear(None)
            with write_atomic(self.path / CONFIGURATION) as temporary:
                temporary.write_text(self.config.to_yaml())
        return previous

    def _may_continue(self, previous: Generation | None) -> bool:
        """Whether to go on (True) or to clear the folder (False); raises when neither is allowed."""
        if previous is None:
            if self.overwrite:
                return False
            raise OutputExists(
                f"{self.path} has files of a run without a restart point; choose another output"
            )
        theirs = previous.facts["configuration"]
        mine = self._identity["configuration"]
        changed = sorted(key for key in {*theirs, *mine} if theirs.get(key) != mine.get(key))
        same_model = previous.facts["model_hash"] == self._identity["model_hash"]
        if not changed and same_model and self.config.restart != "never":
            return True
        if self.overwrite:
            return False
        if changed:
            raise OutputExists(
                f"{self.path} holds a run with another configuration (different: {', '.join(changed)}); "
                "choose another output, or ask to overwrite"
            )
        if not same_model:
            raise ModelError(
                f"{self.path} holds a run with another model (sha256 {_short(previous.facts['model_hash'])}, "
                f"now {_short(self._identity['model_hash'])}): its hills belong to that one; put that model "
                "back, choose another output, or ask to overwrite"
            )
        raise OutputExists(f"{self.path} holds this run already and restart is never; choose another output")

    def _clear(self, previous: Generation | None) -> None:
        """Remove what a run writes, and its hills from the shared bias."""
        if previous is not None and self.config.walkers is not None:
            directory = self.config.walkers.directory
            for path in directory.glob(f"bias_{previous.facts['walker']}_*.npy"):
                path.unlink()
        for name in _OURS:
            path = self.path / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def walker(self, previous: Generation | None) -> int:
        """This run's walker number: the stored one, the configured one, or a new one."""
        if previous is not None:
            return int(previous.facts["walker"])
        walkers = self.config.walkers
        if walkers is None:
            return 0
        if walkers.id is None:
            return draw_walker(walkers.directory, np.random.default_rng())
        if list(walkers.directory.glob(f"bias_{walkers.id}_*.npy")):
            raise InvalidArgument(
                f"walkers.id {walkers.id} has hills in {walkers.directory} already, from another run; "
                "take another id, or none to have one drawn"
            )
        return walkers.id

    def save(self, generation: Generation) -> None:
        """Write a restart point and drop the oldest."""
        save_generation(self.path / "generations", generation)


def _short(model_hash: Any) -> str:
    return "none" if model_hash is None else str(model_hash)[:12]
