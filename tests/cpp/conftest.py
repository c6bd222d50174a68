"""The program that tries kernels, built once for each compiler."""

import os
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "lane_groups"


@pytest.fixture(scope="session")
def lane_groups(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The program of a compiler, built at its first use; static where it is another machine's."""

    @cache
    def program(compiler: str) -> Path:
        folder = tmp_path_factory.mktemp("lane_groups")
        flags = [f"-DCMAKE_CXX_COMPILER={compiler}", f"-DSTATIC={'OFF' if compiler == 'g++' else 'ON'}"]
        jobs = str(os.cpu_count() or 1)
        for command in (["-S", SOURCE, "-B", folder, *flags], ["--build", folder, "-j", jobs]):
            done = subprocess.run(["cmake", *command], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
        return folder / "lane_groups"

    return program
