"""Every PLUMED that is found, with the plugin built for it once a session, and random models and frames."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import gnncv
from core_model import CUTOFF, SPECIES, make_core_model, save_script, write_core_model
from gnncv.plumed import Installation
from systems import random_structure

sys.path.insert(0, str(Path(__file__).parent))

from plumed_driver import Plumed, build, installations


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture, with_mpi in (("plumed", False), ("plumed_with_mpi", True)):
        if fixture in metafunc.fixturenames:
            found = installations(with_mpi)
            kind = "PLUMED with MPI" if with_mpi else "PLUMED"
            missing = pytest.param(None, marks=pytest.mark.skip(reason=f"no {kind} is installed"), id="none")
            params = [pytest.param(one, id=one.version) for one in found] or [missing]
            metafunc.parametrize(fixture, params, indirect=True, scope="session")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory):
    """Plugins by the root of their PLUMED, each built at its first use."""

    @cache
    def plugin(installation: Installation) -> Path:
        return build(installation, tmp_path_factory.mktemp(f"plugin-{installation.version}"))

    return plugin


@pytest.fixture(scope="session")
def plumed(request: pytest.FixtureRequest, built) -> Plumed:
    """A PLUMED without MPI; tests that use it run once for each that is installed."""
    return Plumed(request.param, built(request.param))


@pytest.fixture(scope="session")
def plumed_with_mpi(request: pytest.FixtureRequest, built) -> Plumed:
    return Plumed(request.param, built(request.param))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model of two species and four outputs, in double precision."""
    return write_core_model(tmp_path_factory.mktemp("model") / "core.pt")


def write_variant(path: Path, species: list[str], names: list[str]) -> Path:
    """The same model with other names of species and outputs."""
    module = make_core_model("float64")
    module.species, module.output_names = species, names
    metadata = {"format_version": 1, "cutoff": CUTOFF, "species": species, "precision": "float64"}
    metadata["outputs"] = [{"name": name, "kind": "intensive"} for name in names]
    save_script(module, path, {"gnncv.json": json.dumps(metadata), "gnncv_format": "1"})
    return path


@pytest.fixture(scope="session")
def energy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose last output is an energy, as a learned bias is."""
    names = ["mean-1", "mean-2", "mixed", "bias"]
    return write_variant(tmp_path_factory.mktemp("model") / "energy.pt", SPECIES, names)


@pytest.fixture(scope="session")
def one_species_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = ["progress", "deviation", "novelty", "latent-1"]
    return write_variant(tmp_path_factory.mktemp("model") / "argon.pt", ["Ar"], names)


@pytest.fixture(scope="session")
def cv(model: Path) -> gnncv.CollectiveVariable:
    return gnncv.CollectiveVariable(model, num_threads=1)


@pytest.fixture
def trajectory(cv: gnncv.CollectiveVariable, generator: np.random.Generator):
    """A function that makes frames of the same atoms, moved and strained at random."""

    def make(box: str, n_atoms: int = 24, n_frames: int = 3, shake: float = 0.1) -> list[Atoms]:
        first = random_structure(box, n_atoms, cv.species, cv.cutoff, generator)
        first.symbols[:2] = cv.species  # both, whatever was drawn
        frames = [first]
        for _ in range(n_frames - 1):
            frame = first.copy()
            frame.positions += shake * generator.normal(size=frame.positions.shape)
            if any(frame.pbc):
                strain = np.eye(3) + 0.02 * generator.normal(size=(3, 3))
                frame.set_cell(frame.cell.array @ strain, scale_atoms=True)
            frames.append(frame)
        return frames

    return make
