"""Processes that divide the sites get the numbers of one, in every kind of box, with less work each."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import gnncv
from core_model import CUTOFF, SPECIES, write_core_model
from distance_models import write_distance_model
from gnncv.demo import fcc_crystal, shipped_model
from molecule_models import molecular_system, write_molecule_model
from systems import BOXES, random_structure

SOURCE = Path(__file__).parent / "divided"
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}


@dataclass
class Process:
    """What one process printed, a list entry for each frame."""

    values: list[np.ndarray] = field(default_factory=list)
    gradient: list[np.ndarray] = field(default_factory=list)
    strain: list[np.ndarray] = field(default_factory=list)
    counts: list[np.ndarray] = field(default_factory=list)
    refused: str = ""


@pytest.fixture(scope="module")
def divided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built with find_package(gnncv)."""
    build = tmp_path_factory.mktemp("divided")
    configure = ["cmake", "-S", SOURCE, "-B", build, f"-DCMAKE_PREFIX_PATH={gnncv.cmake_prefix_path}"]
    flags = ["-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror"]
    for command in ([*configure, *flags], ["cmake", "--build", build]):
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return build / "divided"


def as_text(frames: list[Atoms]) -> str:
    lines = [str(len(frames))]
    for atoms in frames:
        lines += [str(len(atoms)), " ".join(map(repr, atoms.cell.array.ravel().tolist()))]
        lines.append(" ".join(str(int(p)) for p in atoms.pbc))
        for symbol, position in zip(atoms.get_chemical_symbols(), atoms.positions.tolist(), strict=True):
            lines.append(" ".join([symbol, *map(repr, position)]))
    return "\n".join(lines) + "\n"


def run(program: Path, model: Path, size: int, frames: list[Atoms]) -> list[Process]:
    done = subprocess.run(
        [program, model, str(size)], input=as_text(frames), env=ENVIRONMENT, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    processes: list[Process] = []
    for line in done.stdout.splitlines():
        name, *numbers = line.split()
        if name == "process":
            processes.append(Process())
        elif name == "refused":
            processes[-1].refused = " ".join(numbers)
        else:
            getattr(processes[-1], name).append(np.array(numbers, dtype=float))
    assert len(processes) == size
    return processes


def shaken(atoms: Atoms, frames: int, generator: np.random.Generator) -> list[Atoms]:
    """A short walk: atoms and cell drift, so that the list serves some steps and is rebuilt at others."""
    walk = [atoms]
    for _ in range(frames - 1):
        here = walk[-1].copy()
        stretch = np.eye(3) + 0.004 * generator.normal(size=(3, 3))
        here.set_cell(here.cell.array @ stretch)
        here.positions = here.positions @ stretch + 0.08 * generator.normal(size=here.positions.shape)
        walk.append(here)
    return walk


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("box", BOXES)
def test_the_same_numbers_as_one_process(divided, tmp_path, box, size, generator):
    model = write_core_model(tmp_path / "model.pt")
    frames = shaken(random_structure(box, 60, SPECIES, CUTOFF, generator), 4, generator)
    processes = run(divided, model, size, frames)
    assert_equal_to_one_process(processes, model, frames)
    assert {process.refused for process in processes} == {
        "there is nothing to differentiate: call evaluate first, differentiable"
    }


@pytest.mark.parametrize(("kind", "size"), [("filter", 2), ("attention", 3), ("simple", 2)])
@pytest.mark.parametrize("box", BOXES)
def test_bonds_that_stand_for_both_directions(divided, tmp_path, box, kind, size, generator):
    """Each is in one row, whichever of its ends belongs to the process; messages are the farthest hop."""
    model = write_distance_model(tmp_path / "model.pt", "float64", kind)
    start = random_structure(box, 30, SPECIES, CUTOFF, generator)
    if start.pbc.all():
        start = start.repeat((8, 1, 1))
        start.positions += 0.05 * generator.normal(size=start.positions.shape)
    frames = shaken(start, 3, generator)
    assert_equal_to_one_process(run(divided, model, size, frames), model, frames)


@pytest.mark.parametrize(("kind", "size"), [("distances", 2), ("invariants", 3)])
@pytest.mark.parametrize("box", ["triclinic", "slab", "open"])
def test_molecules_are_divided_by_their_centers(divided, tmp_path, box, kind, size, generator):
    model = write_molecule_model(tmp_path / "model.pt", kind=kind)
    start, site = molecular_system(box, 40, generator)
    frames = [start]
    for _ in range(2):
        here = frames[-1].copy()
        here.positions += 0.3 * generator.normal(size=(40, 3))[site]
        here.positions += 0.01 * generator.normal(size=here.positions.shape)
        frames.append(here)
    assert_equal_to_one_process(run(divided, model, size, frames), model, frames)


@pytest.mark.parametrize("size", [2, 4])
def test_the_same_numbers_in_a_long_box(divided, tmp_path, size, generator):
    """Long enough that no process needs all atoms."""
    model = write_core_model(tmp_path / "model.pt")
    start = random_structure("triclinic", 30, SPECIES, CUTOFF, generator).repeat((12, 1, 1))
    start.positions += 0.05 * generator.normal(size=start.positions.shape)
    frames = shaken(start, 3, generator)
    processes = run(divided, model, size, frames)
    assert_equal_to_one_process(processes, model, frames)
    alone = gnncv.CollectiveVariable(model)
    alone.compute(start, outputs=[])
    assert all(process.counts[0][0] < 0.95 * alone.statistics["n_pairs"] for process in processes)


def assert_equal_to_one_process(processes: list[Process], model: Path, frames: list[Atoms]) -> None:
    cv = gnncv.CollectiveVariable(model)
    n_names = len(cv.names)
    for k, atoms in enumerate(frames):
        exact = cv.compute(atoms)
        gradients = [*exact.gradients, exact.gradients.sum(axis=0)]
        strains = [*exact.strain_gradient, exact.strain_gradient.sum(axis=0)]
        for process in processes:
            np.testing.assert_allclose(process.values[k], exact.values, rtol=1e-12, atol=1e-13)
            for g in range(n_names + 1):
                at = k * (n_names + 1) + g
                for printed, ours in ((process.gradient[at], gradients[g]), (process.strain[at], strains[g])):
                    np.testing.assert_allclose(
                        printed, ours.ravel(), rtol=0, atol=1e-12 * max(1.0, np.abs(ours).max())
                    )
    rebuilds = {int(process.counts[-1][1]) for process in processes}
    assert len(rebuilds) == 1, "processes must rebuild together"


def test_fewer_atoms_than_processes(divided, tmp_path, generator):
    model = write_core_model(tmp_path / "model.pt")
    atoms = random_structure("cubic", 3, SPECIES, CUTOFF, generator)
    exact = gnncv.CollectiveVariable(model).compute(atoms)
    for process in run(divided, model, 4, [atoms]):
        np.testing.assert_allclose(process.values[0], exact.values, rtol=1e-13)


def test_work_is_divided(divided, generator):
    """In a large crystal each of four processes has far fewer bonds than one alone."""
    atoms = fcc_crystal(18)
    atoms.positions += 0.1 * generator.normal(size=atoms.positions.shape)
    alone = gnncv.CollectiveVariable(shipped_model())
    exact = alone.compute(atoms, outputs=[])
    processes = run(divided, shipped_model(), 4, [atoms])
    shares = [process.counts[0][0] / alone.statistics["n_pairs"] for process in processes]
    print(f"shares of the bonds: {shares}")
    assert max(shares) < 0.6
    for process in processes:
        np.testing.assert_allclose(process.values[0], exact.values, rtol=2e-6, atol=2e-6)
