"""Checkpoints of OpenMM from which the process that makes them goes on as another one would."""

from __future__ import annotations

import numpy as np
import openmm

_FAR = np.array([0.61, 0.53, 0.47])  # nm: further than a neighbor list lasts, and no vector of a lattice


def make_checkpoint(context: openmm.Context, groups: set[int]) -> bytes:
    """OpenMM's checkpoint; from here on forces are those of a process that starts from it, to the last bit.

    The CPU platform keeps a neighbor list while atoms move little, and the order in the list decides the last
    bits of the forces, from which trajectories part. Moved as a whole and put back, the atoms get a new list,
    here and after a restart.

    Parameters
    ----------
    context : openmm.Context
        With positions.
    groups : set of int
        Force groups of the engine's own forces: they are evaluated once more, others are not.

    Returns
    -------
    bytes
        For `openmm.Context.loadCheckpoint`.
    """
    checkpoint: bytes = context.createCheckpoint()
    positions = context.getState(positions=True).getPositions(asNumpy=True)._value
    context.setPositions(positions + _FAR)
    context.getState(forces=True, groups=groups)
    context.loadCheckpoint(checkpoint)
    return checkpoint
