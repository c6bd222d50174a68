"""Crystallites planted in melts of argon, whose surface is known by geometry alone."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from ase import Atoms
from ase.optimize import FIRE
from numpy.typing import NDArray

from argon_runs import SYSTEM
from gnncv.engines.config import LennardJonesSystem
from gnncv.engines.lennard_jones import LennardJones

SOURCE = Path(__file__).parents[1] / "examples" / "growth" / "seed.py"


@dataclass
class Seeded:
    """A crystallite in a melt; ``outside`` (N,) angstrom: distance from its outermost atoms' sphere."""

    atoms: Atoms
    outside: NDArray[np.float64]


def _example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("growth_seed", SOURCE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def seeded_crystallites(
    frames: Sequence[Atoms], number: int, n_planted: int, copies: int = 2, seed: int = 7
) -> Iterator[Seeded]:
    """Balls of crystal in melts, as the example of growth plants them, relaxed where the two touch.

    Of labeled frames of both phases. Independent of each other: other frames, places and orientations. The
    relaxation is a few steps of Lennard-Jones forces that take overlaps away; the phases stay where they are.
    """
    plant_ball = _example().plant_ball
    phases = {name: [a for a in frames if a.info["phase"] == name] for name in ("melt", "crystal")}
    print("seed of the crystallites:", seed)
    for k in range(number):
        generator = np.random.default_rng([seed, k])
        melt = phases["melt"][5 * k].repeat(copies)
        atoms, outside = plant_ball(melt, phases["crystal"][5 * k], n_planted, generator)
        atoms.calc = LennardJones(LennardJonesSystem(**SYSTEM))
        before = atoms.positions.copy()
        FIRE(atoms, logfile=None, maxstep=0.05).run(fmax=0.2, steps=5)
        assert np.abs(atoms.positions - before).max() < 0.5
        atoms.calc = None
        yield Seeded(atoms, outside)
