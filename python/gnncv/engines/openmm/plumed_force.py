"""A PLUMED session as an `openmm.PythonForce`."""

from __future__ import annotations

import numpy as np
import openmm
from numpy.typing import NDArray
from openmm import unit

from gnncv.engines.plumed_session import Evaluation, PlumedSession

Array = NDArray[np.float64]


class PlumedForce:
    """The biases of a PLUMED session, callable as `openmm.PythonForce` wants it.

    OpenMM may ask any number of times a step (a barostat's trials do), and each time PLUMED only evaluates:
    whoever drives the dynamics sets `step`, and calls the session's `update` once a step, outside of here.

    Parameters
    ----------
    session : PlumedSession
        Started with PLUMED's own units, which are OpenMM's.
    system : openmm.System
        Masses and charges are taken from it.

    Attributes
    ----------
    step : int
        The step that the next evaluations are of.
    """

    def __init__(self, session: PlumedSession, system: openmm.System, periodic: bool) -> None:
        self.session = session
        self.periodic = periodic
        self.step = 0
        self.masses = np.array(
            [system.getParticleMass(k).value_in_unit(unit.dalton) for k in range(system.getNumParticles())]
        )
        self.charges = _charges(system)

    def __call__(self, state: openmm.State) -> tuple[float, Array]:
        """Energy and forces of the biases."""
        evaluation = self.evaluate(state)
        return evaluation.bias, evaluation.forces

    def evaluate(self, state: openmm.State) -> Evaluation:
        """The biases at a state with its positions."""
        box = state.getPeriodicBoxVectors(asNumpy=True)._value if self.periodic else None
        return self.session.evaluate(
            self.step, state.getPositions(asNumpy=True)._value, box, masses=self.masses, charges=self.charges
        )

    def add_to(self, system: openmm.System, group: int) -> None:
        """Add the force to a system, in a force group."""
        force = openmm.PythonForce(self)
        force.setUsesPeriodicBoundaryConditions(self.periodic)
        force.setName("plumed")
        force.setForceGroup(group)
        system.addForce(force)


def _charges(system: openmm.System) -> Array:
    """(N,) charges of the system's NonbondedForce; zero without one."""
    for force in system.getForces():
        if isinstance(force, openmm.NonbondedForce):
            each = [force.getParticleParameters(k)[0] for k in range(system.getNumParticles())]
            return np.array([charge.value_in_unit(unit.elementary_charge) for charge in each])
    return np.zeros(system.getNumParticles())
