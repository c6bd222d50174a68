"""Two argon atoms in a double well of their distance: system and model file, the free energy known."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import openmm
import torch
from ase import Atoms
from torch import Tensor

from core_model import save_script
from gnncv._native import load_operators
from gnncv.analysis.thermal import thermal_energy

load_operators()

TEMPERATURE = 300.0
MIDDLE, HALF_GAP, BARRIER = 4.0, 0.6, 10.0  # angstrom, angstrom, kJ/mol (four kT)
OUTPUTS = ["distance", "inverse"]


class DimerModel(torch.nn.Module):
    """Distance (angstrom) of the only two atoms, and ten times its inverse."""

    species: list[str]
    output_names: list[str]
    site_names: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.format_version = 2
        self.cutoff = 12.0
        self.species = ["Ar"]
        self.output_names = list(OUTPUTS)
        self.site_names = ["distance"]
        self.precision = "float64"

    @torch.jit.export
    def site_part(
        self, vectors: Tensor, center: Tensor, neighbor: Tensor, row_ptr: Tensor, types: Tensor
    ) -> Tensor:
        """Distances to the other atom ``(2, 1)``."""
        return vectors.square().sum(1).sqrt().unsqueeze(1)

    @torch.jit.export
    def sums(self, site: Tensor) -> Tensor:
        """Twice the distance."""
        return site.sum(0)

    @torch.jit.export
    def head(self, sums: Tensor) -> Tensor:
        """Distance and inverse."""
        return torch.cat([0.5 * sums, 20.0 / sums])

    @torch.jit.export
    def site_values(self, site: Tensor) -> Tensor:
        """The distance."""
        return site

    def forward(
        self, vectors: Tensor, center: Tensor, neighbor: Tensor, row_ptr: Tensor, types: Tensor
    ) -> Tensor:
        """The outputs."""
        return self.head(self.sums(self.site_part(vectors, center, neighbor, row_ptr, types)))


def write_dimer_model(path: Path) -> Path:
    """Write the model file and return its path."""
    facts = {"format_version": 2, "cutoff": 12.0, "species": ["Ar"], "precision": "float64"}
    facts["outputs"] = [{"name": name, "kind": "neither"} for name in OUTPUTS]
    extra = {"gnncv.json": json.dumps(facts), "gnncv_format": "2"}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
        scripted = torch.jit.script(DimerModel())
    save_script(scripted, path, extra)
    return path


def write_system(path: Path) -> Path:
    """Write the OpenMM system: U = B (((r - middle) / half gap)^2 - 1)^2."""
    system = openmm.System()
    for _ in range(2):
        system.addParticle(39.948)
    force = openmm.CustomBondForce(f"{BARRIER}*(((r - {MIDDLE / 10})/{HALF_GAP / 10})^2 - 1)^2")
    force.addBond(0, 1)
    system.addForce(force)
    path.write_text(openmm.XmlSerializer.serialize(system))
    return path


def dimer(distance: float = MIDDLE - HALF_GAP) -> Atoms:
    """The two atoms, in no box."""
    return Atoms("Ar2", positions=[[0, 0, 0], [distance, 0, 0]])


def exact(distances: np.ndarray) -> np.ndarray:
    """Free energy (kJ/mol) along the distance, up to a constant."""
    well = BARRIER * (((distances - MIDDLE) / HALF_GAP) ** 2 - 1.0) ** 2
    return well - 2.0 * thermal_energy(TEMPERATURE) * np.log(distances)


def exact_mean(of: np.ndarray, distances: np.ndarray) -> float:
    """Thermal average, from values on an even grid of distances."""
    weights = np.exp(-exact(distances) / thermal_energy(TEMPERATURE))
    return float(np.sum(of * weights) / np.sum(weights))


def run_values(folder: Path, **keys: Any) -> dict[str, Any]:
    """Plain values of a run's configuration, its files written to the folder."""
    from ase.io import write

    write(folder / "start.extxyz", dimer())
    values: dict[str, Any] = {
        "engine": "openmm",
        "platform": "Reference",
        "cv": str(write_dimer_model(folder / "dimer.pt")),
        "start": str(folder / "start.extxyz"),
        "system": {"kind": "openmm-xml", "file": str(write_system(folder / "system.xml"))},
        "output": str(folder / "run"),
        "steps": 15_000,
        "timestep_fs": 10.0,
        "temperature_kelvin": TEMPERATURE,
        "friction_per_ps": 5.0,
        "colvar_stride": 5,
        "trajectory_stride": 10_000,
        "checkpoint_stride": 10_000,
        "seed": 3,
    }
    return {**values, **keys}


METADYNAMICS = {
    "kind": "metadynamics",
    "cv": "distance",
    "sigma": 0.1,
    "height_kj_mol": 1.2,
    "pace": 20,
    "biasfactor": 8.0,
    "min": 2.5,
    "max": 5.5,
}
