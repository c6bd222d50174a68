"""The first configuration and the engine of a run."""

from __future__ import annotations

from typing import Any

import ase.io
import numpy as np
from ase import Atoms

from gnncv.engines.ase import check_outputs
from gnncv.engines.config import Learned, RunConfig
from gnncv.engines.engine import Engine
from gnncv.engines.plumed_session import PlumedSession
from gnncv.errors import InvalidArgument


def read_start(config: RunConfig) -> Atoms:
    """Read the first configuration.

    Raises
    ------
    InvalidArgument
        A file that is missing or not readable, an index out of range, positions that are not finite.
    """
    path, index = config.start.structure, config.start.index
    if not path.is_file():
        raise InvalidArgument(f"start.structure {path} does not exist or is not a file")
    try:
        atoms = ase.io.read(path, index=index)
    except (IndexError, StopIteration):
        raise InvalidArgument(f"start.index {index} is out of range for {path}") from None
    except Exception as error:
        raise InvalidArgument(f"ASE cannot read start.structure {path}: {error}") from None
    if len(atoms) == 0:
        raise InvalidArgument(f"{path} has no atoms")
    bad = np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))
    if len(bad):
        raise InvalidArgument(f"{path}: the position of atom {bad[0]} is {atoms.positions[bad[0]].tolist()}")
    return atoms


def _check_energy(cv: Any, name: str) -> None:
    """Refuse a learned bias that is no energy of the model file."""
    units = {entry["name"]: entry.get("unit") for entry in cv.metadata.get("outputs", [])}
    if units.get(name) != "eV":
        raise InvalidArgument(
            f"bias learned needs an output that is an energy in eV, as `gnncv bias` adds one; {name!r} of "
            f"{cv.path} is none (it has {', '.join(cv.names)})"
        )


def make_engine(
    config: RunConfig, atoms: Atoms, cv: Any | None, seed: int, session: PlumedSession | None = None
) -> Engine:
    """The engine that the configuration names, ready for its first step; `session` is for bias plumed."""
    if config.biased:
        if cv is None:
            raise InvalidArgument(
                f"a bias on {', '.join(config.biased)} needs a collective variable: give cv"
            )
        if isinstance(config.bias, Learned):
            _check_energy(cv, config.bias.cv)
        check_outputs(cv.names, config.biased)
    if config.engine == "openmm":
        try:
            from gnncv.engines.openmm.engine import OpenmmEngine
        except ModuleNotFoundError as error:
            if error.name != "openmm":
                raise
            raise InvalidArgument("engine openmm is not installed: pip install 'gnncv[openmm]'") from None
        return OpenmmEngine(config, atoms, cv, seed, session)
    try:
        from gnncv.engines.ase_engine import AseEngine
    except ModuleNotFoundError as error:
        if error.name != "ase.md.langevinbaoab":
            raise
        raise InvalidArgument(
            "engine ase needs a newer ASE, with LangevinBAOAB: pip install -U ase"
        ) from None

    return AseEngine(config, atoms, cv, seed, session)
