"""The run loop: advance, observe, write, save restart points, stop."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from gnncv.engines.config import Metadynamics, RunConfig
from gnncv.engines.engine import Engine
from gnncv.engines.folder import Folder
from gnncv.engines.generations import Generation
from gnncv.engines.one_core import OneCore
from gnncv.engines.order import NAMES, StopCondition, order_function
from gnncv.engines.outputs import RunFiles
from gnncv.engines.plumed_start import open_session
from gnncv.engines.start import make_engine, read_start
from gnncv.files import write_atomic

_LONGEST_CHUNK = 200  # steps without looking at signals


def run(config: RunConfig, progress: bool = True, *, cv: Any | None = None, overwrite: bool = False) -> Path:
    """Run molecular dynamics as configured, or go on with an interrupted run.

    Parameters
    ----------
    config : RunConfig
        The run.
    progress : bool
        Show a progress bar on standard error.
    cv : CollectiveVariable, optional
        Used in place of the model file that `config.cv` names.
    overwrite : bool
        Replace the results of another run in the output folder.

    Returns
    -------
    Path
        The output folder: COLVAR, HILLS (metadynamics), trajectory.extxyz, run.json,
        run-config.yaml, generations/, and plumed/ with PLUMED's files (bias plumed).

    Raises
    ------
    OutputExists
        The folder holds results of another configuration, or `restart: never` and of this one.
    ModelError
        The folder's run was made with another model.
    InvalidArgument
        Anything in the configuration, the structure or the model that does not fit.
    KeyboardInterrupt, SystemExit
        On SIGINT and SIGTERM, after a last restart point.

    Notes
    -----
    A kill at any moment loses at most the steps since the last restart point (`checkpoint_stride`).
    Everything is then restored as of that point: state, bias, number of hills, and the lengths of COLVAR,
    HILLS and trajectory.
    """
    if cv is None and config.cv is not None:
        import gnncv

        cv = gnncv.CollectiveVariable(str(config.cv), num_threads=config.threads)
    atoms = read_start(config)
    folder = Folder(config, cv, overwrite)
    with folder.lock():
        previous = folder.prepare()
        step = 0 if previous is None else previous.step
        walker = folder.walker(previous)
        seed = int(np.random.SeedSequence([config.seed, walker, step]).generate_state(1)[0] % (2**31 - 1)) + 1
        if previous is not None and _is_done(config, previous):
            return folder.path
        session = open_session(config, previous)
        alone = config.engine == "openmm" and config.platform == "CPU" and config.threads == 1
        try:
            with OneCore(alone, None if config.walkers is None else walker) as core:
                engine = make_engine(config, atoms, cv, seed, session)
                if previous is not None:
                    engine.restore(previous.files, previous.facts["engine"])
                loop = _Loop(config, engine, folder, walker, previous)
                try:
                    loop.run(progress, core)
                finally:
                    loop.files.close()
        finally:
            if session is not None:
                session.close()
    return folder.path


def _is_done(config: RunConfig, previous: Generation) -> bool:
    """Whether a run has done all its steps, or stopped by the rule that it still has."""
    if previous.step >= config.steps:
        return bool(previous.facts["finished"])
    return previous.facts["reason"] not in (None, "steps") and previous.facts["stop_when"] == _rule(config)


def _rule(config: RunConfig) -> dict[str, Any] | None:
    return None if config.stop_when is None else config.stop_when.model_dump()


class _Loop:
    """One process's part of a run."""

    def __init__(
        self, config: RunConfig, engine: Engine, folder: Folder, walker: int, previous: Generation | None
    ) -> None:
        self.config, self.engine, self.folder, self.walker = config, engine, folder, walker
        self.bias = config.bias if isinstance(config.bias, Metadynamics) else None
        self.order = order_function(config)
        self.order_values: dict[str, float] = {} if previous is None else previous.facts["order"]
        self.stop_rule = None if config.stop_when is None else StopCondition(config.stop_when)
        self.recorded = -1 if previous is None else int(previous.facts["recorded"])
        self.spent: dict[str, float] = {} if previous is None else dict(previous.facts["spent"])
        columns = [*engine.columns(), *(NAMES if self.order else ())]
        hills = None if self.bias is None else (self.bias.cv, self.bias.biasfactor)
        self.files = RunFiles(
            folder.path, columns, hills, None if previous is None else previous.facts["offsets"]
        )
        self.started = time.perf_counter()
        self.first_step = engine.step
        if previous is None:
            self.save(None)  # the walker's number is on disk before its hills can reach others
        engine.connect(self.files.hills, config.walkers.directory if config.walkers else None, walker)

    def run(self, progress: bool, core: OneCore) -> None:
        """Advance to the last step, or until something asks to stop."""
        config, engine = self.config, self.engine
        bar = tqdm(
            total=config.steps, initial=engine.step, unit="step", disable=not progress, file=sys.stderr,
            smoothing=0.1, mininterval=0.5,
        )  # fmt: skip
        with _signals() as caught, bar:
            reason = self.record()
            while reason is None and engine.step < config.steps and not caught:
                before = engine.step
                engine.advance(self.next_event() - before)
                reason = self.record()
                core.follow()
                bar.update(engine.step - before)
                if bar.format_dict["n"] and not bar.disable:
                    bar.set_postfix_str(f"CV {100.0 * self.cv_share():.0f} %", refresh=False)
                if (
                    engine.step % config.checkpoint_stride == 0
                    and reason is None
                    and engine.step < config.steps
                ):
                    self.save(None)
            if reason is None and engine.step >= config.steps:
                reason = "steps"
            self.engine.exchange()
            self.write_report(reason or "interrupted")  # first: a finished run is not entered again
            self.save(reason)
        if caught and reason is None:
            raise KeyboardInterrupt if caught[0] == signal.SIGINT else SystemExit(128 + caught[0])

    def next_event(self) -> int:
        """The next step at which something is written, deposited or saved."""
        config, here = self.config, self.engine.step
        strides = [config.colvar_stride, config.trajectory_stride, config.checkpoint_stride]
        strides += [max(1, _LONGEST_CHUNK // config.cv_every) * config.cv_every]
        if self.bias is not None:
            strides.append(self.bias.pace)
        return min(config.steps, *(here - here % stride + stride for stride in strides))

    def record(self) -> str | None:
        """Write what is due at this step, once; a reason to stop, or None."""
        config, step = self.config, self.engine.step
        if step <= self.recorded:
            return None
        self.recorded = step
        reason = None
        at_row, at_frame = step % config.colvar_stride == 0, step % config.trajectory_stride == 0
        if at_row or at_frame:
            row = self.engine.observe()
            if self.order is not None and (at_row and step % config.order_stride == 0):
                self.order_values = dict(zip(NAMES, self.order(self.engine.snapshot()), strict=True))
                reason = None if self.stop_rule is None else self.stop_rule(self.order_values)
            row |= self.order_values
            if at_row:
                self.files.colvar.write(row)
            if at_frame:
                self.files.trajectory.write(self.engine.snapshot(), {"step": step, **row})
        if self.bias is not None and step > 0 and step % self.bias.pace == 0:
            self.engine.deposit()
            if step % config.sync_stride == 0:
                self.engine.exchange()
        return reason

    def save(self, reason: str | None) -> None:
        """Write a restart point; `reason` says why the run is finished, None that it is not."""
        offsets = self.files.offsets()
        files, engine_facts = self.engine.save()
        facts = {
            "engine": engine_facts, "offsets": offsets, "walker": self.walker, "recorded": self.recorded,
            "order": self.order_values, "finished": reason is not None,
            "reason": reason, "stop_when": _rule(self.config), "spent": self.costs(),
            **self.folder.identity(),
        }  # fmt: skip
        self.folder.save(Generation(self.engine.step, facts, files))

    def costs(self) -> dict[str, float]:
        """Seconds, steps and evaluations of all processes of this run so far."""
        new = {"seconds": time.perf_counter() - self.started, "steps": self.engine.step - self.first_step}
        new |= self.engine.performance()
        return {name: self.spent.get(name, 0) + value for name, value in new.items()}

    def cv_share(self) -> float:
        """The CV's share of the time of this process."""
        return float(self.engine.performance()["seconds_cv"]) / (time.perf_counter() - self.started)

    def write_report(self, reason: str) -> None:
        """Write run.json."""
        costs = self.costs()
        seconds = max(costs["seconds"], 1e-9)
        steps_per_second = costs["steps"] / seconds
        facts = {
            "ended": reason, "steps": self.engine.step,
            "time_ps": self.engine.step * self.config.timestep_fs / 1000.0,
            "steps_per_second": steps_per_second,
            "ns_per_day": steps_per_second * self.config.timestep_fs * 1e-6 * 86400.0,
            "cv_share": costs["seconds_cv"] / seconds, **costs, "walker": self.walker,
            "seed": self.config.seed, "threads": self.config.threads, **self.folder.identity(),
            **self.engine.about(), **self.order_values,
        }  # fmt: skip
        facts.pop("configuration", None)
        with write_atomic(self.folder.path / "run.json", overwrite=True) as temporary:
            temporary.write_text(json.dumps(facts, indent=1) + "\n")


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM; a second one acts as usual. Does nothing outside the main thread."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, _: object) -> None:
        caught.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in before:
        signal.signal(number, note)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
