"""Runs with ASE: any calculator, any bias."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import ase
import numpy as np
from ase import Atoms, units
from ase.md.langevinbaoab import LangevinBAOAB
from ase.md.verlet import VelocityVerlet
from numpy.typing import NDArray

from gnncv.analysis.thermal import KJ_MOL_PER_EV
from gnncv.engines.ase import BiasedCalculator
from gnncv.engines.bias import Bias, Harmonic, HillGrid, Linear, Scaled, Sum, Wall
from gnncv.engines.config import Harmonic as HarmonicConfig
from gnncv.engines.config import Learned, LennardJonesSystem, Metadynamics, OpenmmXmlSystem, RunConfig
from gnncv.engines.config import Linear as LinearConfig
from gnncv.engines.lennard_jones import LennardJones, check_species
from gnncv.engines.metadynamics_range import GAS_CONSTANT, choose_range
from gnncv.engines.plumed_calculator import ASE_UNITS, PlumedCalculator
from gnncv.engines.plumed_session import PlumedSession
from gnncv.engines.plumed_start import save_session
from gnncv.engines.row_columns import RowColumns
from gnncv.engines.walkers import SharedBias
from gnncv.errors import InvalidArgument
from gnncv.files import HillsWriter

Array = NDArray[np.float64]
KJ_MOL = units.kJ / units.mol
BAR = 1e5 * units.Pascal
_CELL_RELAXATION = 2000.0 * units.fs


class AseEngine:
    """A run with ASE; see `gnncv.engines.engine.Engine` for its methods.

    NVE is velocity Verlet; NVT is Langevin BAOAB; NPT is its isotropic Langevin-Hoover form (Quigley and
    Probert, J. Chem. Phys. 120, 11432, 2004, doi:10.1063/1.1755657), which uses the stress of base and bias.

    Parameters
    ----------
    config, atoms, cv, seed, session
        As for `OpenmmEngine`.
    """

    def __init__(
        self, config: RunConfig, atoms: Atoms, cv: Any | None, seed: int, session: PlumedSession | None = None
    ) -> None:
        self.config = config
        self.atoms = atoms.copy()
        self.cv = cv
        self.rng = np.random.default_rng(seed)
        self.hills: HillsWriter | None = None
        self.shared: SharedBias | None = None
        self.n_hills = 0
        self.grid: HillGrid | None = None
        self._step = 0
        self.base = self._make_base()
        self.plumed = None if session is None else self._make_plumed(session)
        below = self.base if self.plumed is None else self.plumed
        bias = self._make_bias()
        self.biased = None if bias is None else BiasedCalculator(below, cv, Scaled(bias, KJ_MOL))
        self.atoms.calc = below if self.biased is None else self.biased
        if cv is not None:
            cv.bind(self.atoms.get_chemical_symbols())
        self.extra = RowColumns(config, cv, self.atoms.get_chemical_symbols())
        self._start()
        self.dynamics = self._make_dynamics()

    def _make_base(self) -> Any:
        system = self.config.system
        if isinstance(system, LennardJonesSystem):
            symbols = self.atoms.get_chemical_symbols()
            check_species(system.species, symbols)
            masses = self.atoms.get_masses()
            for k, symbol in enumerate(symbols):
                masses[k] = system.species[symbol].mass_dalton or masses[k]
            self.atoms.set_masses(masses)
            return LennardJones(system)
        if isinstance(system, OpenmmXmlSystem):
            raise InvalidArgument("system openmm-xml needs engine openmm")
        return load_factory(system.factory)(**system.arguments)

    def _make_plumed(self, session: PlumedSession) -> PlumedCalculator:
        if self.atoms.pbc.any() and self.atoms.cell.rank < 3:
            raise InvalidArgument("bias plumed needs three box vectors, also where one is not periodic")
        temperature = self.config.temperature_kelvin
        session.start(
            len(self.atoms), self.config.timestep_fs / 1000.0,
            None if temperature is None else GAS_CONSTANT * temperature, "gnncv-ase",
            self.config.threads, ASE_UNITS,
        )  # fmt: skip
        return PlumedCalculator(self.base, session, with_stress=self.config.ensemble == "npt")

    def _make_bias(self) -> Bias | None:
        """The bias of ours and the walls together, in kJ/mol."""
        parts: list[Bias] = []
        bias = self.config.bias
        if isinstance(bias, HarmonicConfig):
            parts.append(Harmonic(bias.cv, bias.center, bias.kappa_kj_mol))
        elif isinstance(bias, LinearConfig):
            parts.append(Linear(bias.cv, bias.slope_kj_mol))
        elif isinstance(bias, Learned):
            parts.append(Linear(bias.cv, KJ_MOL_PER_EV))
        elif isinstance(bias, Metadynamics):
            temperature = self.config.temperature_kelvin or 0.0
            self.range = choose_range(bias, temperature, len(self.atoms))
            self.grid = HillGrid(
                bias.cv, bias.sigma, bias.height_kj_mol, GAS_CONSTANT * temperature * (bias.biasfactor - 1.0),
                self.range.minimum, self.range.maximum, self.range.points, self.range.wall_kappa,
            )  # fmt: skip
            parts.append(self.grid)
        parts += [Wall(wall.cv, wall.side, wall.at, wall.kappa_kj_mol) for wall in self.config.walls]
        return Sum(parts) if parts else None

    def _start(self) -> None:
        if self.config.start.velocities == "structure":
            if not self.atoms.has("momenta"):
                raise InvalidArgument(
                    f"{self.config.start.structure} has no velocities; take velocities: thermal"
                )
            return
        widths = np.sqrt(self.atoms.get_masses() * units.kB * (self.config.temperature_kelvin or 0.0))
        momenta = widths[:, None] * self.rng.standard_normal((len(self.atoms), 3))
        if self.config.ensemble == "nve":  # at rest as a whole
            masses = self.atoms.get_masses()[:, None]
            momenta -= masses * momenta.sum(axis=0) / masses.sum()
        self.atoms.set_momenta(momenta)

    def _make_dynamics(self) -> Any:
        config = self.config
        step = config.timestep_fs * units.fs
        if config.ensemble == "nve":
            return VelocityVerlet(self.atoms, step)
        relaxation = 1000.0 * units.fs / config.friction_per_ps
        options: dict[str, Any] = {}
        if config.ensemble == "npt":
            if not self.atoms.pbc.all():
                raise InvalidArgument("ensemble npt needs a box that is periodic in all directions")
            options = {
                "externalstress": -(config.pressure_bar or 0.0) * BAR,
                "hydrostatic": True,
                "P_tau": _CELL_RELAXATION,
                "P_mass": (_CELL_RELAXATION / 4.0 / (1.66 * units.fs) * len(self.atoms) ** (1 / 6))
                ** 2,  # ASE's own rule
            }
        return LangevinBAOAB(
            self.atoms,
            step,
            temperature_K=config.temperature_kelvin,
            T_tau=relaxation,
            rng=self.rng,
            **options,
        )

    @property
    def step(self) -> int:
        """Steps done so far."""
        return self._step

    @property
    def time_ps(self) -> float:
        """Time of the current step."""
        return self._step * self.config.timestep_fs / 1000.0

    def connect(self, hills: HillsWriter | None, directory: Path | None, walker: int) -> None:
        """Say where hills are written and shared."""
        bias = self.config.bias
        if self.grid is not None and isinstance(bias, Metadynamics):
            self.hills = hills
            if directory is not None:
                self.shared = SharedBias(directory, walker, self.range.facts(bias.cv, bias.sigma))
                self.exchange()

    def advance(self, steps: int) -> None:
        """Integrate a number of steps."""
        for _ in range(steps):
            if self.plumed is not None:
                self._update_plumed()
                self.plumed.step = self._step + 1
            self.dynamics.step()
            self._step += 1

    def _update_plumed(self, checkpoint: bool = False) -> None:
        """Let PLUMED add hills and write rows for the current step, once."""
        if self.plumed is not None:
            self.atoms.get_forces()
            self.plumed.session.update(self._step, checkpoint)

    def _bias_changed(self) -> None:
        """Make the dynamics feel the bias as it is now, at the configuration it has."""
        if self.biased is not None:
            self.biased.bias_changed()
        if isinstance(self.dynamics, LangevinBAOAB):  # it keeps the accelerations of its last step
            self.dynamics._update_accel()
            if self.dynamics.externalstress is not None:
                self.dynamics._update_force_eps()

    def deposit(self) -> None:
        """Add a hill at the current configuration."""
        if self.grid is None or self.biased is None:
            return
        self.atoms.get_forces()
        hill = self.grid.deposit(self.biased.results["cv"][self.grid.outputs[0]])
        if hill is not None:
            self.n_hills += 1
            if self.hills is not None:
                self.hills.write(self.time_ps, hill.center, hill.sigma, hill.height)
            self._bias_changed()

    def exchange(self) -> None:
        """Publish this walker's hills and take in those of the others."""
        if self.grid is not None and self.shared is not None:
            self.shared.publish(self.grid.own)
            if self.shared.read_others():
                self.grid.set_bias(self.grid.own, self.shared.total(self.grid.own))
                self._bias_changed()

    def columns(self) -> list[str]:
        """Columns of COLVAR."""
        names = [] if self.cv is None else list(self.cv.names)
        bias = ["bias_kj_mol"] if self.biased is not None or self.plumed is not None else []
        volume = ["volume"] if self.atoms.pbc.all() else []
        return ["time", *names, *self.extra.names(), *bias, "potential_kj_mol", "temperature_kelvin", *volume]

    def observe(self) -> dict[str, float]:
        """Time, outputs of the CV, bias, potential energy without bias, temperature, volume (A^3)."""
        row = {"time": self.time_ps}
        total = energy = float(self.atoms.get_potential_energy())
        if self.biased is not None:
            row |= self.biased.results["cv"]
            energy = self.biased.results["base_energy"]
        if self.cv is not None and (self.biased is None or self.extra.names()):
            geometry = self.atoms.positions, np.array(self.atoms.cell), np.asarray(self.atoms.pbc)
            result = self.cv.compute(*geometry, outputs=self.extra.squares)
            row |= {name: float(result[name]) for name in result.names}
            row |= self.extra.values(result, *geometry)
        if self.plumed is not None:
            energy = self.plumed.results["base_energy"]
        if self.biased is not None and self.plumed is None:
            row["bias_kj_mol"] = self.biased.results["bias_energy"] / KJ_MOL
        elif self.plumed is not None:
            row["bias_kj_mol"] = (total - energy) / KJ_MOL
        row["potential_kj_mol"] = energy / KJ_MOL
        free = 3 * len(self.atoms) - (3 if self.config.ensemble == "nve" else 0)
        row["temperature_kelvin"] = 2.0 * self.atoms.get_kinetic_energy() / (max(free, 1) * units.kB)
        if self.atoms.pbc.all():
            row["volume"] = float(self.atoms.get_volume())
        return row

    def snapshot(self) -> Atoms:
        """The current configuration, not wrapped into the box."""
        return self.atoms

    def save(self) -> tuple[dict[str, bytes], dict[str, Any]]:
        """Positions, momenta, box, momentum of the box and bias, exactly; random numbers as plain values."""
        self._update_plumed(checkpoint=True)
        arrays = {
            "positions": self.atoms.positions, "momenta": self.atoms.get_momenta(),
            "cell": np.array(self.atoms.cell),
            "cell_momentum": np.asarray(getattr(self.dynamics, "p_eps", 0.0)),
            "cell_force": np.asarray(getattr(self.dynamics, "force_eps", 0.0)),
        }  # fmt: skip
        if self.grid is not None:
            arrays["own_bias"] = self.grid.own
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        facts = {
            "step": self._step,
            "n_hills": self.n_hills,
            "random": json.dumps(self.rng.bit_generator.state),
        }
        facts["n_outside"] = 0 if self.grid is None else self.grid.n_outside
        files = {"state.npz": buffer.getvalue()}
        if self.plumed is not None:
            more_files, more_facts = save_session(self.plumed.session)
            return files | more_files, facts | more_facts
        return files, facts

    def restore(self, files: dict[str, bytes], facts: dict[str, Any]) -> None:
        """Go on from a restart point, as if there had been no stop."""
        with np.load(io.BytesIO(files["state.npz"]), allow_pickle=False) as saved:
            self.atoms.set_cell(saved["cell"], scale_atoms=False)
            self.atoms.positions[:] = saved["positions"]
            self.atoms.set_momenta(saved["momenta"])
            cell_motion = float(saved["cell_momentum"]), float(saved["cell_force"])
            if self.grid is not None:
                self.grid.set_bias(saved["own_bias"], saved["own_bias"])
                self.grid.n_outside = int(facts["n_outside"])
        self.rng.bit_generator.state = json.loads(facts["random"])
        self._step, self.n_hills = int(facts["step"]), int(facts["n_hills"])
        if self.plumed is not None:
            self.plumed.step = self._step
            self.plumed.reset()
        self._bias_changed()
        if self.plumed is not None:
            self.atoms.get_forces()
            self.plumed.session.resume(self._step)
        if self.config.ensemble == "npt":
            # the force on the cell is that of its last half step, with the velocities of that time
            self.dynamics.p_eps, self.dynamics.force_eps = cell_motion

    def performance(self) -> dict[str, float | int]:
        """Cost of the CV since the start of this process."""
        seconds, evaluations, reused, rebuilds = 0.0, 0, 0, 0
        if self.biased is not None:
            seconds, evaluations = self.biased.seconds_cv, self.biased.n_evaluations
            rebuilds = self.biased.n_rebuilds
        if self.plumed is not None:
            session = self.plumed.session
            seconds, evaluations = seconds + session.seconds, evaluations + session.n_evaluations
            reused = session.n_reused
        return {
            "seconds_cv": seconds, "n_evaluations": evaluations, "n_reused": reused, "n_rebuilds": rebuilds,
        }  # fmt: skip

    def about(self) -> dict[str, Any]:
        """Versions and the range of the bias."""
        facts: dict[str, Any] = {
            "engine": "ase", "ase": ase.__version__, "platform": type(self.base).__name__,
            "integrator": type(self.dynamics).__name__,
        }  # fmt: skip
        if self.grid is not None:
            facts |= {
                "bias_min": self.range.minimum,
                "bias_max": self.range.maximum,
                "bias_grid": self.range.points,
            }
            facts |= {"n_hills": self.n_hills, "n_hills_outside": self.grid.n_outside}
        return facts


def load_factory(text: str) -> Callable[..., Any]:
    """The function that "module:name" names."""
    module_name, _, name = text.partition(":")
    try:
        found: Any = import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise InvalidArgument(f"system.factory {text!r} cannot be imported: {error}") from None
    if not callable(found):
        raise InvalidArgument(f"system.factory {text!r} is not callable")
    made: Callable[..., Any] = found
    return made
