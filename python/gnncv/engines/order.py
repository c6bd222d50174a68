"""The independent order parameters of a run: they decide what happened, the CV does not."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms

from gnncv.analysis.neighbor_distance import neighbor_distance
from gnncv.engines.config import LennardJonesSystem, RunConfig, StopWhen
from gnncv.engines.start import read_start
from gnncv.errors import InvalidArgument
from gnncv.topology import Topology, center_frame

NAMES = ("q6", "Q6")
OrderFunction = Callable[[Atoms], tuple[float, float]]


def order_function(config: RunConfig) -> OrderFunction | None:
    """Averaged q6 (mean over atoms) and global Q6; None where no neighbor distance is known.

    If the model is one of molecules, they are those of its sites: the centers of molecules. The distance is
    `order_parameter_cutoff_angstrom`, by default 1.5 times the largest sigma of a Lennard-Jones system, or
    the first minimum of g(r) where all atoms of the first configuration are of one element.
    """
    cutoff = config.order_parameter_cutoff_angstrom
    if cutoff is None and isinstance(config.system, LennardJonesSystem):
        cutoff = 1.5 * max(species.sigma_angstrom for species in config.system.species.values())
    if cutoff is None:
        cutoff = _of_the_start(config)
    if cutoff is None:
        if config.stop_when is not None:
            raise InvalidArgument("stop_when needs order_parameter_cutoff_angstrom for this system")
        return None
    if importlib.util.find_spec("freud") is None:
        raise InvalidArgument("order parameters need freud: pip install freud-analysis")
    return order_of_sites(cutoff, None if config.cv is None else model_topology(config.cv))


def order_of_sites(cutoff_angstrom: float, topology: Topology | None = None) -> OrderFunction:
    """Averaged q6 (mean over sites) and global Q6, of neighbors closer than ``cutoff_angstrom``."""
    from gnncv.analysis.order_parameters import order_parameters

    def evaluate(atoms: Atoms) -> tuple[float, float]:
        sites = atoms if topology is None else center_frame(atoms, topology)
        found = order_parameters(sites, cutoff_angstrom)
        return float(np.mean(found.averaged_q6)), float(found.global_q6)

    return evaluate


def _of_the_start(config: RunConfig) -> float | None:
    """The first minimum of g(r) of one element's bulk; None for anything else, or without freud."""
    atoms = read_start(config)
    if len(set(atoms.numbers)) > 1 or importlib.util.find_spec("freud") is None:
        return None
    try:
        return neighbor_distance(atoms)
    except InvalidArgument:
        return None


def model_topology(model: Path) -> Topology | None:
    """The molecules that a model file knows; None for one of atoms."""
    from gnncv.cv import CollectiveVariable

    facts = CollectiveVariable(model).metadata.get("topology")
    return None if facts is None else Topology.from_dict(facts)


class StopCondition:
    """Holds when an order parameter has been beyond a bound for enough rows in succession."""

    def __init__(self, rule: StopWhen) -> None:
        self.rule = rule
        self.held = 0

    def __call__(self, order: dict[str, float]) -> str | None:
        """The reason to stop, or None. Call it once for each new value of the order parameters."""
        value = order[self.rule.order_parameter]
        below = self.rule.below is not None and value < self.rule.below
        above = self.rule.above is not None and value > self.rule.above
        self.held = self.held + 1 if below or above else 0
        if self.held < self.rule.rows:
            return None
        bound = f"below {self.rule.below}" if below else f"above {self.rule.above}"
        return f"{self.rule.order_parameter} is {value:.3f}, {bound}"
