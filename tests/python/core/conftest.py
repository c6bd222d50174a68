"""The models whose properties are tested: two random ones, and every model file that the package ships."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms

import gnncv
from core_model import write_core_model
from distance_models import CONFIGURATIONS, write_distance_model
from gnncv._native import load_operators
from systems import random_structure

SHIPPED = sorted((Path(gnncv.__file__).parent / "demo").rglob("*.pt"))


@dataclass(frozen=True)
class Subject:
    """One model in double precision, and the same in single precision where there is one."""

    float64: Path
    float32: Path | None

    def cv(self, **options) -> gnncv.CollectiveVariable:
        return gnncv.CollectiveVariable(self.float64, num_threads=1, **options)

    def outputs_of_kind(self, kind: str) -> list[str]:
        """Outputs that the model file calls intensive or extensive."""
        return [output["name"] for output in self.cv().metadata["outputs"] if output["kind"] == kind]

    def structure(self, box: str, n_atoms: int, generator: np.random.Generator) -> Atoms:
        cv = self.cv()
        return random_structure(box, n_atoms, cv.species, cv.cutoff, generator)


def in_double(path: Path, folder: Path) -> Path:
    """The same weights, computing in double precision."""
    load_operators()
    extra = {"gnncv.json": "", "gnncv_format": ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = torch.jit.load(path, _extra_files=extra)
        model.double()
        model.precision = "float64"
        target = folder / f"{path.stem}_float64.pt"
        model.save(str(target), _extra_files=extra)
    return target


@pytest.fixture(
    scope="session",
    params=["random", *CONFIGURATIONS, *SHIPPED],
    ids=lambda p: p if isinstance(p, str) else p.stem,
)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder = tmp_path_factory.mktemp("models")
    single, double = folder / "single.pt", folder / "double.pt"
    if request.param in CONFIGURATIONS:
        files = ((double, "float64"), (single, "float32"))
        return Subject(*(write_distance_model(*file, request.param) for file in files))
    if request.param == "random":
        return Subject(write_core_model(double, "float64"), write_core_model(single, "float32"))
    if gnncv.CollectiveVariable(request.param).metadata["precision"] == "float64":
        return Subject(request.param, None)
    return Subject(in_double(request.param, folder), request.param)


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The random model's file, in double precision."""
    return write_core_model(tmp_path_factory.mktemp("random") / "model.pt")
