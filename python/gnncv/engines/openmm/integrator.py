"""Integrators and thermostats, with or without multiple time steps."""

from __future__ import annotations

import openmm
from openmm import unit

from gnncv.engines.config import RunConfig
from gnncv.errors import InvalidArgument


def build_integrator(config: RunConfig, system: openmm.System, slow_groups: set[int]) -> openmm.Integrator:
    """The integrator of a run.

    With `cv_every` = k > 1 the forces in `slow_groups` (the bias) act every k-th inner step of `timestep_fs`
    (BAOAB-RESPA, Lagardere et al., J. Phys. Chem. Lett. 10, 2593, 2019, doi:10.1021/acs.jpclett.9b00901) and
    one step of the integrator is k inner steps.
    """
    inner = config.timestep_fs * unit.femtosecond
    temperature = (config.temperature_kelvin or 0.0) * unit.kelvin
    friction = config.friction_per_ps / unit.picosecond
    if config.cv_every > 1 and slow_groups:
        fast = {force.getForceGroup() for force in system.getForces()} - slow_groups
        groups = [(group, 1) for group in sorted(slow_groups)]
        groups += [(group, config.cv_every) for group in sorted(fast)]
        outer = config.cv_every * inner
        if config.ensemble == "nve":
            return openmm.MTSIntegrator(outer, groups)
        return openmm.MTSLangevinIntegrator(temperature, friction, outer, groups)
    if config.ensemble == "nve":
        return openmm.VerletIntegrator(inner)
    return openmm.LangevinMiddleIntegrator(temperature, friction, inner)


def add_barostat(config: RunConfig, system: openmm.System, seed: int) -> None:
    """Couple the volume to `pressure_bar`, isotropically, every `barostat_stride` inner steps."""
    for force in system.getForces():
        if "Barostat" in type(force).__name__ or "Thermostat" in type(force).__name__:
            raise InvalidArgument(
                f"the system has a {type(force).__name__} already; say it with ensemble instead"
            )
    if config.ensemble == "npt":
        outer = config.cv_every if config.biased else 1
        attempts = max(1, round(config.barostat_stride / outer))
        barostat = openmm.MonteCarloBarostat(config.pressure_bar, config.temperature_kelvin, attempts)
        barostat.setRandomNumberSeed(seed)
        system.addForce(barostat)
