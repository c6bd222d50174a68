"""A run with one thread stays on one core, and leaves the process as it was."""

import os
import threading
import time
from collections.abc import Callable

import pytest

from gnncv.engines import run
from gnncv.engines.config import RunConfig
from gnncv.engines.one_core import CHOICE_SECONDS, OneCore, _this_core
from gnncv.engines.openmm.engine import OpenmmEngine

two_cores = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="this process may use one core only: nothing to choose from"
)


class Waiting(threading.Thread):
    """A thread that does nothing until it is told to end."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._end = threading.Event()
        self.start()

    def run(self) -> None:
        self._end.wait()

    def cores(self) -> set[int]:
        assert self.native_id is not None
        return os.sched_getaffinity(self.native_id)

    def stop(self) -> None:
        self._end.set()
        self.join()


@two_cores
def test_threads_of_the_run_share_one_core_and_others_are_left_alone() -> None:
    allowed, other = os.sched_getaffinity(0), Waiting()
    with OneCore():
        own = Waiting()
        assert len(os.sched_getaffinity(0)) == 1
        assert own.cores() == os.sched_getaffinity(0)
        assert other.cores() == allowed
    assert os.sched_getaffinity(0) == own.cores() == allowed
    own.stop()
    other.stop()


@two_cores
def test_the_system_may_choose_again() -> None:
    allowed = os.sched_getaffinity(0)
    with OneCore(again_seconds=0.0) as core:
        own = Waiting()
        core.follow()
        assert os.sched_getaffinity(0) == own.cores() == allowed
        core.follow()  # too early
        assert os.sched_getaffinity(0) == allowed
        time.sleep(2.0 * CHOICE_SECONDS)
        core.follow()
        assert len(own.cores()) == 1 and own.cores() == os.sched_getaffinity(0)
    own.stop()


def test_the_core_is_the_one_where_the_system_had_put_it() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        for core in allowed:
            os.sched_setaffinity(0, {core})
            time.sleep(0.01)
            assert _this_core() == core
    finally:
        os.sched_setaffinity(0, allowed)


def test_what_was_allowed_is_not_widened() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        with OneCore(again_seconds=0.0) as core:
            core.follow()
            assert os.sched_getaffinity(0) == {min(allowed)}
        assert os.sched_getaffinity(0) == {min(allowed)}
    finally:
        os.sched_setaffinity(0, allowed)


@two_cores
@pytest.mark.parametrize(("threads", "cores"), [(1, 1), (2, len(os.sched_getaffinity(0)))])
def test_a_run_of_openmm_is_on_as_many_cores_as_it_may_use(
    make_config: Callable[..., RunConfig], monkeypatch: pytest.MonkeyPatch, threads: int, cores: int
) -> None:
    seen: list[int] = []
    advance = OpenmmEngine.advance

    def note(engine: OpenmmEngine, steps: int) -> None:
        seen.append(len(os.sched_getaffinity(0)))
        advance(engine, steps)

    monkeypatch.setattr(OpenmmEngine, "advance", note)
    allowed = os.sched_getaffinity(0)
    run(make_config(platform="CPU", threads=threads), progress=False)
    assert set(seen) == {cores}
    assert os.sched_getaffinity(0) == allowed
