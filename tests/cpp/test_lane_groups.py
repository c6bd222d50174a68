"""What the CUDA kernels do at a center gives the CPU kernels' numbers, whatever group of lanes does it.

The functions that a warp runs on a GPU run here on the CPU: by a single lane, and by 4 and 32 lanes that take
turns, which finds a missing synchronization and lanes that do not meet.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np

OPERATORS = [
    "averaged_densities",
    "environment_densities",
    "environment_features",
    "orientation_densities",
    "table_attention",
    "table_messages",
]


def test_every_group_of_lanes_gives_the_numbers_of_the_cpu_kernel(
    lane_groups: Callable[[str], Path], generator: np.random.Generator
) -> None:
    seed = str(generator.integers(2**31))
    command = [lane_groups("g++"), seed]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    lines = done.stdout.splitlines()
    wrong = [line for line in lines if not line.startswith("same ")]
    assert done.returncode == 0 and not wrong, f"seed {seed}: {done.stderr}\n" + "\n".join(wrong)
    for operator in OPERATORS:
        for step in (operator, f"{operator}_backward"):
            for group in ("one lane", "4 lanes", "32 lanes"):
                for precision in ("float32", "float64"):
                    same = [line for line in lines if line.startswith(f"same {step} ") and group in line]
                    assert any(precision in line for line in same), f"{step} by {group} was not tried"
