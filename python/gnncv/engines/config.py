"""The configuration of a run: what a RUN.yaml may say, checked before anything is computed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gnncv.configuration import load_configuration, validate_configuration
from gnncv.plumed import PlumedInput

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A part of the configuration; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Start(Section):
    """The first configuration: any file ASE reads, and where velocities come from."""

    structure: Path
    index: int = 0
    velocities: Literal["thermal", "structure"] = "thermal"


class LennardJonesSpecies(Section):
    """Parameters of one species; the mass defaults to the element's."""

    sigma_angstrom: Positive
    epsilon_kj_mol: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    mass_dalton: Positive | None = None


class LennardJonesSystem(Section):
    """Lennard-Jones particles with Lorentz-Berthelot mixing, cut off, with or without tail correction."""

    kind: Literal["lennard-jones"]
    species: Annotated[dict[str, LennardJonesSpecies], Field(min_length=1)]
    cutoff_angstrom: Positive
    switch_angstrom: Positive | None = None
    tail_correction: bool = True

    @model_validator(mode="after")
    def _switch_below_cutoff(self) -> LennardJonesSystem:
        if self.switch_angstrom is not None and self.switch_angstrom >= self.cutoff_angstrom:
            raise ValueError("switch_angstrom must be smaller than cutoff_angstrom")
        return self


class OpenmmXmlSystem(Section):
    """An OpenMM System saved by `openmm.XmlSerializer`."""

    kind: Literal["openmm-xml"]
    file: Path


class CalculatorSystem(Section):
    """An ASE calculator, made by calling ``factory`` ("module:function") with ``arguments``."""

    kind: Literal["calculator"]
    factory: Annotated[str, Field(pattern=r"^[\w.]+:[\w.]+$")]
    arguments: dict[str, Any] = {}


class Metadynamics(Section):
    """Well-tempered metadynamics on one output of the CV, on a grid from `min` to `max`.

    Outside [min, max] the bias keeps its edge value, a harmonic wall of `wall_kappa_kj_mol` pushes back
    (None: 10 kT / sigma^2) and no hills are added.
    """

    kind: Literal["metadynamics"]
    cv: str
    sigma: Positive
    height_kj_mol: Positive
    pace: Count
    biasfactor: Annotated[float, Field(gt=1, allow_inf_nan=False)]
    min: Finite | None = None
    max: Finite | None = None
    grid: Annotated[int, Field(ge=3)] | None = None
    wall_kappa_kj_mol: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _range(self) -> Metadynamics:
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError(f"min ({self.min}) must be below max ({self.max})")
        return self


class Harmonic(Section):
    """V = kappa/2 (cv - center)^2."""

    kind: Literal["harmonic"]
    cv: str
    center: Finite
    kappa_kj_mol: Finite


class Linear(Section):
    """V = slope * cv."""

    kind: Literal["linear"]
    cv: str
    slope_kj_mol: Finite


class Learned(Section):
    """The energy that the model file itself has as an output, of `gnncv bias`: a static bias."""

    kind: Literal["learned"]
    cv: str = "bias"


class Plumed(Section):
    """Whatever a PLUMED input says: a file, or its text under `lines`.

    PLUMED works in the folder `plumed` of the output, so that is where its files are. Files that the input
    reads are looked for beside it.
    """

    kind: Literal["plumed"]
    input: Path | None = None
    lines: str | None = None
    folder: Path = Path(".")

    @model_validator(mode="after")
    def _one_source(self) -> Plumed:
        if (self.input is None) == (self.lines is None):
            raise ValueError("give input (a file) or lines (the text itself), one of them")
        return self

    def source(self) -> PlumedInput:
        """The input, read."""
        if self.input is not None:
            return PlumedInput.from_file(self.input)
        return PlumedInput(self.lines or "", self.folder.absolute())


class Wall(Section):
    """V = kappa/2 (cv - at)^2 beyond `at`, zero before: PLUMED's UPPER_WALLS and LOWER_WALLS."""

    cv: str
    side: Literal["upper", "lower"] = "upper"
    at: Finite
    kappa_kj_mol: Positive


class Walkers(Section):
    """Several runs on one bias: they share `directory`; `id` is drawn once and stored when not given."""

    directory: Path
    id: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    sync_stride: Count | None = None


class StopWhen(Section):
    """End the run when an independent order parameter (never the CV) is below or above a value.

    It must hold for `rows` rows of COLVAR in succession, so that one fluctuation does not end a run.
    """

    order_parameter: Literal["q6", "Q6"]
    below: Finite | None = None
    above: Finite | None = None
    rows: Count = 1

    @model_validator(mode="after")
    def _bounded(self) -> StopWhen:
        if self.below is None and self.above is None:
            raise ValueError("give below or above, or both")
        return self


Bias = Annotated[Metadynamics | Harmonic | Linear | Learned | Plumed, Field(discriminator="kind")]
System = Annotated[LennardJonesSystem | OpenmmXmlSystem | CalculatorSystem, Field(discriminator="kind")]

# What may differ between a run and its continuation: where it runs and how long, not what it computes.
NOT_IDENTITY = {"steps", "threads", "platform", "output", "restart", "cv", "start", "walkers", "stop_when"}
COLUMNS = {"gradnorm2", "committee"}  # named only where they are asked for, as runs made before have them


class RunConfig(Section):
    """Everything a run needs; paths are relative to the folder of the YAML file.

    Raises
    ------
    InvalidArgument
        By `from_yaml` and `from_dict`, with the key and the allowed values.
    """

    engine: Literal["openmm", "ase"]
    cv: Path | None = None
    start: Start
    system: System
    output: Path
    steps: Annotated[int, Field(ge=0)]
    timestep_fs: Positive
    ensemble: Literal["nvt", "npt", "nve"] = "nvt"
    temperature_kelvin: Positive | None = None
    pressure_bar: Finite | None = None
    friction_per_ps: Positive = 1.0
    barostat_stride: Count = 25
    bias: Bias | None = None
    walls: tuple[Wall, ...] = ()
    cv_every: Count = 1
    gradnorm2: tuple[str, ...] = ()
    committee: tuple[Path, ...] = ()
    colvar_stride: Count = 100
    trajectory_stride: Count = 1000
    checkpoint_stride: Count = 5000
    order_parameter_stride: Count | None = None
    order_parameter_cutoff_angstrom: Positive | None = None
    stop_when: StopWhen | None = None
    walkers: Walkers | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    restart: Literal["auto", "never", "require"] = "auto"
    threads: Count = 1
    platform: Literal["CPU", "Reference"] = "CPU"

    @field_validator("bias", mode="before")
    @classmethod
    def _no_bias(cls, value: Any) -> Any:
        return None if value == "none" or value == {"kind": "none"} else value

    @field_validator("start", mode="before")
    @classmethod
    def _plain_start(cls, value: Any) -> Any:
        return {"structure": value} if isinstance(value, str | Path) else value

    @model_validator(mode="after")
    def _consistent(self) -> RunConfig:
        for problem in _problems(self):
            raise ValueError(problem)
        return self

    @property
    def biased(self) -> list[str]:
        """Outputs of the CV that some potential of ours acts on, without repeats."""
        names = [] if self.bias is None or isinstance(self.bias, Plumed) else [self.bias.cv]
        return list(dict.fromkeys([*names, *(wall.cv for wall in self.walls)]))

    @property
    def order_stride(self) -> int:
        """Steps between two evaluations of the order parameters."""
        return self.order_parameter_stride or self.colvar_stride

    @property
    def sync_stride(self) -> int:
        """Steps between two exchanges with the other walkers."""
        pace = self.bias.pace if isinstance(self.bias, Metadynamics) else 1
        return (self.walkers.sync_stride if self.walkers else None) or 10 * pace

    def identity(self) -> dict[str, Any]:
        """What must be equal for a run to be continued, as plain values; an XML system by its content."""
        facts: dict[str, Any] = json.loads(self.model_dump_json(exclude=NOT_IDENTITY))
        facts = {key: value for key, value in facts.items() if key not in COLUMNS or value}
        if self.committee:
            facts["committee"] = [hashlib.sha256(path.read_bytes()).hexdigest() for path in self.committee]
        if isinstance(self.system, OpenmmXmlSystem):
            facts["system"]["file"] = hashlib.sha256(self.system.file.read_bytes()).hexdigest()
        if isinstance(self.bias, Plumed):
            facts["bias"] = {"kind": "plumed", **self.bias.source().identity()}
        return facts

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], folder: Path | None = None) -> RunConfig:
        """Check plain values; relative paths are taken from `folder` when it is given."""
        return validate_configuration(values, cls, source="run", folder=folder)

    @classmethod
    def from_yaml(cls, path: str | Path) -> RunConfig:
        """Read and check a YAML file; every problem names line, key and allowed values."""
        return load_configuration(path, cls)

    def to_yaml(self) -> str:
        """The configuration as YAML text, defaults included."""
        return yaml.safe_dump(json.loads(self.model_dump_json()), sort_keys=False)


def _problems(config: RunConfig) -> list[str]:
    """What is wrong between keys; the first is reported."""
    found = []
    if config.temperature_kelvin is None and (
        config.ensemble != "nve" or config.start.velocities == "thermal"
    ):
        found.append("temperature_kelvin is needed for nvt and npt and for thermal velocities")
    if (config.ensemble == "npt") != (config.pressure_bar is not None):
        found.append("pressure_bar goes with ensemble npt, and only with it")
    if isinstance(config.bias, Metadynamics) and config.ensemble == "nve":
        found.append("bias metadynamics needs a temperature bath: ensemble nvt or npt")
    if config.walkers is not None and not isinstance(config.bias, Metadynamics):
        found.append("walkers share a metadynamics bias; this run has none")
    if config.engine == "ase" and isinstance(config.system, OpenmmXmlSystem):
        found.append("system openmm-xml needs engine openmm")
    if config.engine == "openmm" and isinstance(config.system, CalculatorSystem):
        found.append("system calculator needs engine ase")
    if config.engine == "ase" and config.cv_every != 1:
        found.append("cv_every above 1 (multiple time steps) needs engine openmm")
    if isinstance(config.bias, Plumed) and config.cv_every != 1 and config.ensemble == "nve":
        found.append("cv_every above 1 with bias plumed needs a temperature bath: ensemble nvt or npt")
    if (config.biased or isinstance(config.bias, Plumed)) and config.cv_every > 1:
        strides = {"steps": config.steps, "colvar_stride": config.colvar_stride}
        strides |= {
            "trajectory_stride": config.trajectory_stride,
            "checkpoint_stride": config.checkpoint_stride,
        }
        if isinstance(config.bias, Metadynamics):
            strides["bias.pace"] = config.bias.pace
        found += [
            f"{key} ({value}) must be a multiple of cv_every ({config.cv_every})"
            for key, value in strides.items()
            if value % config.cv_every
        ]
    if config.order_stride % config.colvar_stride:
        found.append("order_parameter_stride must be a multiple of colvar_stride")
    if isinstance(config.bias, Metadynamics) and config.sync_stride % config.bias.pace:
        found.append("walkers.sync_stride must be a multiple of bias.pace")
    return found
