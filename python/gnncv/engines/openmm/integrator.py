"""Integrators and thermostats, with or without multiple time steps."""

from __future__ import annotations

import openmm
from openmm import unit

from gnncv.engines.config import RunConfig
from gnncv.errors import InvalidArgument


def build_integrator(config: RunConfig, system: openmm.System, slow_groups: set[int]) -> openmm.Integrator:
    """The integrator of a run.

    With `cv_every` = k > 1 the forces in `slow_groups` (the bias) act every k-th inner step of `timestep_fs`.
    Without a thermostat one step of the integrator is k inner steps (velocity Verlet, RESPA); with one it is
    an inner step, and `Impulses` adds the slow forces.
    """
    inner = config.timestep_fs * unit.femtosecond
    temperature = (config.temperature_kelvin or 0.0) * unit.kelvin
    friction = config.friction_per_ps / unit.picosecond
    if config.ensemble != "nve":
        return openmm.LangevinMiddleIntegrator(temperature, friction, inner)
    if config.cv_every > 1 and slow_groups:
        fast = {force.getForceGroup() for force in system.getForces()} - slow_groups
        groups = [(group, 1) for group in sorted(slow_groups)]
        groups += [(group, config.cv_every) for group in sorted(fast)]
        return openmm.MTSIntegrator(config.cv_every * inner, groups)
    return openmm.VerletIntegrator(inner)


def add_barostat(config: RunConfig, system: openmm.System, seed: int, every: int = 1) -> int:
    """Couple the volume to `pressure_bar`, isotropically; the inner steps between two attempts, 0 without.

    They are the multiple of `every` that is nearest to `barostat_stride`.
    """
    for force in system.getForces():
        if "Barostat" in type(force).__name__ or "Thermostat" in type(force).__name__:
            raise InvalidArgument(
                f"the system has a {type(force).__name__} already; say it with ensemble instead"
            )
    if config.ensemble != "npt":
        return 0
    stride = max(1, round(config.barostat_stride / every)) * every
    barostat = openmm.MonteCarloBarostat(config.pressure_bar, config.temperature_kelvin, stride)
    barostat.setRandomNumberSeed(seed)
    system.addForce(barostat)
    return stride
