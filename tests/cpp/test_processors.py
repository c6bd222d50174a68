"""The CPU kernels on other processors: an old x86-64 without AVX, one with AVX2, and aarch64, each emulated.

Which instructions a kernel uses is chosen when the library is loaded: this machine alone tries one of three.
Kernels are compared with the plain loops of a single lane, compiled for the same processor.
"""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

PROCESSORS = {
    "x86_64-Nehalem": (["qemu-x86_64", "-cpu", "Nehalem"], "g++"),
    "x86_64-Haswell": (["qemu-x86_64", "-cpu", "Haswell"], "g++"),
    "aarch64": (["qemu-aarch64"], "aarch64-linux-gnu-g++"),
}


@pytest.mark.parametrize("processor", PROCESSORS)
def test_kernels_are_right_on_other_processors(
    processor: str, lane_groups: Callable[[str], Path], generator: np.random.Generator
) -> None:
    emulator, compiler = PROCESSORS[processor]
    for program in (emulator[0], compiler):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: qemu-user, g++-aarch64-linux-gnu)")
    seed = str(generator.integers(2**31))
    command = [*emulator, lane_groups(compiler), seed, "one lane"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    lines = done.stdout.splitlines()
    wrong = [line for line in lines if not line.startswith("same ")]
    assert done.returncode == 0 and lines and not wrong, f"seed {seed}: {done.stderr}\n" + "\n".join(wrong)
