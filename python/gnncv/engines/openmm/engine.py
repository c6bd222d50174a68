"""Runs with OpenMM."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import openmm
import openmm.app
from ase import Atoms, units
from numpy.typing import NDArray
from openmm import unit

from gnncv.analysis.thermal import KJ_MOL_PER_EV
from gnncv.engines.config import Harmonic, Learned, Linear, Plumed, RunConfig
from gnncv.engines.config import Metadynamics as MetadynamicsConfig
from gnncv.engines.metadynamics_range import GAS_CONSTANT, choose_range
from gnncv.engines.openmm.checkpoint import make_checkpoint
from gnncv.engines.openmm.force import CvEvaluator, cv_force
from gnncv.engines.openmm.impulses import Impulses
from gnncv.engines.openmm.integrator import add_barostat, build_integrator
from gnncv.engines.openmm.metadynamics import Metadynamics
from gnncv.engines.openmm.plumed_force import PlumedForce
from gnncv.engines.openmm.system import build_system, to_openmm_frame
from gnncv.engines.openmm.whole import whole_molecules
from gnncv.engines.plumed_session import PlumedSession
from gnncv.engines.plumed_start import save_session
from gnncv.engines.row_columns import RowColumns
from gnncv.engines.walkers import SharedBias
from gnncv.errors import GnncvError, InvalidArgument
from gnncv.files import HillsWriter

Array = NDArray[np.float64]
FORCE_UNIT = unit.kilojoules_per_mole / unit.nanometer


class OpenmmEngine:
    """A run with OpenMM; see `gnncv.engines.engine.Engine` for its methods.

    Parameters
    ----------
    config : RunConfig
        The run.
    atoms : ase.Atoms
        The first configuration.
    cv : CollectiveVariable or None
        The collective variable.
    seed : int
        For velocities, thermostat and barostat of this start of the run.
    session : PlumedSession, optional
        For bias plumed.
    """

    def __init__(
        self, config: RunConfig, atoms: Atoms, cv: Any | None, seed: int, session: PlumedSession | None = None
    ) -> None:
        self.config = config
        turned = to_openmm_frame(atoms)
        self.periodic = bool(atoms.pbc.all())
        self.system = build_system(config, turned)
        self.frame = whole_molecules(self.system, turned)
        self.evaluator = None if cv is None else CvEvaluator(cv, atoms.get_chemical_symbols(), self.periodic)
        self.extra = RowColumns(config, cv, atoms.get_chemical_symbols())
        self.metadynamics: Metadynamics | None = None
        self._bias_groups: set[int] = set()
        self.plumed = None if session is None else self._add_plumed(session)
        self._add_bias()
        every = config.cv_every if self._bias_groups else 1
        barostat_stride = add_barostat(config, self.system, seed, every)
        self.integrator = build_integrator(config, self.system, self._bias_groups)
        if hasattr(self.integrator, "setRandomNumberSeed"):
            self.integrator.setRandomNumberSeed(seed)
        platform = openmm.Platform.getPlatformByName(config.platform)
        properties = {"Threads": str(config.threads)} if config.platform == "CPU" else {}
        self.context = openmm.Context(self.system, self.integrator, platform, properties)
        self._masses = np.array(
            [self.system.getParticleMass(k).value_in_unit(unit.dalton) for k in range(len(self.frame))]
        )
        self._impulses: Impulses | None = None
        if every > 1 and config.ensemble != "nve":
            self._impulses = Impulses(
                self.context, self.integrator, self._bias_groups, every, barostat_stride
            )
        self._every = every
        self._step = 0
        with self._original_error():
            self._start(seed)

    def _start(self, seed: int) -> None:
        self.context.setPositions(self.frame.positions / 10.0)
        if self.config.start.velocities == "structure":
            if not self.frame.has("momenta"):
                raise InvalidArgument(
                    f"{self.config.start.structure} has no velocities; take velocities: thermal"
                )
            self.context.setVelocities(self.frame.get_velocities() * units.fs * 100.0)  # A/fs to nm/ps
            return
        self.context.setVelocitiesToTemperature(self.config.temperature_kelvin, seed)
        if self.config.ensemble == "nve":
            velocities = self.context.getState(velocities=True).getVelocities(asNumpy=True)._value
            self.context.setVelocities(velocities - np.average(velocities, axis=0, weights=self._masses))

    def _add_bias(self) -> None:
        """Add the bias and the walls, each kind in a force group of its own."""
        bias, walls = self.config.bias, self.config.walls
        if self.evaluator is None:
            if self.config.biased:
                raise InvalidArgument("a bias or a wall needs a collective variable: give cv")
            return
        if walls:
            self._add_static(
                [(wall.cv, (wall.side, wall.at)) for wall in walls],
                " + ".join(
                    f"{0.5 * wall.kappa_kj_mol!r}"
                    f"*{'max' if wall.side == 'upper' else 'min'}(0, cv{k} - ({wall.at!r}))^2"
                    for k, wall in enumerate(walls)
                ),
            )
        if isinstance(bias, Harmonic):
            self._add_static([(bias.cv, None)], f"{0.5 * bias.kappa_kj_mol!r}*(cv0 - ({bias.center!r}))^2")
        elif isinstance(bias, Linear):
            self._add_static([(bias.cv, None)], f"({bias.slope_kj_mol!r})*cv0")
        elif isinstance(bias, Learned):
            self._add_static([(bias.cv, None)], f"{KJ_MOL_PER_EV!r}*cv0")
        elif isinstance(bias, MetadynamicsConfig):
            self._add_metadynamics(bias, self.evaluator)

    def _add_plumed(self, session: PlumedSession) -> PlumedForce:
        temperature = self.config.temperature_kelvin
        session.start(
            len(self.frame), self.config.timestep_fs / 1000.0,
            None if temperature is None else GAS_CONSTANT * temperature, "gnncv-openmm",
            self.config.threads,
        )  # fmt: skip
        plumed = PlumedForce(session, self.system, self.periodic)
        group = _free_group(self.system)
        plumed.add_to(self.system, group)
        self._bias_groups.add(group)
        return plumed

    def _add_static(self, variables: list[tuple[str, tuple[str, float] | None]], energy: str) -> None:
        assert self.evaluator is not None
        force = openmm.CustomCVForce(energy)
        for k, (name, beyond) in enumerate(variables):
            force.addCollectiveVariable(f"cv{k}", cv_force(self.evaluator, name, beyond))
        force.setForceGroup(_free_group(self.system))
        self.system.addForce(force)
        self._bias_groups.add(force.getForceGroup())

    def _add_metadynamics(self, bias: MetadynamicsConfig, evaluator: CvEvaluator) -> None:
        temperature = self.config.temperature_kelvin or 0.0
        self.range = choose_range(bias, temperature, len(self.frame))
        variable = openmm.app.BiasVariable(
            cv_force(evaluator, bias.cv), self.range.minimum, self.range.maximum, bias.sigma,
            gridWidth=self.range.points,
        )  # fmt: skip
        self.metadynamics = Metadynamics(
            self.system, variable, temperature, bias.biasfactor, bias.height_kj_mol, bias.pace,
            self.range.wall_kappa,
        )  # fmt: skip
        self._bias_groups.add(self.metadynamics.force_group)

    def _original_error(self) -> AbstractContextManager[None]:
        sources: list[CvEvaluator | PlumedSession] = []
        if self.evaluator is not None:
            sources.append(self.evaluator)
        if self.plumed is not None:
            sources.append(self.plumed.session)
        return _original_errors(sources)

    @property
    def step(self) -> int:
        """Steps of `timestep_fs` done so far."""
        return self._step

    @property
    def time_ps(self) -> float:
        """Time of the current step."""
        return self._step * self.config.timestep_fs / 1000.0

    def connect(self, hills: HillsWriter | None, directory: Path | None, walker: int) -> None:
        """Say where hills are written and shared."""
        if self.metadynamics is not None:
            self.metadynamics.hills = hills
            if directory is not None:
                bias = self.config.bias
                assert isinstance(bias, MetadynamicsConfig)
                self.metadynamics.shared = SharedBias(
                    directory, walker, self.range.facts(bias.cv, bias.sigma)
                )
                self.metadynamics.exchange(self.context)

    def advance(self, steps: int) -> None:
        """Integrate a number of steps of `timestep_fs`, a multiple of `cv_every` when there is a bias."""
        with self._original_error():
            if self._impulses is not None:
                self._advance_by_impulses(steps, self._impulses)
            elif self.plumed is not None:
                self._advance_with_plumed(steps, self.plumed)
            else:
                self.integrator.step(steps // self._every)  # one of velocity Verlet with RESPA is cv_every
                self._step += steps

    def _advance_by_impulses(self, steps: int, impulses: Impulses) -> None:
        plumed = self.plumed
        for _ in range(steps // self._every):
            if plumed is None:
                impulses.advance()
            else:
                plumed.step = self._step
                impulses.advance(partial(plumed.session.update, self._step))
            self._step += self._every
        if plumed is not None:
            plumed.step = self._step

    def _advance_with_plumed(self, steps: int, plumed: PlumedForce) -> None:
        """Integrate, with PLUMED's update after each step: for the configuration that the step began with."""
        for _ in range(steps):
            plumed.step = self._step
            self.integrator.step(1)
            plumed.session.update(self._step)
            self._step += 1
        plumed.step = self._step

    def deposit(self) -> None:
        """Add a hill at the current configuration."""
        if self.metadynamics is not None:
            with self._original_error():
                self.metadynamics.deposit(self.context, self.time_ps)

    def exchange(self) -> None:
        """Publish this walker's hills and take in those of the others."""
        if self.metadynamics is not None:
            self.metadynamics.exchange(self.context)

    def columns(self) -> list[str]:
        """Columns of COLVAR."""
        names = [] if self.evaluator is None else list(self.evaluator.cv.names)
        bias = ["bias_kj_mol"] if self._bias_groups else []
        return [
            "time",
            *names,
            *self.extra.names(),
            *bias,
            "potential_kj_mol",
            "temperature_kelvin",
            *(["volume"] if self.periodic else []),
        ]

    def observe(self) -> dict[str, float]:
        """Time, outputs of the CV, bias, potential energy without bias, temperature, volume (A^3)."""
        row, bias_energy = {"time": self.time_ps}, 0.0
        if self.evaluator is not None:
            state = self.context.getState(positions=True)
            positions = state.getPositions(asNumpy=True)._value
            box = state.getPeriodicBoxVectors(asNumpy=True)._value if self.periodic else None
            bias = self.config.bias  # the next step asks for its gradient: compute it along
            gradients = () if bias is None or isinstance(bias, Plumed) else (bias.cv,)
            result = self.evaluator.evaluate(positions, box, gradients, once=self.extra.squares)
            row |= {name: float(result[name]) for name in self.evaluator.cv.names}
            row |= self.extra.values(result, *self.evaluator.geometry(positions, box))
        with self._original_error():
            if self._bias_groups:
                state = self.context.getState(energy=True, groups=self._bias_groups)
                bias_energy = row["bias_kj_mol"] = state.getPotentialEnergy()._value
            # all groups: OpenMM moves leapfrog velocities to the time of the positions with these forces
            state = self.context.getState(energy=True)
        row["potential_kj_mol"] = state.getPotentialEnergy()._value - bias_energy
        free = 3 * int(np.count_nonzero(self._masses)) - self.system.getNumConstraints()
        free -= 3 if self.config.ensemble == "nve" else 0
        row["temperature_kelvin"] = 2.0 * state.getKineticEnergy()._value / (max(free, 1) * GAS_CONSTANT)
        if self.periodic:
            row["volume"] = 1000.0 * state.getPeriodicBoxVolume()._value
        return row

    def snapshot(self) -> Atoms:
        """The current configuration, not wrapped into the box."""
        state = self.context.getState(positions=True)
        frame = self.frame.copy()
        frame.positions = state.getPositions(asNumpy=True)._value * 10.0
        if self.periodic:
            frame.set_cell(state.getPeriodicBoxVectors(asNumpy=True)._value * 10.0)
        return frame

    def save(self) -> tuple[dict[str, bytes], dict[str, Any]]:
        """State as XML, OpenMM's own checkpoint where it fits again, and this walker's bias."""
        if self.plumed is not None:
            self._evaluate_plumed(self.plumed)
            self.plumed.session.update(self._step, checkpoint=True)
        state = self.context.getState(
            positions=True, velocities=True, parameters=True, integratorParameters=True
        )
        files = {
            "state.xml": openmm.XmlSerializer.serialize(state).encode(),
            "checkpoint.bin": self._checkpoint(),
        }
        facts: dict[str, Any] = {
            "step": self._step,
            "openmm": openmm.__version__,
            "platform": self.config.platform,
        }
        if self.metadynamics is not None:
            buffer = io.BytesIO()
            np.save(buffer, self.metadynamics.own_bias)
            files["own_bias.npy"] = buffer.getvalue()
            facts |= {"n_hills": self.metadynamics.n_hills, "n_outside": self.metadynamics.n_outside}
        if self.plumed is not None:
            more_files, more_facts = save_session(self.plumed.session)
            return files | more_files, facts | more_facts
        return files, facts

    def _checkpoint(self) -> bytes:
        groups = {force.getForceGroup() for force in self.system.getForces()} - self._bias_groups
        return make_checkpoint(self.context, groups)

    def _evaluate_plumed(self, plumed: PlumedForce) -> None:
        plumed.step = self._step
        with self._original_error():
            plumed.evaluate(self.context.getState(positions=True))

    def restore(self, files: dict[str, bytes], facts: dict[str, Any]) -> None:
        """Go on from a restart point.

        OpenMM's checkpoint (with its random numbers) is used where version and platform are the same; the
        XML state is what always works, and then the thermostat draws new random numbers.
        """
        state = openmm.XmlSerializer.deserialize(files["state.xml"].decode())
        same = (facts["openmm"], facts["platform"]) == (openmm.__version__, self.config.platform)
        try:
            if same:
                self.context.loadCheckpoint(files["checkpoint.bin"])
            else:
                self.context.setState(state)
        except openmm.OpenMMException:
            self.context.setState(state)
        self._checkpoint()
        self._step = int(facts["step"])
        if self.plumed is not None:
            self._evaluate_plumed(self.plumed)
            self.plumed.session.resume(self._step)
        if self.metadynamics is not None:
            own = np.load(io.BytesIO(files["own_bias.npy"]), allow_pickle=False)
            self.metadynamics.restore(own, int(facts["n_hills"]), int(facts["n_outside"]), self.context)

    def performance(self) -> dict[str, float | int]:
        """Cost of the CV since the start of this process."""
        seconds, evaluations, reused = 0.0, 0, 0
        rebuilds = 0 if self.evaluator is None else self.evaluator.n_rebuilds
        for here in (self.evaluator, None if self.plumed is None else self.plumed.session):
            if here is not None:
                seconds += here.seconds
                evaluations += here.n_evaluations
                reused += here.n_reused
        return {
            "seconds_cv": seconds, "n_evaluations": evaluations, "n_reused": reused, "n_rebuilds": rebuilds,
        }  # fmt: skip

    def about(self) -> dict[str, Any]:
        """Platform, versions, the range of the bias."""
        facts: dict[str, Any] = {
            "engine": "openmm", "openmm": openmm.__version__,
            "platform": self.context.getPlatform().getName(),
            "integrator": type(self.integrator).__name__,
        }  # fmt: skip
        if self.metadynamics is not None:
            facts |= {
                "bias_min": self.range.minimum,
                "bias_max": self.range.maximum,
                "bias_grid": self.range.points,
            }
            facts |= {"n_hills": self.metadynamics.n_hills, "n_hills_outside": self.metadynamics.n_outside}
        return facts


@contextmanager
def _original_errors(sources: list[CvEvaluator | PlumedSession]) -> Iterator[None]:
    """Raise what the CV or PLUMED raised, not OpenMM's text of it."""
    for source in sources:
        source.error = None
    try:
        yield
    except Exception:
        for source in sources:
            if isinstance(source.error, GnncvError):
                raise source.error from None
        raise


def _free_group(system: openmm.System) -> int:
    used = {force.getForceGroup() for force in system.getForces()}
    free = set(range(32)) - used
    if not free:
        raise InvalidArgument("all 32 force groups of the system are used; the bias needs one of its own")
    return max(free)
