"""A program for test_import_orders: import torch, gnncv and plumed in an order, and use each at once.

Arguments: the order, the kernel, the plugin. The last line of its output is JSON.
"""

from __future__ import annotations

import json
import mmap
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

MODULES: dict[str, Any] = {}
LENGTH = 10.6  # angstrom: two cells of argon
REPEATS = 2


def crystal() -> tuple[np.ndarray, np.ndarray]:
    """Positions and box (nm) of 32 shaken argon atoms."""
    corners = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2.0
    cells = np.stack(np.meshgrid(*[np.arange(REPEATS)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    positions = (cells + corners).reshape(-1, 3) * LENGTH / REPEATS
    shaken = positions + np.random.default_rng(0).normal(0.0, 0.2, positions.shape)
    return shaken / 10.0, np.eye(3) * LENGTH / 10.0


class Life:
    """One PLUMED object with GNNCV and a restraint on it."""

    def __init__(self, kernel: str, plugin: str, model: str, folder: str) -> None:
        self.plumed = MODULES["plumed"].Plumed(kernel=kernel)
        self.positions, self.box = crystal()
        self.plumed.cmd("setNatoms", len(self.positions))
        self.plumed.cmd("setTimestep", 0.001)
        self.plumed.cmd("setLogFile", str(Path(folder) / "log"))
        self.plumed.cmd("init")
        for line in (
            f"LOAD FILE={plugin}",
            f"cv: GNNCV MODEL={model} ATOMS=1-{len(self.positions)}",
            "r: RESTRAINT ARG=cv.progress AT=0.5 KAPPA=100",
        ):
            self.plumed.cmd("readInputLine", line)

    def evaluate(self, step: int) -> tuple[float, np.ndarray]:
        """Bias energy and forces."""
        forces, virial = np.zeros_like(self.positions), np.zeros((3, 3))
        masses, bias = np.ones(len(self.positions)), np.zeros(1)
        for name, value in (
            ("setStep", step), ("setMasses", masses), ("setBox", self.box), ("setPositions", self.positions),
            ("setForces", forces), ("setVirial", virial), ("calc", None), ("getBias", bias),
        ):  # fmt: skip
            self.plumed.cmd(name, value)
        return float(bias[0]), forces


def use(name: str) -> None:
    """Do real work with a module just imported."""
    if name == "torch":
        torch = MODULES["torch"]
        x = torch.linspace(0.0, 1.0, 1000, requires_grad=True)
        (gradient,) = torch.autograd.grad((x**2).sum(), x)
        assert torch.allclose(gradient, 2.0 * x)


def main(order: list[str], kernel: str, plugin: str, model: str) -> dict[str, Any]:
    """Import and use; then several objects at once, and a second life."""
    results = []
    with tempfile.TemporaryDirectory() as folder:

        def live() -> Life:
            life = Life(kernel, plugin, model, folder)
            results.append(life.evaluate(0))
            return life

        first = None
        for name in order:
            MODULES[name] = import_module(name)
            use(name)
            if name == "plumed":
                first = live()
        assert first is not None
        second = live()
        results.append(first.evaluate(1))
        first.plumed.finalize()
        results.append(second.evaluate(1))
        second.plumed.finalize()
        # what is loaded next comes to lie elsewhere: nothing may point to where the plugin was
        occupied = [mmap.mmap(-1, 1 << 16) for _ in range(400)]
        third = live()  # a second life, after all were closed
        assert len(occupied) == 400
        results.append(third.evaluate(1))
        positions, box = crystal()
        cv = MODULES["gnncv"].CollectiveVariable(model, num_threads=1)
        cv.bind(["Ar"] * len(positions))
        expected = cv.compute(10.0 * positions, 10.0 * box, True, outputs=["progress"])
        away = expected["progress"] - 0.5
        energy, forces = 50.0 * away**2, -1000.0 * away * expected.gradient("progress")
        scale = np.abs(forces).max()
        assert scale > 1.0
        third.plumed.finalize()
    maps = Path("/proc/self/maps").read_text().split()
    return {
        "evaluations": len(results),
        "energy_error": max(abs(one - energy) / energy for one, _ in results),
        "force_error": max(float(np.abs(each - forces).max()) for _, each in results) / float(scale),
        "libtorch": len({line for line in maps if line.endswith("/libtorch_cpu.so")}),
        "libgomp": len({line for line in maps if "/libgomp" in line}),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1].split(","), *sys.argv[2:])))
