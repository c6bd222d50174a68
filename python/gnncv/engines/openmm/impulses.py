"""Multiple time steps with a thermostat: the bias as impulses, between steps of OpenMM's own integrator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import openmm
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Impulses:
    r"""Forces of some groups act as impulses every k-th step, all others in each step of the integrator.

    Before each k steps the velocities get :math:`k \Delta t F / m` of the slow forces (Tuckerman, Berne and
    Martyna, J. Chem. Phys. 97, 1990, 1992, doi:10.1063/1.463137), as a leapfrog step gives
    :math:`\Delta t F / m`: with k = 1 the two are the same.
    `openmm.MTSLangevinIntegrator` is a little faster, but has no place between slow forces and steps, where
    PLUMED's update belongs.

    OpenMM's barostat takes the energy of the groups that the integrator integrates. So in a step in which it
    tries a volume, always the last of k, the integrator has all groups, and the impulse is one of k - 1.

    Parameters
    ----------
    context : openmm.Context
        Made with `integrator`, and not yet advanced.
    integrator : openmm.Integrator
        A leapfrog integrator of the inner step.
    slow_groups : set of int
        Force groups of the slow forces.
    every : int
        k.
    barostat_stride : int
        Inner steps between two attempts of the barostat, a multiple of k; 0 without one.
    """

    def __init__(
        self,
        context: openmm.Context,
        integrator: openmm.Integrator,
        slow_groups: set[int],
        every: int,
        barostat_stride: int,
    ) -> None:
        system = context.getSystem()
        masses = np.array([system.getParticleMass(k)._value for k in range(system.getNumParticles())])
        self._inverse_mass = np.divide(1.0, masses, out=np.zeros_like(masses), where=masses > 0)[:, None]
        self._context = context
        self._integrator = integrator
        self._slow = slow_groups
        self._fast = {force.getForceGroup() for force in system.getForces()} - slow_groups
        self._every = every
        self._barostat_stride = barostat_stride
        self._done = 0  # inner steps of this context, as its barostat counts them

    def advance(self, after_push: Callable[[], None] | None = None) -> None:
        """Integrate k inner steps; `after_push` is called when the slow forces were taken."""
        self._done += self._every
        with_barostat = bool(self._barostat_stride) and self._done % self._barostat_stride == 0
        self._push(self._every - with_barostat)
        if after_push is not None:
            after_push()
        self._step(self._fast, self._every - with_barostat)
        if with_barostat:
            self._step(self._fast | self._slow, 1)

    def _push(self, steps: int) -> None:
        """Give the velocities the slow forces' impulse of some inner steps."""
        state = self._context.getState(forces=True, velocities=True, groups=self._slow)
        forces = state.getForces(asNumpy=True)._value
        duration = steps * self._integrator.getStepSize()._value
        velocities = state.getVelocities(asNumpy=True)._value
        self._context.setVelocities(velocities + duration * forces * self._inverse_mass)

    def _step(self, groups: set[int], steps: int) -> None:
        self._integrator.setIntegrationForceGroups(groups)
        self._integrator.step(steps)
