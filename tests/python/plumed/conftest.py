"""The PLUMED installations without MPI, and plugins built for them in a cache of the tests' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from gnncv.plumed import Installation, build_plugin, find_installations

FOUND = [found for found in find_installations() if not found.has_mpi]
NONE = pytest.param(None, marks=pytest.mark.skip(reason="no PLUMED is installed"), id="none")


@pytest.fixture(params=[pytest.param(one, id=one.version) for one in FOUND] or [NONE])
def installation(request: pytest.FixtureRequest) -> Installation:
    """Each PLUMED without MPI."""
    return request.param


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Installation], Path]]:
    """Builds the plugin for a PLUMED, each once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GNNCV_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield cache(build_plugin)


@pytest.fixture
def plugin(installation: Installation, built: Callable[[Installation], Path]) -> Path:
    """The plugin for that PLUMED."""
    return built(installation)
