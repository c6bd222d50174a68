"""An engine with replica exchange, seen from PLUMED: run by test_exchange.py in a process of its own.

    python exchange_trials.py KERNEL LOAD-LINE MODEL

At one step, the configurations of two replicas are tried in turn: without forces, with forces but without
update, and as a whole step. Each must give what it gives in a PLUMED that has seen nothing else.
"""

from __future__ import annotations

import sys

import numpy as np

import plumed

KERNEL, LOAD, MODEL = sys.argv[1:]
ACTION = f"GNNCV MODEL={MODEL} SPECIES1=1-12 SPECIES2=13-24 SPECIES_TO_TYPES=Cu,Zr"
INPUT = [
    LOAD,
    f"a: {ACTION}",
    f"b: {ACTION}",
    "RESTRAINT ARG=a.mixed AT=0 KAPPA=10",
    "RESTRAINT ARG=b.total AT=0 KAPPA=1",
]
N_ATOMS = 24
MASSES = np.ones(N_ATOMS)


class Engine:
    """A PLUMED object, and the arrays that it writes to."""

    def __init__(self) -> None:
        self.plumed = plumed.Plumed(kernel=KERNEL)
        self.plumed.cmd("setNatoms", N_ATOMS)
        self.plumed.cmd("setLogFile", "log")
        self.plumed.cmd("init")
        for line in INPUT:
            self.plumed.cmd("readInputLine", line)

    def step(self, step: int, box: float, *commands: str) -> tuple[np.ndarray, np.ndarray, float]:
        """Forces, virial and bias of the configuration that goes with a box."""
        generator = np.random.default_rng(int(1000 * box))
        lattice = np.indices((3, 3, 3)).reshape(3, -1).T[:N_ATOMS] * box / 3
        self.positions = lattice + 0.01 * generator.normal(size=lattice.shape)
        self.box = box * np.eye(3)
        self.forces, self.virial, bias = np.zeros((N_ATOMS, 3)), np.zeros((3, 3)), np.zeros(1)
        self.plumed.cmd("setStep", step)
        for name in ("Positions", "Box", "Forces", "Virial"):
            self.plumed.cmd(f"set{name}", getattr(self, name.lower()))
        self.plumed.cmd("setMasses", MASSES)
        for command in commands:
            self.plumed.cmd(command)
        self.plumed.cmd("getBias", bias)
        return self.forces, self.virial, bias[0]


def same(one, other) -> bool:
    return all(np.allclose(x, y, rtol=1e-9, atol=1e-12) for x, y in zip(one, other, strict=True))


mine, other = (Engine().step(0, box, "calc") for box in (0.9, 0.95))
assert not same(mine, other)
engine = Engine()
assert same(engine.step(5, 0.9, "calc"), mine)
forces, _, bias = engine.step(5, 0.95, "prepareCalc", "performCalcNoForces")
assert np.isclose(bias, other[2]) and not forces.any()
assert np.isclose(engine.step(5, 0.9, "prepareCalc", "performCalcNoForces")[2], mine[2])
assert same(engine.step(5, 0.95, "prepareCalc", "performCalcNoUpdate"), other)
assert same(engine.step(5, 0.95, "prepareCalc", "performCalc"), other)
assert same(engine.step(6, 0.9, "calc"), mine)
print("all trials agree")
